//! The one way from an error to an answer.
//!
//! A page's own errors become a [`Failure`]; [`render`] makes it a page for people or RFC 9457 problem details, whichever
//! the client asked for. Whatever else answers without a body of its own (an unknown path, a wrong method, a panic) passes
//! here, too.

use std::fmt::Display;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use serde_json::json;

use super::at::At;
use super::frame::Lesson;
use super::request_log::Reason;
use super::{App, Frame, Here, page};
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
    /// What happened.
    pub(super) explanation: String,
    /// Why it is so, for whoever wants to learn from it. Empty when there is nothing to add.
    pub(super) why: &'static str,
    /// What to do next.
    pub(super) advice: &'static str,
    /// What the operator should look at, when it is for them to act.
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
        format!("{}{path}", app.base_url)
    }
}

/// What to compare when Smartsheet refuses the app itself.
pub(super) const REGISTRATION_CHECKS: &[&str] = &[
    "smartsheet.client_id is the App client id in Smartsheet's Developer Tools, and the app belongs to the region that \
     smartsheet.region names.",
    "smartsheet.client_secret is the App secret beside it, whole and without blanks.",
    "The App redirect URL there is, to the letter, the one that `smartsheet-oauth-demo check` prints.",
    "smartsheet.scopes asks for nothing that this app may not have.",
    "`smartsheet-oauth-demo check` shows which value of each setting is in force, and where it came from.",
];

impl Failure {
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
                "There is no such page",
                "Nothing is at this address.",
                "It may be mistyped, or from another version of this app.",
            ),
            StatusCode::METHOD_NOT_ALLOWED => (
                "method-not-allowed",
                "That does not work this way",
                "This address exists, but not for this kind of request.",
                "What changes something, such as signing out, is done by a button, so that a mere link can't do it.",
            ),
            status if status.is_client_error() => (
                "bad-request",
                "The request can't be read",
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
            title: "Your session can't be read right now",
            explanation: "The database that holds the sessions does not answer. Nothing is lost: you are still signed in \
                          once it is back."
                .to_owned(),
            why: "Sessions are read anew for every page, so that signing out counts everywhere at once.",
            advice: "Try again in a moment. If it lasts, whoever runs this app should check:",
            checks: &[
                "Does the database that session.store names run, and can this machine reach it?",
                "May this app write to it, and is there room on its disk?",
                "What does `smartsheet-oauth-demo check` say about session.store?",
            ],
            action: Action::GoHome,
            reason: error.to_string(),
            retry_after: Some(Duration::from_secs(5)),
        }
    }
}

impl IntoResponse for Failure {
    /// Hands the failure to [`render`], which knows what the client wants.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    status: u16,
    /// The stylesheet's name for how bad it is.
    severity: &'static str,
    kind: &'static str,
    title: &'static str,
    explanation: String,
    why: &'static str,
    advice: &'static str,
    checks: &'static [&'static str],
    action: &'static str,
    action_url: String,
    reference: String,
}

/// The answer of `page`, or a failure when it panics. A panic ends this request and nothing else: no state is shared that it
/// could leave half-written, because sessions are written in transactions, and the few locks cover single operations.
pub(super) async fn survive(page: impl Future<Output = Response>) -> Response {
    let answer = AssertUnwindSafe(page).catch_unwind().await;
    answer.unwrap_or_else(|_| Failure::internal("panic").into_response())
}

/// In an answer's extensions: where a failure's button leads.
#[derive(Debug, Clone)]
pub(super) struct ActionUrl(pub(super) String);

/// In an answer's extensions: a failure is told as JSON whatever the client prefers, with these members more.
#[derive(Debug, Clone)]
pub(super) struct AsProblem(pub(super) serde_json::Map<String, serde_json::Value>);

/// In an answer's extensions: it is somebody else's, whatever its status, and stays as it is.
#[derive(Debug, Clone)]
pub(super) struct PassedOn;

/// Makes an answer of a failure or a bare status, for people or as JSON. Others stay as they are.
pub(super) fn render(
    app: &App,
    at: &At,
    response: Response,
    json: bool,
    reference: &str,
) -> Response {
    if response.extensions().get::<PassedOn>().is_some() {
        return response;
    }
    let failure = match response.extensions().get::<Failure>() {
        Some(failure) => failure.clone(),
        None if is_bare_error(&response) => Failure::of_status(response.status()),
        None => return response,
    };
    let extensions = response.extensions();
    let as_problem = extensions.get::<AsProblem>();
    let mut rendered = if json || as_problem.is_some() {
        problem_details(&failure, as_problem, reference)
    } else {
        page(&ErrorPage {
            frame: Frame::of(app, Here::Elsewhere)
                .at(at, app)
                .teaching(extensions.get::<Lesson>().copied()),
            status: failure.status.as_u16(),
            severity: if failure.status.is_server_error() {
                "error"
            } else {
                "warn"
            },
            kind: failure.kind,
            title: failure.title,
            explanation: failure.explanation.clone(),
            why: failure.why,
            advice: failure.advice,
            checks: failure.checks,
            action: failure.action.label(),
            action_url: match extensions.get::<ActionUrl>() {
                Some(ActionUrl(url)) => url.clone(),
                None => failure.action.url(app),
            },
            reference: reference.to_owned(),
        })
    };
    *rendered.status_mut() = failure.status;
    // What the route said beside the body stays, such as `Allow` and the session's cookie.
    for (name, value) in response.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            rendered.headers_mut().append(name, value.clone());
        }
    }
    let headers = rendered.headers_mut();
    if let Some(wait) = failure.retry_after {
        headers.insert(header::RETRY_AFTER, wait.as_secs().max(1).into());
    }
    if failure.status == StatusCode::UNAUTHORIZED {
        // RFC 9110 section 15.5.2 wants a challenge; the sign-in is by session.
        headers
            .entry(header::WWW_AUTHENTICATE)
            .or_insert(HeaderValue::from_static("Session"));
    }
    headers.append(header::VARY, HeaderValue::from_static("Accept"));
    rendered.extensions_mut().insert(Reason(failure.reason));
    rendered
}

/// RFC 9457.
fn problem_details(failure: &Failure, more: Option<&AsProblem>, reference: &str) -> Response {
    let mut body = json!({
        "type": format!("urn:smartsheet-oauth-demo:problem:{}", failure.kind),
        "title": failure.title,
        "status": failure.status.as_u16(),
        "detail": format!("{} {}", failure.explanation, failure.advice),
        "reference": reference,
    });
    if !failure.checks.is_empty() {
        body["checks"] = json!(failure.checks);
    }
    for (name, value) in more.into_iter().flat_map(|AsProblem(members)| members) {
        body[name] = value.clone();
    }
    let content_type = [(header::CONTENT_TYPE, "application/problem+json")];
    (content_type, body.to_string()).into_response()
}

/// An error that no handler wrote a page for: axum answers those in plain text or with nothing.
fn is_bare_error(response: &Response) -> bool {
    let status = response.status();
    let plain = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    (status.is_client_error() || status.is_server_error()) && plain
}
