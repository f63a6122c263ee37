//! `GET /auth/grant`: gives whoever is signed in a ticket for a site, if they may use it.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use tokio::time::timeout;

use super::failures::{not_allowed, not_granted};
use super::visitor::read_hash;
use crate::gateway::Place;
use crate::session::{Identity, Stored};
use crate::web::App;
use crate::web::at::At;
use crate::web::browser::Browser;
use crate::web::failure::Failure;
use crate::web::person_failures::{PersonError, slow};
use crate::web::query::{self, parameter};
use crate::web::rate_limit::{self, Route};
use crate::web::rendered::ActionUrl;
use crate::web::return_to::{GRANT, within_site};
use crate::web::shares::Caller;

pub(super) async fn get(
    State(app): State<Arc<App>>,
    at: At,
    browser: Browser,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    if *at.place() != Place::App || !app.gateway.is_on() {
        return Ok(StatusCode::NOT_FOUND.into_response());
    }
    let query = query.as_deref();
    let [origin, nonce, return_to] = ["site", "nonce", "return_to"].map(|name| {
        // What is there twice is not there.
        parameter(query, name).ok().flatten()
    });
    let origin = origin.unwrap_or_default();
    let site = app.gateway.sites.of_origin(&origin);
    let site = site.ok_or_else(|| not_granted("a grant for what is not one of the sites"))?;
    let nonce = nonce.unwrap_or_default();
    let hash = read_hash(&nonce).ok_or_else(|| not_granted("a grant without a nonce"))?;
    let return_to = return_to.as_deref().and_then(within_site);
    let return_to = query::value(&return_to.unwrap_or_else(|| "/".to_owned()));

    // The same as it was understood, for whoever has to sign in first.
    let origin = query::value(site.origin());
    let here = format!("{GRANT}?site={origin}&nonce={nonce}&return_to={return_to}");
    let login = format!("/login?return_to={}", query::value(&here));
    let Some(stored) = browser.session().await? else {
        return Ok(Redirect::to(&login).into_response());
    };
    let identity = match identity(&app, &stored, caller).await {
        Ok(identity) => identity,
        Err(PersonError::SignedOut) => return Ok(Redirect::to(&login).into_response()),
        Err(PersonError::Failed(failure)) => return Err(failure),
    };
    if !app.gateway.allows(&identity) {
        let mut response = not_allowed(Some(&identity)).into_response();
        response.extensions_mut().insert(ActionUrl(login));
        return Ok(response);
    }
    let ticket = app
        .sessions
        .store
        .issue_ticket(stored.id, site.origin(), hash)
        .await?;
    let arrive = format!(
        "{}/auth/arrive?ticket={}&return_to={return_to}",
        site.origin(),
        ticket.text()
    );
    Ok(Redirect::to(&arrive).into_response())
}

/// Who `stored` is: what is known, or else what Smartsheet says now, as part of what the session and `caller` may have under way.
pub(super) async fn identity(
    app: &App,
    stored: &Stored,
    caller: Caller,
) -> Result<Identity, PersonError> {
    let identities = &app.gateway.identities;
    if let Some(identity) = &stored.data.login.identity {
        identities.ask_behind(stored.id, &stored.data.login);
        return Ok(identity.clone());
    }
    // It costs a call, as `/me` does.
    if let Some(failure) = rate_limit::refused(app, Route::Me, caller) {
        return Err(PersonError::Failed(failure));
    }
    let share = app.limits.shares.visit(stored.id, caller).await;
    let _share = share.map_err(PersonError::Failed)?;
    match timeout(app.settings.patience, identities.ask(stored.id)).await {
        Ok(asked) => Ok(asked?),
        Err(_) => Err(PersonError::Failed(slow())),
    }
}
