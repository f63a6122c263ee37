//! `GET /login`: sends the browser to Smartsheet with a fresh `state`.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Redirect;
use url::{Url, form_urlencoded};

use super::App;
use super::browser::Browser;
use super::failure::Failure;
use super::return_to::within_app;
use crate::metrics;
use crate::oauth;
use crate::session::SignIn;

pub(super) async fn get(
    State(app): State<Arc<App>>,
    browser: Browser,
    RawQuery(query): RawQuery,
) -> Result<Redirect, Failure> {
    let state = oauth::State::random(&mut rand::rng());
    let mut url = app.client.authorization_url(&app.scopes, &state);
    if app.sandbox {
        pass_on(query.as_deref().unwrap_or_default(), &mut url);
    }
    let return_to = query.as_deref().and_then(return_to);
    let return_to = return_to.unwrap_or_else(|| "/me".to_owned());
    // Nobody is sent on a way whose end could not be stored.
    app.store.is_writable().await?;
    let sign_in = SignIn::new(&state, return_to, app.clock.now());
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
    let mut values =
        form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "return_to");
    let (_, value) = values.next()?;
    match values.next() {
        None => within_app(&value),
        Some(_) => None,
    }
}
