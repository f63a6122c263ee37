//! `GET /break`: failures to try out, in sandbox mode. Each is arranged for this person alone, led through the real routes, and
//! ends at what this app really answers, with a line that says what there was to see.

mod control;
mod failures;

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use url::form_urlencoded;

use super::failure::{Action, Failure as Problem};
use super::frame::Lesson;
use super::{App, Frame, Here, page};
use crate::session::{Browser, Login, Trial, Visit};
pub use control::Control;
use control::ControlError;
use failures::{Failure, GROUPS, Group, Way, find};

#[derive(Template)]
#[template(path = "break_it.html")]
struct BreakPage {
    frame: Frame,
    groups: &'static [Group],
}

/// The panel.
pub(super) async fn get(State(app): State<Arc<App>>) -> Response {
    page(&BreakPage {
        frame: Frame::of(&app, Here::BreakIt),
        groups: &GROUPS,
    })
}

/// A button was pressed: arranges the failure and sends the person on their way.
pub(super) async fn post(
    State(app): State<Arc<App>>,
    browser: Browser,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let Some(failure) = find(&name) else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    let to = match failure.way {
        Way::SignIn(parameters) => {
            begin(&app, &browser, failure, true).await?;
            login("/me", parameters)
        }
        Way::Callback(address) => {
            begin(&app, &browser, failure, true).await?;
            address.to_owned()
        }
        Way::Profile(_) => {
            let login = browser.read().await?.and_then(|data| data.login);
            // Somebody whose calls are all refused, for their plan has no API access, would see nothing else.
            let login = login.filter(|login| login.person.is_some());
            arrange(&app, &browser, failure, login).await?
        }
    };
    Ok(Redirect::to(&to).into_response())
}

/// Goes on after a sign-in that the failure needed first. Does nothing unless the button was pressed in this browser, so that
/// no link can break anything.
pub(super) async fn go_on(
    State(app): State<Arc<App>>,
    browser: Browser,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let Some(failure) = find(&name) else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    let data = browser.read().await?;
    let (trial, login) = data.map_or((None, None), |data| (data.trial, data.login));
    let is_waiting = trial.is_some_and(|trial| trial.name == name && !trial.arranged);
    let to = if is_waiting {
        arrange(&app, &browser, failure, login).await?
    } else {
        "/break".to_owned()
    };
    Ok(Redirect::to(&to).into_response())
}

/// Arranges a failure of somebody who is signed in by `current`, and says where to go. Somebody who is not signs in first.
async fn arrange(
    app: &App,
    browser: &Browser,
    failure: &Failure,
    current: Option<Login>,
) -> Result<String, Problem> {
    let Way::Profile(orders) = failure.way else {
        return Ok("/break".to_owned());
    };
    let (Some(current), Some(control)) = (current, &app.control) else {
        begin(app, browser, failure, false).await?;
        let somebody = [("sandbox_decision", "allow"), ("sandbox_user", "full")];
        return Ok(login(&format!("/break/{}", failure.name), &somebody));
    };
    for order in orders {
        control.give(order, &current.token).await?;
    }
    begin(app, browser, failure, true).await?;
    Ok("/me".to_owned())
}

async fn begin(
    app: &App,
    browser: &Browser,
    failure: &Failure,
    arranged: bool,
) -> Result<(), Problem> {
    let trial = Trial {
        name: failure.name.to_owned(),
        arranged,
    };
    Ok(browser.try_out(Some(trial), app.clock.now()).await?)
}

/// The address of a sign-in that is answered by `parameters` and ends at `return_to`.
fn login(return_to: &str, parameters: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("return_to", return_to)
        .extend_pairs(parameters)
        .finish();
    format!("/login?{query}")
}

/// What the failure that `visit` tries out has to teach.
pub(super) fn lesson(visit: &Visit) -> Option<Lesson> {
    let trial = visit.learned().trial.filter(|trial| trial.arranged)?;
    find(&trial.name).map(|failure| failure.lesson)
}

/// Around the pages where a failure can end: hands the lesson to error pages, and closes the trial once it was shown.
pub(super) async fn conclude(
    State(app): State<Arc<App>>,
    browser: Browser,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    if response.status().is_redirection() {
        return response;
    }
    if let Some(lesson) = lesson(browser.visit()) {
        response.extensions_mut().insert(lesson);
        if let Err(error) = browser.try_out(None, app.clock.now()).await {
            tracing::debug!(%error, "a trial was not closed");
        }
    }
    response
}

impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        Self {
            status: StatusCode::BAD_GATEWAY,
            kind: "sandbox-failed",
            title: "The sandbox does not do that",
            explanation: "This app asked its sandbox for a failure, and did not get it.".to_owned(),
            why: "Failures are arranged with the sandbox over HTTP, and that went wrong by itself.",
            checks: &[
                "whether the sandbox that smartsheet.api_url names is running, and is this app’s",
            ],
            advice: "Try another one, or start again.",
            action: Action::GoHome,
            reason: error.to_string(),
            retry_after: None,
        }
    }
}
