//! `GET /redirect`: the callback. Checks `state`, exchanges the code, signs the browser in.

mod failures;

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Redirect;
use tracing::Instrument as _;

use super::App;
use super::failure::Failure;
use crate::flow::Message;
use crate::metrics::SignIn;
use crate::oauth::{AuthorizationCode, AuthorizationError, Callback, CallbackError, OAuthError};
use crate::session::{Browser, Login, PendingSignIn, StoreError};

/// Why a callback signs nobody in.
enum RedirectError {
    Unreadable(CallbackError),
    /// `state` is missing, unknown, of another browser, used, or too old.
    UnknownState,
    Refused(AuthorizationError),
    NotExchanged(OAuthError),
    Store(StoreError),
    /// The task that exchanged the code panicked.
    Interrupted,
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    browser: Browser,
    RawQuery(query): RawQuery,
) -> Result<Redirect, Failure> {
    let result = sign_in(&app, &browser, &query.unwrap_or_default()).await;
    if let Err(RedirectError::Unreadable(_)) = &result {
        // For the record of the flow: nothing else has looked at the session.
        let _ = browser.read().await;
    }
    app.metrics.sign_in(
        result
            .as_ref()
            .map_or_else(RedirectError::outcome, |_| SignIn::Succeeded),
    );
    match &result {
        Ok(_) => tracing::info!("sign-in succeeded"),
        Err(error) => tracing::info!(reason = error.reason(), "sign-in failed"),
    }
    Ok(Redirect::to(&result?))
}

/// Signs the browser in and says where the person wanted to go.
async fn sign_in(app: &Arc<App>, browser: &Browser, query: &str) -> Result<String, RedirectError> {
    let callback = Callback::parse(query).map_err(RedirectError::Unreadable)?;

    // Nothing of the callback counts before it is known that this browser asked for it. Taking the pending sign-in out of
    // the session, in one conditional write, is also what makes each usable once.
    let state = callback.state.ok_or(RedirectError::UnknownState)?;
    let pending = browser
        .take_sign_in(&state, app.clock.now())
        .await?
        .ok_or(RedirectError::UnknownState)?;
    record_consent(app, browser, &pending, query);

    let signed_in = match callback.outcome {
        // A task of its own: once the code is sent, the answer must be stored even if the browser goes away.
        Ok(code) => app
            .tasks
            .spawn(exchange(Arc::clone(app), browser.clone(), code).in_current_span())
            .await
            .unwrap_or(Err(RedirectError::Interrupted)),
        Err(error) => Err(RedirectError::Refused(error)),
    };
    signed_in.map(|()| pending.return_to)
}

/// Takes down what the browser did at Smartsheet, as far as its way there and back tell.
fn record_consent(app: &App, browser: &Browser, pending: &PendingSignIn, query: &str) {
    if let Some(recorder) = browser.visit().learned().recorder {
        let way_there = app.client.authorization_url(&app.scopes, &pending.state);
        let way_back = format!("{}redirect?{query}", app.base_url);
        let now = app.clock.now();
        recorder.record(&Message::of_consent(
            &way_there,
            &way_back,
            pending.started_at,
            now,
        ));
    }
}

async fn exchange(
    app: Arc<App>,
    browser: Browser,
    code: AuthorizationCode,
) -> Result<(), RedirectError> {
    let now = app.clock.now();
    let client = match browser.visit().learned().recorder {
        Some(recorder) => app.client.watched_by(Arc::new(recorder)),
        None => app.client.clone(),
    };
    let token = client.exchange_code(&code, now).await?;
    let login = Login {
        signed_in_at: now,
        token,
        refreshed_at: None,
        lease: None,
        person: None,
    };
    if let Err(error) = browser.sign_in(login.clone()).await {
        // Nobody will ever use this pair: give it back.
        if let Err(error) = client.revoke(&login.token.access_token).await {
            tracing::warn!(%error, "a pair that could not be stored could not be revoked");
        }
        return Err(error.into());
    }
    Ok(())
}

impl From<StoreError> for RedirectError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<OAuthError> for RedirectError {
    fn from(error: OAuthError) -> Self {
        Self::NotExchanged(error)
    }
}
