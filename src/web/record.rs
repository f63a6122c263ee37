//! Takes down what the browser and this app say to each other during a sign-in and with the tokens.
//!
//! Calls to Smartsheet are taken down where they are made; here it is the browser's side. Outside of the session's layer,
//! so that the cookie is part of the answer.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;

use super::App;
use crate::flow::{self, Message, Step};
use crate::session::Visit;

pub(super) async fn write(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let visit = Visit::default();
    request.extensions_mut().insert(visit.clone());
    let Some(step) = step(request.method(), request.uri().path()) else {
        return next.run(request).await;
    };
    let target = request.uri().path_and_query();
    let target = target.map_or("/", |target| target.as_str());
    let asked = flow::Request::of_browser(request.method().as_str(), target, request.headers());
    let started = Instant::now();

    let response = next.run(request).await;

    // Without a session there is nobody to show it to.
    if let Some(recorder) = visit.learned().recorder {
        let answer = flow::Answer::to_browser(response.status().as_u16(), response.headers());
        let message = Message::of_visit(step, asked, answer, app.clock.now(), started.elapsed());
        recorder.record(&message);
        // The browser may ask another instance for the flow next.
        recorder.settled().await;
    }
    response
}

fn step(method: &Method, path: &str) -> Option<Step> {
    match (method.as_str(), path) {
        ("GET", "/login") => Some(Step::SignIn),
        ("GET", "/redirect") => Some(Step::Callback),
        ("GET", "/me") => Some(Step::Profile),
        ("POST", "/refresh") => Some(Step::RefreshNow),
        _ => None,
    }
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
