//! `GET /signed-out`: what the sign-out did, with its messages, for the browser that has just signed out.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};

use super::diagram::{Row, rows};
use super::outcome::outcome;
use super::reaction::says_invalid_grant;
use crate::flow::{Ending, Message, Step};
use crate::web::browser::Browser;
use crate::web::failure::Failure;
use crate::web::{App, Frame, Here, page};

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOutPage {
    frame: Frame,
    revocation: Revocation,
    rows: Vec<Row>,
    login_url: String,
}

/// What became of the tokens.
#[derive(Debug, PartialEq, Eq)]
enum Revocation {
    /// Smartsheet revoked them, and answered with this status.
    Done(String),
    /// They were void before.
    VoidAlready,
    /// It failed with this outcome, and is tried again.
    TriedAgain(String),
    /// There is no answer yet.
    UnderWay,
    /// Nothing is recorded here, so nobody can tell.
    Unrecorded,
}

pub(in crate::web) async fn get(
    State(app): State<Arc<App>>,
    browser: Browser,
) -> Result<Response, Failure> {
    let Some(flow) = browser.sign_out() else {
        return Ok(Redirect::to("/").into_response());
    };
    let messages = app.flow.read(flow).await?;
    if messages.is_empty() && app.flow.is_recording() {
        // Its time is up.
        return Ok(Redirect::to("/").into_response());
    }
    let rows = rows(&messages, app.settings.base_url.as_str());
    Ok(page(&SignedOutPage {
        frame: Frame::of(&app, Here::SignedOut),
        revocation: Revocation::of(&messages, app.flow.is_recording()),
        rows,
        login_url: format!("{}login", app.settings.base_url),
    }))
}

impl Revocation {
    fn of(messages: &[Message], is_recording: bool) -> Self {
        if !is_recording {
            return Self::Unrecorded;
        }
        let is_call = |message: &&Message| matches!(message.step, Step::Revocation | Step::Refresh);
        let Some(last) = messages.iter().rev().find(is_call) else {
            return Self::UnderWay;
        };
        let outcome = outcome(last).text;
        match &last.ending {
            Ending::Answer(answer) if last.step == Step::Revocation && answer.status < 300 => {
                Self::Done(outcome)
            }
            Ending::Answer(answer) if last.step == Step::Refresh && answer.status < 300 => {
                Self::UnderWay
            }
            Ending::Answer(answer) if last.step == Step::Refresh && says_invalid_grant(answer) => {
                Self::VoidAlready
            }
            _ => Self::TriedAgain(outcome),
        }
    }
}
