//! Why a callback signs nobody in, for the metrics, for the log and for the person.

use std::time::Duration;

use axum::http::StatusCode;

use super::RedirectError;
use crate::metrics::SignIn;
use crate::oauth::{AuthorizationError, OAuthError};
use crate::web::failure::{Action, Failure, REGISTRATION_CHECKS};
use crate::web::failure::{BUSY_BECAUSE, BUSY_FOR};
use crate::web::person_failures::{MAINTENANCE_FOR, PAUSE_FOR};

/// Why a failed exchange is not tried again.
const NOT_REPEATED: &str = "A code works once, and nobody knows whether Smartsheet took this one before the answer was lost. So \
                            this app does not send it again.";

impl RedirectError {
    /// For the metrics.
    pub(super) fn outcome(&self) -> SignIn {
        match self {
            Self::Unreadable(_) => SignIn::Unreadable,
            Self::UnknownState => SignIn::UnknownState,
            Self::Refused(AuthorizationError::AccessDenied) => SignIn::Denied,
            Self::Refused(error) if error.may_pass() => SignIn::SmartsheetFailed,
            Self::Refused(_) => SignIn::RequestRefused,
            Self::NotExchanged(error) if error.is_operators() => SignIn::AppRefused,
            Self::NotExchanged(OAuthError::InvalidGrant(_)) => SignIn::CodeRefused,
            Self::StillUnderWay | Self::NotExchanged(_) => SignIn::SmartsheetFailed,
            Self::Store(_) => SignIn::StoreFailed,
            Self::Interrupted => SignIn::Interrupted,
        }
    }

    /// For the log.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Unreadable(error) => error.to_string(),
            Self::UnknownState => "unknown state".to_owned(),
            Self::StillUnderWay => "another callback with this state is still under way".to_owned(),
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
                "This sign-in can’t be read",
                format!("What came back to this app is not what Smartsheet sends: {error}."),
                "A callback brings a code or an error, and each of its parameters once. Whatever else it is, nothing of it \
                 was used, and Smartsheet was asked nothing.",
            ),
            RedirectError::UnknownState => {
                return Self {
                    status: StatusCode::BAD_REQUEST,
                    kind: "state-unknown",
                    title: "This sign-in is no longer valid",
                    explanation: "It was finished already, took longer than 10 minutes, or was started in another \
                                  browser. To be safe, this app did not follow it."
                        .to_owned(),
                    said: None,
                    why: "The state proves that a sign-in began in this very browser. Without that check, somebody could \
                          sign you in to an account of theirs without your noticing.",
                    checks: &[],
                    advice: "Continue: if you are signed in, you get to your profile; if not, the sign-in starts again.",
                    action: Action::Continue,
                    reason,
                    retry_after: None,
                };
            }
            RedirectError::Refused(AuthorizationError::AccessDenied) => return Self::denied(reason),
            RedirectError::Refused(error) if error.may_pass() => {
                return Self::no_sign_ins(&error, reason);
            }
            RedirectError::Refused(error) => {
                return Self::for_operator(
                    "authorization-refused",
                    "Smartsheet refused this app’s request to sign you in.",
                    describe(&error),
                    reason,
                );
            }
            RedirectError::NotExchanged(error) if error.is_operators() => {
                return Self::for_operator(
                    "exchange-refused",
                    "Smartsheet refused this app itself.",
                    error.to_string(),
                    reason,
                );
            }
            RedirectError::NotExchanged(OAuthError::InvalidGrant(_)) => (
                StatusCode::BAD_REQUEST,
                "code-refused",
                "This sign-in has expired",
                "Smartsheet did not accept the code that it sent you back with. Codes work once, for about 10 minutes."
                    .to_owned(),
                "The code passes through your browser’s address bar. Because it works once and not for long, whoever finds \
                 it there later has nothing.",
            ),
            RedirectError::StillUnderWay | RedirectError::NotExchanged(OAuthError::Timeout) => (
                StatusCode::GATEWAY_TIMEOUT,
                "smartsheet-slow",
                "Smartsheet took too long",
                "Smartsheet did not answer in time, so this sign-in failed.".to_owned(),
                NOT_REPEATED,
            ),
            RedirectError::NotExchanged(OAuthError::NotSent(_)) => return Self::busy(reason),
            RedirectError::NotExchanged(OAuthError::RateLimited(refusal)) => {
                return Self::paused(refusal.retry_after, reason);
            }
            RedirectError::NotExchanged(OAuthError::Unavailable(refusal)) => {
                return Self::maintenance(refusal.retry_after, reason);
            }
            RedirectError::NotExchanged(_) => (
                StatusCode::BAD_GATEWAY,
                "smartsheet-failed",
                "Smartsheet could not complete the sign-in",
                "Smartsheet can’t be reached, or its answer can’t be read, so this sign-in failed.".to_owned(),
                NOT_REPEATED,
            ),
        };
        Self {
            status,
            kind,
            title,
            explanation,
            said: None,
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
    /// 403: the person chose Deny.
    fn denied(reason: String) -> Self {
        Self {
                    status: StatusCode::FORBIDDEN,
                    kind: "access-denied",
                    title: "You chose not to sign in",
                    explanation: "Smartsheet told this app that you denied access. It got no token, and nothing about you was stored."
                        .to_owned(),
                    said: None,
                    why: "An app may act for you only if you choose Allow. Smartsheet tells it when you don’t, and nothing \
                          else.",
                    checks: &[],
                    advice: "If you change your mind, sign in and choose Allow.",
                    action: Action::SignIn,
                    reason,
                    retry_after: None,
                }
    }

    /// 503: the code was not sent.
    fn busy(reason: String) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            kind: "busy",
            title: "This app is busy",
            explanation: "Too much is going on here at the moment, so this sign-in failed."
                .to_owned(),
            said: None,
            why: BUSY_BECAUSE,
            advice: "Start the sign-in again in a few seconds.",
            checks: &[],
            action: Action::SignIn,
            reason,
            retry_after: Some(BUSY_FOR),
        }
    }

    /// 503: the authorization server sent the browser back because it can't answer.
    fn no_sign_ins(error: &AuthorizationError, reason: String) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            kind: "smartsheet-unavailable",
            title: "Smartsheet can’t sign you in at the moment",
            explanation: format!("It sent you back with {error}, so this sign-in failed."),
            said: None,
            why: "A server that fails has no other way to say so: what it answers a browser with at this point is an address \
                  to go to.",
            advice: "Start the sign-in again in a moment.",
            checks: &[],
            action: Action::SignIn,
            reason,
            retry_after: Some(MAINTENANCE_FOR),
        }
    }

    /// 503: the token endpoint was asked for too much.
    fn paused(retry_after: Option<Duration>, reason: String) -> Self {
        Self {
            kind: "rate-limited",
            title: "Smartsheet asks for a pause",
            explanation: "This app has asked Smartsheet for too much in a short time, so this sign-in failed."
                .to_owned(),
            why: "Smartsheet answers only so many requests a minute. Asking on would only make the pause longer.",
            ..Self::maintenance(Some(retry_after.unwrap_or(PAUSE_FOR)), reason)
        }
    }

    /// 503: the token endpoint is under maintenance.
    fn maintenance(retry_after: Option<Duration>, reason: String) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            kind: "smartsheet-unavailable",
            title: "Smartsheet is not available",
            explanation: "Smartsheet is offline for maintenance, so this sign-in failed."
                .to_owned(),
            said: None,
            why: NOT_REPEATED,
            advice: "Start the sign-in again later.",
            checks: &[],
            action: Action::SignIn,
            reason,
            retry_after: Some(retry_after.unwrap_or(MAINTENANCE_FOR)),
        }
    }

    /// 502: only whoever runs this app can help.
    fn for_operator(kind: &'static str, explanation: &str, said: String, reason: String) -> Self {
        Self {
            status: StatusCode::BAD_GATEWAY,
            kind,
            title: "This app is misconfigured",
            explanation: explanation.to_owned(),
            said: Some(said),
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
