//! Who is signed in: the way from a session to a profile.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::time::timeout;

use super::App;
use super::failure::{Action, Failure, REGISTRATION_CHECKS};
use super::shares::Caller;
use crate::oauth::OAuthError;
use crate::session::{AccessError, Browser, Id, Login, Person, SignedIn};
use crate::smartsheet::{Api, ApiError, Profile};

/// Why this app can be busy.
pub(super) const BUSY_BECAUSE: &str = "The app makes a bounded number of calls to Smartsheet at once, so that a slow \
                                       Smartsheet does not fill its memory; and before it stops, it begins no token \
                                       request whose answer it could miss.";

/// When to come again if this app is busy.
pub(super) const BUSY_FOR: Duration = Duration::from_secs(2);

/// Why there is no profile.
pub(super) enum PersonError {
    /// Nobody is signed in.
    SignedOut,
    /// Everything else.
    Failed(Failure),
}

/// Somebody who is signed in, as Smartsheet knows them right now.
pub(super) struct Known {
    pub(super) profile: Profile,
    /// The sign-in whose token Smartsheet has just accepted.
    pub(super) login: Login,
}

/// The same as [`known_for`], for a page that does not look who asks: its calls are part of the session's share alone.
pub(super) async fn known(app: &App, browser: &Browser) -> Result<Known, PersonError> {
    known_for(app, browser, Caller::default()).await
}

/// Calls `users/me` for the browser's session, refreshing the token before or, when Smartsheet refuses it, in between; all
/// of that within [`App::patience`], and as part of what the session and `caller` may have under way. Remembers who it is
/// for the other pages.
pub(super) async fn known_for(
    app: &App,
    browser: &Browser,
    caller: Caller,
) -> Result<Known, PersonError> {
    let Some(id) = browser.id() else {
        return Err(PersonError::SignedOut);
    };
    // Giving up on the waiting ends no refresh: that goes on as a task of its own.
    let known = match timeout(app.patience, current_user(app, browser, id, caller)).await {
        Ok(known) => known,
        Err(_) => Err(PersonError::Failed(slow())),
    };
    if known.is_err() {
        // For the record: the session may be of no use, but its flow can still be shown.
        let _ = browser.read().await;
    }
    known
}

async fn current_user(
    app: &App,
    browser: &Browser,
    id: Id,
    caller: Caller,
) -> Result<Known, PersonError> {
    let mut signed_in = app.access.usable(id).await?;
    let share = app.shares.visit(id, caller).await;
    let share = share.map_err(PersonError::Failed)?;
    let api = watched(app, browser, &signed_in);
    let mut answer = api.current_user(signed_in.access_token()).await;
    // At most one refresh for a visit. Tokens that others brought are tried as they come: each may have expired, or have been
    // made void by the next refresh, before it was used.
    let mut may_refresh = true;
    while let Err(ApiError::TokenRefused(_)) = answer {
        let refused = signed_in.access_token();
        let next = if may_refresh {
            app.access.instead_of(id, refused).await?
        } else {
            app.access.usable(id).await?
        };
        if next.access_token() == refused {
            break;
        }
        may_refresh &= !next.is_new;
        signed_in = next;
        answer = api.current_user(signed_in.access_token()).await;
    }
    let profile = answer?;
    drop(share);

    let person = Person::of(&profile);
    let mut login = signed_in.login;
    if login.person.as_ref() != Some(&person) {
        let remembered = app.store.update(id, |data| {
            if let Some(login) = &mut data.login {
                login.person = Some(person.clone());
            }
        });
        if let Err(error) = remembered.await {
            // The profile is here and can be shown; the name is asked for again next time.
            tracing::warn!(%error, "a person's name could not be stored");
        }
        login.person = Some(person);
    }
    Ok(Known { profile, login })
}

/// The API, with its calls taken down in this session's flow.
fn watched(app: &App, browser: &Browser, signed_in: &SignedIn) -> Api {
    browser.visit().learn(signed_in.learned.clone());
    match &signed_in.learned.recorder {
        Some(recorder) => app.api.watched_by(Arc::new(recorder.clone())),
        None => app.api.clone(),
    }
}

impl Person {
    pub(super) fn of(profile: &Profile) -> Self {
        Self {
            name: profile.name(),
            email: profile.email().to_owned(),
        }
    }

    /// Whether the name is too long for the largest letters.
    pub(super) fn is_long(&self) -> bool {
        self.name.chars().count() > 40
    }
}

impl From<AccessError> for PersonError {
    fn from(error: AccessError) -> Self {
        let reason = error.to_string();
        Self::Failed(match error {
            AccessError::SignedOut => return Self::SignedOut,
            AccessError::GrantGone => sign_in_again(reason),
            AccessError::Store(error) => error.into(),
            AccessError::NotRefreshed(OAuthError::Timeout) => slow(),
            AccessError::NotRefreshed(error) if error.is_operators() => Failure {
                why: "Smartsheet knows an app by its client id and its secret. It answered, so it can be reached: what the \
                      app says about itself is not what is registered.",
                advice: "Whoever runs this app must act, and should check:",
                checks: REGISTRATION_CHECKS,
                action: Action::GoHome,
                ..failed(
                    "refresh-refused",
                    format!("Smartsheet refused this app itself: {error}. You are still signed in."),
                    reason,
                )
            },
            AccessError::NotRefreshed(OAuthError::Provider(refusal)) if refusal.status == 429 => {
                rate_limited(refusal.retry_after, reason)
            }
            AccessError::NotRefreshed(OAuthError::NotSent(_)) => busy(reason),
            AccessError::NotRefreshed(_) => failed(
                "smartsheet-failed",
                "Smartsheet can't be reached, or its answer can't be read. You are still signed in.".to_owned(),
                reason,
            ),
        })
    }
}

impl From<ApiError> for PersonError {
    fn from(error: ApiError) -> Self {
        let reason = error.to_string();
        Self::Failed(match error {
            ApiError::TokenRefused(_) => sign_in_again(reason),
            ApiError::NotAllowed(said) => Failure {
                status: StatusCode::FORBIDDEN,
                title: "Smartsheet does not allow this",
                why: "Signing in and using the API are two things: somebody on a plan without API access can do the first.",
                advice: "Ask your Smartsheet administrator whether your plan includes API access.",
                action: Action::GoHome,
                ..failed("not-allowed", format!("Smartsheet's reason: {said}. You are still signed in."), reason)
            },
            ApiError::RateLimited { retry_after, .. } => rate_limited(retry_after, reason),
            ApiError::Unavailable { retry_after, .. } => unavailable(
                "smartsheet-unavailable",
                "Smartsheet is offline for maintenance. You are still signed in.",
                retry_after.unwrap_or(Duration::from_secs(30)),
                reason,
            ),
            ApiError::Timeout => slow(),
            ApiError::NotSent(_) => busy(reason),
            ApiError::Failed(_) | ApiError::Unreachable(_) | ApiError::Malformed(_) => failed(
                "smartsheet-failed",
                "Smartsheet can't be reached, reports a failure, or its answer can't be read. You are still signed in."
                    .to_owned(),
                reason,
            ),
        })
    }
}

fn failed(kind: &'static str, explanation: String, reason: String) -> Failure {
    Failure {
        status: StatusCode::BAD_GATEWAY,
        kind,
        title: "Smartsheet does not answer as it should",
        explanation,
        why: "The cause is at Smartsheet or on the way there. Where its documentation says that another try may help, this app \
              has made it already.",
        advice: "Try again in a moment.",
        checks: &[],
        action: Action::TryProfileAgain,
        reason,
        retry_after: None,
    }
}

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

fn rate_limited(retry_after: Option<Duration>, reason: String) -> Failure {
    Failure {
        title: "Smartsheet asks for a pause",
        why: "Smartsheet answers 300 requests a minute for each token. Asking on would only make the pause longer.",
        ..unavailable(
            "rate-limited",
            "This app has asked Smartsheet for too much in a short time. You are still signed in.",
            retry_after.unwrap_or(Duration::from_mins(1)),
            reason,
        )
    }
}

/// Too much is going on here, or this instance stops and another one takes over.
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

fn sign_in_again(reason: String) -> Failure {
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
