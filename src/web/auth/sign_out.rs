//! `POST /auth/sign-out`: ends the login, here and on every site.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse as _, Redirect, Response};

use super::visitor::{pointers, remove_pointer};
use crate::gateway::Place;
use crate::web::at::At;
use crate::web::browser::Browser;
use crate::web::failure::Failure;
use crate::web::logout::{self, FORGET_PAGES};
use crate::web::{App, same_origin};

pub(super) async fn post(
    State(app): State<Arc<App>>,
    at: At,
    browser: Browser,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let (origin, site) = match at.place() {
        Place::Elsewhere => return Ok(StatusCode::NOT_FOUND.into_response()),
        Place::App => (app.gateway.sites.app().origin(), None),
        Place::Site(site) => (site.origin(), Some(site)),
    };
    if !same_origin::is_of(origin, site.is_none(), &headers) {
        return Ok(same_origin::refused().into_response());
    }
    let Some(site) = site else {
        logout::sign_out_here(&app, &browser).await?;
        return Ok((FORGET_PAGES, Redirect::to("/")).into_response());
    };
    let mut ids = Vec::new();
    for pointer in pointers(&headers, site) {
        let stored = app
            .sessions
            .store
            .visit_site(&pointer, site.origin())
            .await?;
        ids.extend(stored.map(|stored| stored.id));
    }
    logout::sign_out(&app, ids, None).await?;
    let cookie = remove_pointer(site).map(|cookie| (header::SET_COOKIE, cookie));
    let cookie = AppendHeaders(cookie);
    Ok((FORGET_PAGES, cookie, Redirect::to("/")).into_response())
}
