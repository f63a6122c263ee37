//! The one way from an error to an answer.
//!
//! [`render`] makes a [`Failure`] a page for people or RFC 9457 problem details, whichever the client asked for. Whatever else answers
//! without a body of its own (an unknown path, a wrong method, a panic) passes here, too.

use std::panic::AssertUnwindSafe;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use serde_json::json;

use super::at::At;
use super::failure::Failure;
use super::frame::{Lesson, Viewer};
use super::request_log::Reason;
use super::{App, Frame, Here, page};

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
    said: Option<String>,
    why: &'static str,
    advice: &'static str,
    checks: &'static [&'static str],
    action: &'static str,
    action_url: String,
    has_messages: bool,
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

/// In an answer's extensions, beside the other: the client reads `application/json` and no problem details.
#[derive(Debug, Clone)]
pub(super) struct AsPlainJson;

/// In an answer's extensions: `/flow` shows what led to it.
#[derive(Debug, Clone)]
pub(super) struct HasMessages;

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
        let is_plain = extensions.get::<AsPlainJson>().is_some();
        problem_details(&failure, as_problem, is_plain, reference)
    } else {
        page(&ErrorPage {
            frame: Frame::of(app, Here::Elsewhere)
                .at(at, app)
                .for_viewer(extensions.get::<Viewer>().cloned().unwrap_or_default())
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
            said: failure.said.clone(),
            why: failure.why,
            advice: failure.advice,
            checks: failure.checks,
            action: failure.action.label(),
            action_url: match extensions.get::<ActionUrl>() {
                Some(ActionUrl(url)) => url.clone(),
                None => failure.action.url(app),
            },
            has_messages: at.site().is_none() && extensions.get::<HasMessages>().is_some(),
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
fn problem_details(
    failure: &Failure,
    more: Option<&AsProblem>,
    is_plain: bool,
    reference: &str,
) -> Response {
    let mut body = json!({
        "type": format!("urn:smartsheet-oauth-demo:problem:{}", failure.kind),
        "title": failure.title,
        "status": failure.status.as_u16(),
        "detail": failure.in_one(),
        "reference": reference,
    });
    if !failure.checks.is_empty() {
        let checks: Vec<String> = failure
            .checks
            .iter()
            .map(|check| check.replace('`', ""))
            .collect();
        body["checks"] = json!(checks);
    }
    for (name, value) in more.into_iter().flat_map(|AsProblem(members)| members) {
        body[name] = value.clone();
    }
    let kind = if is_plain {
        "application/json"
    } else {
        "application/problem+json"
    };
    ([(header::CONTENT_TYPE, kind)], body.to_string()).into_response()
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
