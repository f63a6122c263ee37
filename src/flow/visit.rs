//! A browser's request that is taken down when it is answered.

use std::time::Duration;

use axum::http::{HeaderMap, Method, StatusCode, Uri};
use jiff::Timestamp;

use super::message::Message;
use super::parts::{Answer, Request};
use super::step::Step;

/// A browser's request, as it was sent. Masked with its answer, and kept by the request alone until then.
pub struct Visit {
    /// Which step it is.
    pub(super) step: Step,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
}

/// How a visit was answered.
#[derive(Clone, Copy)]
pub struct Answered<'a> {
    /// The status.
    pub status: StatusCode,
    /// The headers, as they are sent but for those that every answer has.
    pub headers: &'a HeaderMap,
    /// When, just now.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
}

impl Visit {
    /// The visit of `step` that `request` is.
    #[must_use]
    pub fn of<B>(step: Step, request: &axum::http::Request<B>) -> Self {
        Self {
            step,
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
        }
    }

    pub(super) fn message(&self, answered: Answered<'_>) -> Message {
        let target = self.uri.path_and_query();
        let target = target.map_or("/", |target| target.as_str());
        let asked = Request::of_browser(self.method.as_str(), target, &self.headers);
        let answer = Answer::to_browser(answered.status.as_u16(), answered.headers);
        Message::of_visit(self.step, asked, answer, answered.at, answered.took)
    }
}
