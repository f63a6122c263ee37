//! Why a request was not answered as it asked: a page's own errors become a [`Failure`], which `rendered.rs` makes an answer of.

use std::fmt::Display;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::App;
use crate::session::StoreError;

/// Why this app can be busy.
pub(super) const BUSY_BECAUSE: &str = "The app makes a bounded number of calls to Smartsheet at once, so that a slow \
                                               Smartsheet does not fill its memory; and before it stops, it begins no token \
                                               request whose answer it could miss.";

/// When to come again if this app is busy.
pub(super) const BUSY_FOR: Duration = Duration::from_secs(2);

/// What went wrong, for the person: what happened and what to do next. None of its texts holds a secret.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    /// Names the problem for programs (RFC 9457 `type`).
    pub(super) kind: &'static str,
    pub(super) title: &'static str,
    /// What happened, in words of this app.
    pub(super) explanation: String,
    /// What Smartsheet said of it, word for word.
    pub(super) said: Option<String>,
    /// Why it is so, for whoever wants to learn from it. Empty when there is nothing to add.
    pub(super) why: &'static str,
    /// What to do next.
    pub(super) advice: &'static str,
    /// What the operator should look at, when it is for them to act. What is code stands between backticks, here and in the texts
    /// above that are fixed.
    pub(super) checks: &'static [&'static str],
    /// The button that does it.
    pub(super) action: Action,
    /// For the log: what lies behind it.
    pub(super) reason: String,
    pub(super) retry_after: Option<Duration>,
}

/// What a person can do about a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    SignIn,
    /// To a page of the app.
    Page(Box<Way>),
    /// At another site, by way of this app.
    SignInAtSite,
    SignInAsAnother,
    StartAgain,
    TryProfileAgain,
    /// To the profile; whoever is signed out is asked to sign in there.
    Continue,
    GoHome,
}

/// A button that leads to a page of the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) label: &'static str,
    /// Path and query.
    pub(super) path: String,
}

impl Action {
    /// A button that leads to `path`.
    pub(super) fn to(label: &'static str, path: String) -> Self {
        Self::Page(Box::new(Way { label, path }))
    }

    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::SignIn | Self::SignInAtSite => "Sign in",
            Self::SignInAsAnother => "Sign in as somebody else",
            Self::StartAgain => "Start again",
            Self::Page(way) => way.label,
            Self::TryProfileAgain => "Try again",
            Self::Continue => "Continue",
            Self::GoHome => "Go to the start page",
        }
    }

    /// Absolute, so that whoever came by another name of this host (127.0.0.1 for localhost) returns to the one that the
    /// cookie is for.
    pub(super) fn url(&self, app: &App) -> String {
        let path = match self {
            // That site's own.
            Self::SignInAtSite | Self::StartAgain => return "/auth/sign-in".to_owned(),
            Self::SignIn | Self::SignInAsAnother => "login",
            Self::Page(way) => way.path.trim_start_matches('/'),
            Self::TryProfileAgain | Self::Continue => "me",
            Self::GoHome => "",
        };
        format!("{}{path}", app.settings.base_url)
    }
}

/// What to compare when Smartsheet refuses the app itself.
pub(super) const REGISTRATION_CHECKS: &[&str] = &[
    "`smartsheet.client_id` is the App client id in Smartsheet’s Developer Tools, and the app belongs to the region that \
     `smartsheet.region` names.",
    "`smartsheet.client_secret` is the App secret beside it, whole and without blanks.",
    "The App redirect URL there is, to the letter, the one that `smartsheet-oauth-demo check` prints.",
    "`smartsheet.scopes` asks for nothing that this app may not have.",
    "`smartsheet-oauth-demo check` shows which value of each setting is in force, and where it came from.",
];

impl Failure {
    /// What happened, what Smartsheet said of it and what to do next, in one text.
    pub(super) fn in_one(&self) -> String {
        let said = self
            .said
            .as_ref()
            .map(|said| format!(" Smartsheet says: {said}."));
        let advice = self.advice.replace('`', "");
        format!("{}{} {advice}", self.explanation, said.unwrap_or_default())
    }

    /// A failure that leads to the start page. Its `kind` is what the log says, too.
    pub(super) fn plain(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        explanation: String,
    ) -> Self {
        Self {
            status,
            kind,
            title,
            explanation,
            said: None,
            why: "",
            advice: "Start from the first page.",
            checks: &[],
            action: Action::GoHome,
            reason: kind.to_owned(),
            retry_after: None,
        }
    }

    /// Something that should not happen. The cause is for the log alone.
    pub(super) fn internal(cause: impl Display) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            kind: "internal",
            title: "Something went wrong here",
            explanation: "This app made a mistake while answering. Nothing was lost.".to_owned(),
            said: None,
            why: "It is a mistake in the program, not in anything that you did.",
            checks: &[],
            advice: "Try again. If it happens again, give the reference below to whoever runs this app.",
            action: Action::GoHome,
            reason: cause.to_string(),
            retry_after: None,
        }
    }

    /// An answer without a body of its own, known by its status alone.
    pub(super) fn of_status(status: StatusCode) -> Self {
        let (kind, title, explanation, why) = match status {
            StatusCode::NOT_FOUND => (
                "not-found",
                "Page not found",
                "Nothing is at this address.",
                "It may be mistyped, or from another version of this app.",
            ),
            StatusCode::METHOD_NOT_ALLOWED => (
                "method-not-allowed",
                "Method not allowed",
                "This address exists, but not for this kind of request.",
                "What changes something, such as signing out, is done by a button, so that a mere link can’t do it.",
            ),
            status if status.is_client_error() => (
                "bad-request",
                "The request can’t be read",
                "This app does not understand what the browser sent.",
                "",
            ),
            _ => return Self::internal(status),
        };
        Self {
            status,
            kind,
            title,
            explanation: explanation.to_owned(),
            said: None,
            why,
            advice: "Start from the first page.",
            checks: &[],
            action: Action::GoHome,
            reason: kind.to_owned(),
            retry_after: None,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            kind: "store-unavailable",
            title: "Your session can’t be read right now",
            explanation: "The database that holds the sessions does not answer. Nothing is lost: you are still signed in \
                          once it is back."
                .to_owned(),
            said: None,
            why: "Sessions are read anew for every page, so that signing out counts everywhere at once.",
            advice: "Try again in a moment. If it lasts, whoever runs this app should check:",
            checks: &[
                "Does the database that `session.store` names run, and can this machine reach it?",
                "May this app write to it, and is there room on its disk?",
                "What does `smartsheet-oauth-demo check` say about `session.store`?",
            ],
            action: Action::GoHome,
            reason: error.to_string(),
            retry_after: Some(Duration::from_secs(5)),
        }
    }
}

impl IntoResponse for Failure {
    /// Hands the failure to whatever renders it, which knows what the client wants.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
