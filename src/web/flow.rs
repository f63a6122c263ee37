//! `GET /flow`: what this browser's sign-in exchanged with Smartsheet, message by message.

mod curl;
mod diagram;
mod example;
mod explanation;
mod sheet_steps;
mod steps;

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::accept::wants_json;
use super::browser::Browser;
use super::failure::{Action, Failure};
use super::{App, Frame, Here, page};
use crate::flow::{Ending, FlowId, KEPT_MESSAGES, LogError, Message};
use diagram::{Row, rows};
use steps::{explain, reaction};

#[derive(Template)]
#[template(path = "flow.html")]
struct FlowPage {
    frame: Frame,
    shows: Shows,
    is_signed_in: bool,
    /// How many messages are kept, when there may have been more.
    newest: Option<usize>,
    rows: Vec<Row>,
    login_url: String,
}

/// What the messages are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shows {
    /// What was said.
    Recorded,
    /// An example, until there is something else.
    Example,
    /// An example, because nothing is recorded.
    ExampleAlone,
}

impl FlowPage {
    fn is_example(&self) -> bool {
        self.shows != Shows::Recorded
    }
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    browser: Browser,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let session = browser.session().await?;
    let is_signed_in = session.is_some();
    let recorded = recorded(&app, &browser, session.and_then(|stored| stored.data.flow)).await?;
    let is_example = recorded.is_empty();
    let messages = if is_example {
        example::messages(&app, app.clock.now())
    } else {
        recorded
    };

    let vary = [(header::VARY, "Accept")];
    if wants_json(&headers) {
        let list: Vec<Value> = messages
            .iter()
            .enumerate()
            .map(|(index, message)| as_data(index + 1, message, &app))
            .collect();
        let body = json!({
            "example": is_example,
            "recording": app.flow.is_recording(),
            "signed_in": is_signed_in,
            "messages": list,
        });
        return Ok((vary, Json(body)).into_response());
    }
    let page = page(&FlowPage {
        frame: Frame::of(&app, Here::Flow),
        shows: match (is_example, app.flow.is_recording()) {
            (false, _) => Shows::Recorded,
            (true, true) => Shows::Example,
            (true, false) => Shows::ExampleAlone,
        },
        is_signed_in,
        newest: (messages.len() >= KEPT_MESSAGES).then_some(KEPT_MESSAGES),
        rows: rows(&messages, app.base_url.as_str()),
        login_url: format!("{}login?return_to=/flow", app.base_url),
    });
    Ok((vary, page).into_response())
}

/// The messages of this browser, oldest first: of its session, of the last sign-in that did not end in one, and of the newest
/// that is under way.
async fn recorded(
    app: &App,
    browser: &Browser,
    of_session: Option<FlowId>,
) -> Result<Vec<Message>, LogError> {
    let mut flows = Vec::new();
    for flow in [of_session, browser.flow(), browser.flow_under_way()]
        .into_iter()
        .flatten()
    {
        if !flows.contains(&flow) {
            flows.push(flow);
        }
    }
    let mut messages = Vec::new();
    for flow in &flows {
        messages.extend(app.flow.read(*flow).await?);
    }
    if flows.len() > 1 {
        messages.sort_by_key(|message| message.at);
        messages.drain(..messages.len().saturating_sub(KEPT_MESSAGES));
    }
    Ok(messages)
}

/// The same as the page shows, for programs.
fn as_data(number: usize, message: &Message, app: &App) -> Value {
    let explanation = explain(message.step);
    let request = &message.request;
    let (answer, failure) = match &message.ending {
        Ending::Answer(answer) => (
            json!({ "status": answer.status, "headers": answer.headers, "body": answer.body }),
            None,
        ),
        Ending::Failure(why) => (Value::Null, Some(why)),
        Ending::Unseen { location } => (json!({ "headers": [["location", location]] }), None),
    };
    json!({
        "number": number,
        "step": message.step,
        "title": explanation.title,
        "from": explanation.from,
        "to": explanation.to,
        "at": message.at.to_string(),
        "duration_ms": micros_in_millis(message.micros),
        "attempt": message.attempt,
        "status": message.status(),
        "failure": failure,
        "request": {
            "method": request.method,
            "url": request.url,
            "headers": request.headers,
            "body": request.body,
        },
        "answer": answer,
        "purpose": explanation.purpose,
        "without": explanation.without,
        "source": explanation.source,
        "reaction": reaction(message),
        "curl": curl::command(message, app.base_url.as_str()),
    })
}

fn micros_in_millis(micros: u64) -> f64 {
    std::time::Duration::from_micros(micros).as_secs_f64() * 1000.0
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            kind: "flow-unavailable",
            title: "The messages can’t be read right now",
            explanation:
                "The database that holds them does not answer. Sign-ins are not affected by that."
                    .to_owned(),
            why: "They are kept beside the sessions, and a sign-in never waits for them.",
            checks: &[],
            advice: "Try again in a moment.",
            action: Action::GoHome,
            reason: error.to_string(),
            retry_after: Some(std::time::Duration::from_secs(5)),
        }
    }
}
