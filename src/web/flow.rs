//! `GET /flow`: what this browser's sign-in exchanged with Smartsheet, message by message.

mod blocks;
mod code;
mod curl;
mod data;
mod diagram;
mod example;
mod explanation;
mod har;
mod markdown;
mod one_step;
mod outcome;
mod reaction;
mod sheet_steps;
mod sides;
pub(super) mod signed_out;
mod steps;

use std::collections::HashSet;
use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::accept::wants_json;
use super::browser::Browser;
use super::failure::{Action, Failure};
use super::frame::Viewer;
use super::{App, Frame, Here, page, query};
use crate::flow::{FlowId, KEPT_MESSAGES, LogError, Message};
use blocks::{Block, Entry, blocks};
use data::as_data;
use diagram::{Row, Shown, rows};
use explanation::Party;

#[derive(Template)]
#[template(path = "flow.html")]
struct FlowPage {
    frame: Frame,
    shows: Shows,
    /// How many messages are kept, when there may have been more.
    newest: Option<usize>,
    blocks: Vec<Block>,
    /// Whether every message is shown with all its content from the start.
    is_open: bool,
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
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let query = query.unwrap_or_default();
    let session = browser.session().await?;
    let is_signed_in = session.is_some();
    let recorded = recorded(&app, &browser, session.and_then(|stored| stored.data.flow)).await?;
    let is_example = recorded.is_empty();
    let messages = if is_example {
        example::messages(&app, app.clock.now())
    } else {
        recorded
    };

    match query::first(&query, "format").as_deref() {
        Some("har") => {
            let archive = har::archive(&messages, &app.settings.base_url);
            return Ok(download("application/json", "flow.har", archive));
        }
        Some("md") => {
            let report = markdown::report(&messages, is_example);
            return Ok(download("text/markdown; charset=utf-8", "flow.md", report));
        }
        _ => {}
    }
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
    let page = match query::first(&query, "step") {
        Some(step) => {
            one_step::step_page(&app, &messages, is_example, browser.viewer(), &step, &query)
                .ok_or_else(one_step::no_such_message)?
        }
        None => whole(&app, &messages, is_example, &browser.viewer(), &query),
    };
    Ok((vary, page).into_response())
}

/// The page with all messages.
fn whole(
    app: &App,
    messages: &[Message],
    is_example: bool,
    viewer: &Viewer,
    query: &str,
) -> Response {
    let mut rows = rows(messages, app.settings.base_url.as_str());
    let open = query::first(query, "open");
    match open.as_deref() {
        Some("all") => shown(&mut rows).for_each(|shown| shown.is_open = true),
        Some("failed") => open_failed(&mut rows),
        _ => {}
    }
    page(&FlowPage {
        frame: Frame::of(app, Here::Flow).for_viewer(viewer.clone()),
        shows: match (is_example, app.flow.is_recording()) {
            (false, _) => Shows::Recorded,
            (true, true) => Shows::Example,
            (true, false) => Shows::ExampleAlone,
        },
        newest: (messages.len() >= KEPT_MESSAGES).then_some(KEPT_MESSAGES),
        blocks: blocks(rows),
        is_open: open.as_deref() == Some("all"),
        login_url: format!("{}login?return_to=/flow", app.settings.base_url),
    })
}

/// The messages of `rows`.
fn shown(rows: &mut [Row]) -> impl DoubleEndedIterator<Item = &mut Shown> {
    rows.iter_mut().filter_map(|row| match row {
        Row::Message(shown) => Some(&mut **shown),
        Row::Answer(_) => None,
    })
}

/// Opens what went wrong in the last visit, or if nothing did, the last message.
fn open_failed(rows: &mut [Row]) {
    let mut candidate = None;
    for message in shown(rows).rev() {
        let is_visit = message.explanation.from == Party::Browser;
        let went_wrong = message.note.is_some();
        if candidate.is_none() || went_wrong && !is_visit {
            candidate = Some(message.number);
        }
        if is_visit || went_wrong {
            break;
        }
    }
    for message in shown(rows) {
        message.is_open = Some(message.number) == candidate;
        message.is_failed = message.is_open;
    }
}

/// A file to keep.
fn download(kind: &'static str, name: &str, content: String) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    (headers, content).into_response()
}

/// The messages of this browser, oldest first: of its session, of the last sign-in that did not end in one, and of the newest
/// that is under way.
async fn recorded(
    app: &App,
    browser: &Browser,
    of_session: Option<FlowId>,
) -> Result<Vec<Message>, LogError> {
    let of_sign_in = browser.flow_under_way(app.clock.now());
    let ended = [of_session, browser.flow()].into_iter().flatten();
    let mut flows: Vec<FlowId> = ended.flat_map(|flow| [flow, flow.signed_in()]).collect();
    // Of a sign-in under way nothing is shown but itself: somebody else may have its cookie.
    flows.extend(of_sign_in);
    let mut seen = HashSet::new();
    flows.retain(|flow| seen.insert(*flow));
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

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            kind: "flow-unavailable",
            title: "The messages can’t be read right now",
            explanation:
                "The database that holds them does not answer. Sign-ins are not affected by that."
                    .to_owned(),
            said: None,
            why: "They are kept beside the sessions, and a sign-in never waits for them.",
            checks: &[],
            advice: "Try again in a moment.",
            action: Action::GoHome,
            reason: error.to_string(),
            retry_after: Some(std::time::Duration::from_secs(5)),
        }
    }
}
