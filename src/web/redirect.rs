//! `GET /redirect`: the callback. Checks `state`, exchanges the code, signs the browser in.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Redirect;
use tracing::Instrument as _;

use super::App;
use super::failure::{Action, Failure, REGISTRATION_CHECKS};
use super::person::{BUSY_BECAUSE, BUSY_FOR};
use crate::flow::Message;
use crate::metrics::SignIn;
use crate::oauth::{AuthorizationCode, AuthorizationError, Callback, CallbackError, OAuthError};
use crate::session::{Browser, Login, PendingSignIn, StoreError};

/// Why a failed exchange is not tried again.
const NOT_REPEATED: &str = "A code works once, and nobody knows whether Smartsheet took this one before the answer was lost. So \
                            this app does not send it again.";

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

impl RedirectError {
    /// For the metrics.
    fn outcome(&self) -> SignIn {
        match self {
            Self::Unreadable(_) => SignIn::Unreadable,
            Self::UnknownState => SignIn::UnknownState,
            Self::Refused(AuthorizationError::AccessDenied) => SignIn::Denied,
            Self::Refused(_) => SignIn::RequestRefused,
            Self::NotExchanged(error) if error.is_operators() => SignIn::AppRefused,
            Self::NotExchanged(OAuthError::InvalidGrant(_)) => SignIn::CodeRefused,
            Self::NotExchanged(_) => SignIn::SmartsheetFailed,
            Self::Store(_) => SignIn::StoreFailed,
            Self::Interrupted => SignIn::Interrupted,
        }
    }

    /// For the log.
    fn reason(&self) -> String {
        match self {
            Self::Unreadable(error) => error.to_string(),
            Self::UnknownState => "unknown state".to_owned(),
            Self::Refused(error) => error.to_string(),
            Self::NotExchanged(error) => error.to_string(),
            Self::Store(error) => error.to_string(),
            Self::Interrupted => "the exchange was interrupted".to_owned(),
        }
    }
}

impl From<RedirectError> for Failure {
    fn from(error: RedirectError) -> Self {
        let reason = error.reason();
        let (status, kind, title, explanation, why) = match error {
            RedirectError::Store(error) => return error.into(),
            RedirectError::Interrupted => return Self::internal(reason),
            RedirectError::Unreadable(error) => (
                StatusCode::BAD_REQUEST,
                "callback-unreadable",
                "This sign-in can't be read",
                format!("What came back to this app is not what Smartsheet sends: {error}."),
                "A callback brings a code or an error, and each of its parameters once. Whatever else it is, nothing of it \
                 was used, and Smartsheet was asked nothing.",
            ),
            RedirectError::UnknownState => {
                return Self {
                    status: StatusCode::BAD_REQUEST,
                    kind: "state-unknown",
                    title: "This sign-in is not under way",
                    explanation: "It was finished already, took longer than 10 minutes, or was started in another \
                                  browser. To be safe, this app did not follow it."
                        .to_owned(),
                    why: "The state proves that a sign-in began in this very browser. Without that check, somebody could \
                          sign you in to an account of theirs without your noticing.",
                    checks: &[],
                    advice: "Continue: if you are signed in, you get to your profile; if not, the sign-in starts again.",
                    action: Action::Continue,
                    reason,
                    retry_after: None,
                };
            }
            RedirectError::Refused(AuthorizationError::AccessDenied) => {
                return Self {
                    status: StatusCode::FORBIDDEN,
                    kind: "access-denied",
                    title: "You chose not to sign in",
                    explanation: "Smartsheet told this app that you denied access. It got no token, and nothing about you was stored."
                        .to_owned(),
                    why: "An app may act for you only if you choose Allow. Smartsheet tells it when you don't, and nothing \
                          else.",
                    checks: &[],
                    advice: "If you change your mind, sign in and choose Allow.",
                    action: Action::SignIn,
                    reason,
                    retry_after: None,
                };
            }
            RedirectError::Refused(error) => {
                return Self::for_operator(
                    "authorization-refused",
                    format!("Smartsheet refused this app's request to sign you in: {}.", describe(&error)),
                    reason,
                );
            }
            RedirectError::NotExchanged(error) if error.is_operators() => {
                return Self::for_operator(
                    "exchange-refused",
                    format!("Smartsheet refused this app itself: {error}."),
                    reason,
                );
            }
            RedirectError::NotExchanged(OAuthError::InvalidGrant(_)) => (
                StatusCode::BAD_REQUEST,
                "code-refused",
                "This sign-in has expired",
                "Smartsheet did not accept the code that it sent you back with. Codes work once, for about 10 minutes."
                    .to_owned(),
                "The code passes through your browser's address bar. Because it works once and not for long, whoever finds \
                 it there later has nothing.",
            ),
            RedirectError::NotExchanged(OAuthError::Timeout) => (
                StatusCode::GATEWAY_TIMEOUT,
                "smartsheet-slow",
                "Smartsheet took too long",
                "Smartsheet did not answer in time, so you are not signed in.".to_owned(),
                NOT_REPEATED,
            ),
            RedirectError::NotExchanged(OAuthError::NotSent(_)) => return Self::busy(reason),
            RedirectError::NotExchanged(_) => (
                StatusCode::BAD_GATEWAY,
                "smartsheet-failed",
                "Smartsheet could not complete the sign-in",
                "Smartsheet can't be reached, or its answer can't be read, so you are not signed in.".to_owned(),
                NOT_REPEATED,
            ),
        };
        Self {
            status,
            kind,
            title,
            explanation,
            why,
            advice: "Start the sign-in again.",
            checks: &[],
            action: Action::SignIn,
            reason,
            retry_after: None,
        }
    }
}

impl Failure {
    /// 503: the code was not sent.
    fn busy(reason: String) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            kind: "busy",
            title: "This app is busy",
            explanation: "Too much is going on here at the moment, so you are not signed in."
                .to_owned(),
            why: BUSY_BECAUSE,
            advice: "Start the sign-in again in a few seconds.",
            checks: &[],
            action: Action::SignIn,
            reason,
            retry_after: Some(BUSY_FOR),
        }
    }

    /// 502: only whoever runs this app can help.
    fn for_operator(kind: &'static str, explanation: String, reason: String) -> Self {
        Self {
            status: StatusCode::BAD_GATEWAY,
            kind,
            title: "This app is not set up right",
            explanation,
            why: "Smartsheet knows an app by its client id, its secret and its redirect URL. It answered, so it can be \
                  reached: what the app says about itself is not what is registered.",
            advice: "Whoever runs this app must act, and should check:",
            checks: REGISTRATION_CHECKS,
            action: Action::GoHome,
            reason,
            retry_after: None,
        }
    }
}

fn describe(error: &AuthorizationError) -> String {
    match error {
        AuthorizationError::Other {
            error,
            description: Some(description),
        } => format!("{error} ({description})"),
        error => error.to_string(),
    }
}
