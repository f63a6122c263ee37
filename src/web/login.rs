//! `GET /login`: sends the browser to Smartsheet with a fresh `state`.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Redirect;
use url::{Url, form_urlencoded};

use super::App;
use super::browser::Browser;
use super::failure::Failure;
use super::query::parameter;
use super::return_to::within_app;
use crate::metrics;
use crate::oauth::{self, Scope};
use crate::session::SignIn;

pub(super) async fn get(
    State(app): State<Arc<App>>,
    browser: Browser,
    RawQuery(query): RawQuery,
) -> Result<Redirect, Failure> {
    let state = oauth::State::random(&mut rand::rng());
    let query = query.as_deref().unwrap_or_default();
    let scopes = scopes(query, &app.settings.scopes);
    let asked_for = scopes.as_deref().unwrap_or(&app.settings.scopes);
    let mut url = app.smartsheet.client.authorization_url(asked_for, &state);
    if app.settings.sandbox {
        pass_on(query, &mut url);
    }
    let return_to = return_to(query);
    let return_to = return_to.unwrap_or_else(|| "/me".to_owned());
    // Nobody is sent on a way whose end could not be stored.
    app.sessions.store.is_writable().await?;
    let sign_in = SignIn::new(&state, return_to, app.clock.now()).asking_for(scopes);
    browser.record_in(sign_in.flow, sign_in.started_at);
    browser.start(&sign_in)?;
    app.metrics.sign_in(metrics::SignIn::Started);
    tracing::info!("sign-in started");
    Ok(Redirect::to(url.as_str()))
}

/// Hands parameters for the sandbox on to its consent page, so that a failure can be tried out by this very route.
fn pass_on(query: &str, url: &mut Url) {
    let ours = form_urlencoded::parse(query.as_bytes());
    let sandbox = ours.filter(|(name, _)| name.starts_with("sandbox_"));
    url.query_pairs_mut().extend_pairs(sandbox);
}

/// The parameter `return_to`, when it is there once and leads to a page of ours.
fn return_to(query: &str) -> Option<String> {
    within_app(&only(query, "return_to")?)
}

/// What the parameter `scope` asks for, as far as the settings allow it: names with blanks or commas between. `None`, which is all
/// that the settings name, when that comes to the same or to nothing.
fn scopes(query: &str, allowed: &[Scope]) -> Option<Vec<Scope>> {
    let asked = only(query, "scope")?;
    let names: Vec<&str> = asked.split([' ', ',']).collect();
    let scopes = allowed.iter().copied();
    let scopes: Vec<Scope> = scopes
        .filter(|scope| names.contains(&scope.name()))
        .collect();
    (!scopes.is_empty() && scopes.len() < allowed.len()).then_some(scopes)
}

/// The value of a parameter that is there once.
fn only(query: &str, name: &str) -> Option<String> {
    parameter(Some(query), name).ok().flatten()
}
