//! Why there is no profile, for the person: one constructor a failure.

use std::time::Duration;

use axum::http::StatusCode;

use super::App;
use super::browser::Browser;
use crate::oauth::OAuthError;
use crate::session::AccessError;
use crate::smartsheet::ApiError;
use crate::web::failure::{Action, BUSY_BECAUSE, BUSY_FOR, Failure, REGISTRATION_CHECKS};

/// Why there is no profile.
pub(super) enum PersonError {
    /// Nobody is signed in.
    SignedOut,
    /// Everything else.
    Failed(Failure),
}

/// When to come again if Smartsheet asks for a pause, or is under maintenance, and does not say for how long.
pub(super) const PAUSE_FOR: Duration = Duration::from_mins(1);
pub(super) const MAINTENANCE_FOR: Duration = Duration::from_secs(30);

/// Why Smartsheet asks for pauses.
const PAUSE_WHY: &str = "Smartsheet answers 300 requests a minute for each token. Asking on would only make the pause longer.";

/// What to compare when the API refuses the app, whoever it asks for.
const API_CHECKS: &[&str] = &[
    "`smartsheet.api_url` is the address of Smartsheet’s API, version 2.0, unless it is not set, as it need not be.",
    "`smartsheet.region` is the one that the app was registered in.",
    "Nothing between this app and Smartsheet, such as a proxy, answers in its place.",
    "`smartsheet-oauth-demo check` shows which value of each setting is in force, and where it came from.",
];

impl PersonError {
    /// What `error` means to the person. The browser of a session that is gone still finds its messages. Its cookie stays: this
    /// answer may be late, and the browser may have another session's by now, from a sign-in in another tab.
    pub(super) fn of(error: AccessError, app: &App, browser: &Browser) -> Self {
        if let AccessError::GrantGone(Some(flow)) = &error {
            browser.record_in(flow.signed_in(), app.clock.now());
            browser.show_flow(*flow);
        }
        error.into()
    }
}

impl From<AccessError> for PersonError {
    fn from(error: AccessError) -> Self {
        let reason = error.to_string();
        Self::Failed(match error {
            AccessError::SignedOut => return Self::SignedOut,
            AccessError::GrantGone(_) => sign_in_again(reason),
            AccessError::Store(error) => error.into(),
            AccessError::NotRefreshed(error) => match error {
                OAuthError::Timeout => slow(),
                OAuthError::NotSent(_) => busy(reason),
                OAuthError::RateLimited(refusal) => rate_limited(refusal.retry_after, reason),
                OAuthError::Unavailable(refusal) => maintenance(refusal.retry_after, reason),
                error if error.is_operators() => refresh_refused(&error, reason),
                _ => unreadable(reason),
            },
        })
    }
}

impl From<ApiError> for PersonError {
    fn from(error: ApiError) -> Self {
        let reason = error.to_string();
        Self::Failed(match error {
            ApiError::TokenRefused(_) => sign_in_again(reason),
            // Not authorized, and not for this plan.
            ApiError::NotAllowed {
                code: 1004 | 1013,
                reason: said,
            } => no_api_access(&said, reason),
            ApiError::NotAllowed { reason: said, .. } => not_allowed(&said, reason),
            ApiError::AppRefused(said) => app_refused(&said, reason),
            ApiError::Refused(said) => refused(&said, reason),
            ApiError::RateLimited { retry_after, .. } => rate_limited(retry_after, reason),
            ApiError::Unavailable { retry_after, .. } => maintenance(retry_after, reason),
            ApiError::Timeout => slow(),
            ApiError::NotSent(_) => busy(reason),
            // Failed, unreachable or malformed: there is no answer of use.
            _ => unreadable(reason),
        })
    }
}

/// What most failures have in common.
fn failed(kind: &'static str, explanation: String, reason: String) -> Failure {
    Failure {
        status: StatusCode::BAD_GATEWAY,
        kind,
        title: "Smartsheet does not answer as it should",
        explanation,
        said: None,
        why: "The cause is at Smartsheet or on the way there. Where its documentation says that another try may help, this app \
              has made it already.",
        advice: "Try again in a moment.",
        checks: &[],
        action: Action::TryProfileAgain,
        reason,
        retry_after: None,
    }
}

/// 502: there is no answer of use, and nobody knows more.
fn unreadable(reason: String) -> Failure {
    failed(
        "smartsheet-failed",
        "Smartsheet can’t be reached, reports a failure, or its answer can’t be read. You are still signed in.".to_owned(),
        reason,
    )
}

/// 502: the token endpoint refuses the app itself.
fn refresh_refused(error: &OAuthError, reason: String) -> Failure {
    Failure {
        why: "Smartsheet knows an app by its client id and its secret. It answered, so it can be reached: what the app says \
              about itself is not what is registered.",
        advice: "Whoever runs this app must act, and should check:",
        checks: REGISTRATION_CHECKS,
        action: Action::GoHome,
        said: Some(error.to_string()),
        ..failed(
            "refresh-refused",
            "Smartsheet refused this app itself. You are still signed in.".to_owned(),
            reason,
        )
    }
}

/// 403: this person's plan, or their administrator, gives no access to the API.
fn no_api_access(said: &str, reason: String) -> Failure {
    Failure {
        why: "Signing in and using the API are two things: somebody on a plan without API access can do the first.",
        advice: "Ask your Smartsheet administrator whether your plan includes API access.",
        ..not_allowed(said, reason)
    }
}

/// 403: Smartsheet refuses this person, and says why.
fn not_allowed(said: &str, reason: String) -> Failure {
    Failure {
        status: StatusCode::FORBIDDEN,
        title: "Smartsheet does not allow this",
        why: "Smartsheet knows this app and takes its token. What you may do there, it decides for each person.",
        advice: "If the reason does not say what to do, ask your Smartsheet administrator.",
        action: Action::GoHome,
        said: Some(said.to_owned()),
        ..failed(
            "not-allowed",
            "Smartsheet refused the call that this app made for you. You are still signed in."
                .to_owned(),
            reason,
        )
    }
}

/// 502: the API refuses the app, whoever it asks for.
fn app_refused(said: &str, reason: String) -> Failure {
    Failure {
        title: "This app is misconfigured",
        why: "What this app asks for is not there, or not in this version of the API any more. It would be the same for \
              anybody.",
        advice: "Whoever runs this app must act, and should check:",
        checks: API_CHECKS,
        action: Action::GoHome,
        said: Some(said.to_owned()),
        ..failed(
            "api-refused",
            "Smartsheet refused the call of its API. You are still signed in.".to_owned(),
            reason,
        )
    }
}

/// 502: the call was refused for another reason, or by something in between.
fn refused(said: &str, reason: String) -> Failure {
    Failure {
        why: "A refusal of Smartsheet’s own has an errorCode. One without may come from something in between, such as a \
              firewall.",
        advice: "If it happens again, give the reason to whoever runs this app.",
        said: Some(said.to_owned()),
        ..failed(
            "smartsheet-refused",
            "The call of Smartsheet’s API was refused. You are still signed in.".to_owned(),
            reason,
        )
    }
}

/// 503, with the time to come again.
fn unavailable(
    kind: &'static str,
    explanation: &str,
    retry_after: Duration,
    reason: String,
) -> Failure {
    Failure {
        status: StatusCode::SERVICE_UNAVAILABLE,
        title: "Smartsheet is not available",
        retry_after: Some(retry_after),
        ..failed(kind, explanation.to_owned(), reason)
    }
}

/// 503: Smartsheet is under maintenance.
fn maintenance(retry_after: Option<Duration>, reason: String) -> Failure {
    unavailable(
        "smartsheet-unavailable",
        "Smartsheet is offline for maintenance. You are still signed in.",
        retry_after.unwrap_or(MAINTENANCE_FOR),
        reason,
    )
}

/// 503: Smartsheet was asked for too much.
fn rate_limited(retry_after: Option<Duration>, reason: String) -> Failure {
    Failure {
        title: "Smartsheet asks for a pause",
        why: PAUSE_WHY,
        ..unavailable(
            "rate-limited",
            "This app has asked Smartsheet for too much in a short time. You are still signed in.",
            retry_after.unwrap_or(PAUSE_FOR),
            reason,
        )
    }
}

/// 503: too much is going on here, or this instance stops and another one takes over.
fn busy(reason: String) -> Failure {
    Failure {
        title: "This app is busy",
        why: BUSY_BECAUSE,
        ..unavailable(
            "busy",
            "Smartsheet was not asked, because too much is going on here at the moment. You are still signed in.",
            BUSY_FOR,
            reason,
        )
    }
}

/// 503: while this visit used one token, others exchanged it for the next.
pub(super) fn overtaken(reason: String) -> Failure {
    Failure {
        title: "Your session changed meanwhile",
        why: "Each refresh makes the token before it void. A page asks twice at most, so that pages which disturb each other \
              come to an end.",
        ..unavailable(
            "token-replaced",
            "Another page of yours has just brought a new access token, and this one came too late with the old one. You \
             are still signed in.",
            Duration::from_secs(1),
            reason,
        )
    }
}

/// 504: no answer in time.
pub(super) fn slow() -> Failure {
    Failure {
        status: StatusCode::GATEWAY_TIMEOUT,
        title: "Smartsheet took too long",
        why: "This app waits for a while and then says so, rather than let a page hang.",
        ..failed(
            "smartsheet-slow",
            "Smartsheet did not answer in time. You are still signed in.".to_owned(),
            "no answer in time".to_owned(),
        )
    }
}

/// 401: Smartsheet takes neither of the tokens any more.
pub(super) fn sign_in_again(reason: String) -> Failure {
    Failure {
        status: StatusCode::UNAUTHORIZED,
        title: "Please sign in again",
        why: "An access token lives for days, and each refresh token brings one more pair, once. Smartsheet takes neither any \
              more.",
        advice: "Signing in again takes a moment.",
        action: Action::SignIn,
        ..failed(
            "grant-gone",
            "Smartsheet no longer lets this app act for you. The access was revoked, or has not been used for too long."
                .to_owned(),
            reason,
        )
    }
}

/// 401: nobody is signed in.
pub(super) fn signed_out() -> Failure {
    Failure {
        status: StatusCode::UNAUTHORIZED,
        kind: "signed-out",
        title: "Please sign in",
        explanation: "Nobody is signed in with this browser.".to_owned(),
        said: None,
        why: "",
        checks: &[],
        advice: "Sign in at /login with a browser.",
        action: Action::SignIn,
        reason: "signed out".to_owned(),
        retry_after: None,
    }
}
