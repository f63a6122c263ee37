//! Takes down what the browser and this app say to each other during a sign-in and with the tokens.
//!
//! Calls to Smartsheet are taken down where they are made; here it is the browser's side, with the cookies of the answer.

use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;

use crate::flow::{Answered, Recorder, Step, Visit};

/// A request that is taken down when it is answered.
pub(super) struct Begun {
    visit: Visit,
    started: Instant,
}

impl Begun {
    /// What `request` asks, if it is one that is taken down.
    pub(super) fn of(request: &Request) -> Option<Self> {
        let step = step(request.method(), request.uri().path())?;
        Some(Self {
            visit: Visit::of(step, request),
            started: Instant::now(),
        })
    }

    /// Has `recorder` take it down with its answer.
    pub(super) async fn end(
        self,
        recorder: &Recorder,
        at: Timestamp,
        status: StatusCode,
        headers: &HeaderMap,
    ) {
        let took = self.started.elapsed();
        let answered = Answered {
            status,
            headers,
            at,
            took,
        };
        recorder.record_visit(&self.visit, answered);
        // The browser may ask another instance for the flow next.
        recorder.settled().await;
    }
}

fn step(method: &Method, path: &str) -> Option<Step> {
    match (method.as_str(), path) {
        ("GET", "/login") => Some(Step::SignIn),
        ("GET", "/redirect") => Some(Step::Callback),
        ("GET", "/me") => Some(Step::Profile),
        ("POST", "/logout") => Some(Step::SignOut),
        ("POST", "/refresh") => Some(Step::RefreshNow),
        ("GET", path) if is_below_sheets(path) => Some(Step::OpenSheets),
        ("POST", path) if is_below_sheets(path) => Some(Step::SubmitRow),
        _ => None,
    }
}

fn is_below_sheets(path: &str) -> bool {
    let rest = path.strip_prefix("/sheets");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
