//! `GET /auth/arrive`: takes a ticket, and gives the browser the site's cookie.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse as _, Redirect, Response};

use super::failures::not_arrived;
use super::visitor::{Nonces, pointers, set_pointer};
use crate::gateway::Site;
use crate::session::{Arrival, Pointer};
use crate::web::App;
use crate::web::at::At;
use crate::web::failure::Failure;
use crate::web::query::{self, parameter};
use crate::web::rendered::ActionUrl;
use crate::web::return_to::within_site;

pub(super) async fn get(
    State(app): State<Arc<App>>,
    at: At,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let Some(site) = at.site() else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    let return_to = parameter(query.as_deref(), "return_to").ok().flatten();
    let return_to = return_to.as_deref().and_then(within_site);
    let return_to = return_to.unwrap_or_else(|| "/".to_owned());
    let ticket = parameter(query.as_deref(), "ticket").ok().flatten();
    let ticket = ticket.and_then(|ticket| Pointer::parse(ticket.as_bytes()));
    let nonces = Nonces::of(&headers, site);
    let arrival = match &ticket {
        Some(ticket) => {
            let before = pointers(&headers, site);
            let hashes = nonces.hashes();
            app.sessions
                .store
                .arrive(ticket, site.origin(), &hashes, &before)
                .await?
        }
        None => None,
    };
    if let Some(arrival) = arrival {
        return Ok(arrived(&app, site, &nonces, &arrival, &return_to));
    }
    let mut response = not_arrived().into_response();
    let again = format!("/auth/sign-in?return_to={}", query::value(&return_to));
    response.extensions_mut().insert(ActionUrl(again));
    Ok(response)
}

fn arrived(
    app: &App,
    site: &Site,
    nonces: &Nonces,
    arrival: &Arrival,
    return_to: &str,
) -> Response {
    tracing::info!(site = site.origin(), "signed in at a site");
    let cookies = [
        set_pointer(site, &arrival.pointer, app.settings.session_lifetime),
        nonces.remove(site, &arrival.nonce),
    ];
    let cookies = cookies.into_iter().flatten();
    let cookies = cookies.map(|cookie| (header::SET_COOKIE, cookie));
    (
        AppendHeaders(cookies.collect::<Vec<_>>()),
        Redirect::to(return_to),
    )
        .into_response()
}
