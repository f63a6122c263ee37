//! `GET /break`: failures to try out, in sandbox mode. Each is arranged for this person alone, led through the real routes, and
//! ends at what this app really answers, with a line that says what there was to see.

mod control;
mod failures;

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use url::form_urlencoded;

use super::browser::Browser;
use super::failure::{Action, Failure as Problem};
use super::frame::Lesson;
use super::{App, Frame, Here, page};
use crate::flow::FlowId;
use crate::session::{Login, Person, SIGN_IN_TIME};
pub use control::Control;
use control::ControlError;
use failures::{FORM, Failure, GRACE, GROUPS, Group, SAVE_IT, Tried, Way, find, start_here};

#[derive(Template)]
#[template(path = "break_it.html")]
struct BreakPage {
    frame: Frame,
    start_here: Vec<&'static Failure>,
    groups: &'static [Group],
    tried: Tried,
}

/// The panel.
pub(super) async fn get(State(app): State<Arc<App>>, browser: Browser) -> Response {
    // Without the store it can't be told who is there, and the buttons are there all the same.
    let _ = browser.session().await;
    page(&BreakPage {
        frame: Frame::of(&app, Here::BreakIt).for_viewer(browser.viewer()),
        start_here: start_here().collect(),
        groups: &GROUPS,
        tried: remembered(&browser).1,
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
            begin(&browser, failure, true);
            login("/me", parameters)
        }
        Way::Callback(address) => {
            begin(&browser, failure, true);
            address.to_owned()
        }
        Way::Profile(_) | Way::Row(_) | Way::Page(_) => {
            let login = browser.session().await?.map(|stored| stored.data.login);
            let is_hers = |person: &Person| person.email == GRACE.1;
            let is_anybodys = matches!(failure.way, Way::Profile(_));
            // Somebody whose calls are all refused, for their plan has no API access, would see nothing else.
            let login = login.filter(|login| {
                let person = login.person.as_ref();
                person.is_some_and(|person| is_anybodys || is_hers(person))
            });
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
    let is_waiting = Trial::of(&browser).is_some_and(|trial| {
        let Trial { failure, arranged } = trial;
        failure.name == name && !arranged
    });
    let to = if is_waiting {
        let login = browser.session().await?.map(|stored| stored.data.login);
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
    let (orders, to) = match failure.way {
        Way::Profile(orders) => (orders, "/me"),
        Way::Row(orders) => (orders, FORM),
        Way::Page(path) => (&[][..], path),
        Way::SignIn(_) | Way::Callback(_) => return Ok("/break".to_owned()),
    };
    let (Some(current), Some(control)) = (current, &app.smartsheet.control) else {
        begin(browser, failure, false);
        let somebody = [("sandbox_decision", "allow"), ("sandbox_user", GRACE.0)];
        return Ok(login(&format!("/break/{}", failure.name), &somebody));
    };
    for order in orders {
        control.give(order, &current.token).await?;
    }
    begin(browser, failure, true);
    Ok(to.to_owned())
}

/// What is tried out in this browser, and where its messages are until there is a sign-in.
fn begin(browser: &Browser, failure: &Failure, arranged: bool) {
    let arranged = if arranged { ARRANGED } else { "" };
    let (_, tried) = remembered(browser);
    browser.set_trial(&format!("{}{arranged}~{tried}", failure.name), SIGN_IN_TIME);
    if browser.flow().is_none() {
        browser.show_flow(FlowId::random());
    }
}

/// What follows the name in the cookie when everything is arranged. No name of a failure has a dot, or a tilde, after which stands
/// what was tried before.
const ARRANGED: &str = ".arranged";

/// How long a browser remembers what was tried, unless it ends before.
const REMEMBERED: Duration = Duration::from_hours(24);

/// What this browser's cookie says of the failure that is tried out, if one is, and which were tried.
fn remembered(browser: &Browser) -> (Option<&str>, Tried) {
    let value = browser.trial().map(std::str::from_utf8);
    let Some(Ok(value)) = value else {
        return (None, Tried::default());
    };
    let (trial, tried) = value.split_once('~').unwrap_or((value, ""));
    (Some(trial), tried.parse().unwrap_or_default())
}

/// A failure that a person chose to try out. It is no secret, and in their browser alone.
struct Trial {
    failure: &'static Failure,
    /// Whether everything is arranged for it. If not, the person has to sign in first.
    arranged: bool,
}

impl Trial {
    fn of(browser: &Browser) -> Option<Self> {
        let value = remembered(browser).0?;
        let name = value.strip_suffix(ARRANGED);
        Some(Self {
            failure: find(name.unwrap_or(value))?,
            arranged: name.is_some(),
        })
    }

    /// The failure that is tried out, when everything is arranged for it.
    fn arranged(browser: &Browser) -> Option<&'static Failure> {
        let trial = Self::of(browser).filter(|trial| trial.arranged)?;
        Some(trial.failure)
    }
}

/// The address of a sign-in that is answered by `parameters` and ends at `return_to`.
fn login(return_to: &str, parameters: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("return_to", return_to)
        .extend_pairs(parameters)
        .finish();
    format!("/login?{query}")
}

/// What to do at the form of a row, if its saving is to be tried out.
pub(super) fn task(browser: &Browser) -> Option<Lesson> {
    let failure = Trial::arranged(browser)?;
    matches!(failure.way, Way::Row(_)).then_some(SAVE_IT)
}

/// What the failure that is tried out has to teach.
pub(super) fn lesson(browser: &Browser) -> Option<Lesson> {
    Trial::arranged(browser).map(|failure| failure.lesson)
}

/// Around the pages where a failure can end: hands the lesson to error pages, and closes the trial once it was shown.
pub(super) async fn conclude(browser: Browser, request: Request, next: Next) -> Response {
    // A look at the headers alone shows nobody the lesson.
    let is_shown = request.method() != Method::HEAD;
    // What is tried out there is yet to come.
    let is_form = request.method() == Method::GET && request.uri().path() == FORM;
    let mut response = next.run(request).await;
    let is_ahead = is_form && task(&browser).is_some() && response.status().is_success();
    if response.status().is_redirection() || !is_shown || is_ahead {
        return response;
    }
    if let Some(failure) = Trial::arranged(&browser) {
        response.extensions_mut().insert(failure.lesson);
        let tried = remembered(&browser).1.and(failure.name);
        browser.set_trial(&format!("~{tried}"), REMEMBERED);
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
            said: None,
            why: "Failures are arranged with the sandbox over HTTP, and that went wrong by itself.",
            checks: &[
                "whether the sandbox that `smartsheet.api_url` names is running, and is this app’s",
            ],
            advice: "Try another one, or start again.",
            action: Action::GoHome,
            reason: error.to_string(),
            retry_after: None,
        }
    }
}
