//! `GET /auth/sign-in`: sends a browser from a site to the app, with a nonce that the site's own cookie remembers.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse as _, Redirect, Response};

use super::visitor::Nonces;
use crate::gateway::Place;
use crate::web::App;
use crate::web::at::At;
use crate::web::query::{self, parameter};
use crate::web::return_to::{GRANT, within_app, within_site};

pub(super) async fn get(
    State(app): State<Arc<App>>,
    at: At,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let given = parameter(query.as_deref(), "return_to").ok().flatten();
    let site = match at.place() {
        Place::Elsewhere => return StatusCode::NOT_FOUND.into_response(),
        Place::App => {
            let return_to = given.as_deref().and_then(within_app);
            let return_to = return_to.map(|path| format!("?return_to={}", query::value(&path)));
            let login = format!("/login{}", return_to.unwrap_or_default());
            return Redirect::to(&login).into_response();
        }
        Place::Site(site) => site,
    };
    let return_to = given.as_deref().and_then(within_site);
    let return_to = query::value(&return_to.unwrap_or_else(|| "/".to_owned()));
    if at.has_dot() {
        // For a browser another host: its cookies would not be there when it comes back.
        let here = format!("{}/auth/sign-in?return_to={return_to}", site.origin());
        return Redirect::to(&here).into_response();
    }
    let nonce = Nonces::of(&headers, site).add(site);
    let grant = format!(
        "{}{GRANT}?site={}&nonce={}&return_to={return_to}",
        app.gateway.sites.app().origin(),
        query::value(site.origin()),
        nonce.hash,
    );
    let cookies = nonce
        .cookies
        .into_iter()
        .map(|cookie| (header::SET_COOKIE, cookie));
    (
        AppendHeaders(cookies.collect::<Vec<_>>()),
        Redirect::to(&grant),
    )
        .into_response()
}
