//! `GET /`: what this is, the sign-in link, and who is signed in.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use tokio::time::timeout;

use super::avatar::Avatar;
use super::browser::Browser;
use super::failure::Failure;
use super::frame::Viewer;
use super::notice::Notice;
use super::person::current_person;
use super::person_failures::PersonError;
use super::rate_limit::{Route, may_ask};
use super::shares::Caller;
use super::site_links::{SiteLink, site_links};
use super::{App, Frame, Here, page, rendered};
use crate::oauth::Scope;
use crate::session::Person;

/// How long the start page waits for a name: it has enough to show without one.
const NAME_WITHIN: Duration = Duration::from_secs(2);

#[derive(Template)]
#[template(path = "index.html")]
struct IndexPage<'a> {
    frame: Frame,
    visitor: Visitor,
    login_url: String,
    redirect_url: String,
    scopes: &'a [Scope],
    notices: &'a [Notice],
    sites: Vec<SiteLink>,
}

pub(super) enum Visitor {
    SignedOut,
    /// With who it is, unless Smartsheet can't say at the moment.
    SignedIn(Option<Visit>),
}

pub(super) struct Visit {
    person: Person,
    avatar: Avatar,
}

impl From<Person> for Visit {
    fn from(person: Person) -> Self {
        Self {
            avatar: Avatar::of(&person),
            person,
        }
    }
}

pub(super) async fn get(State(app): State<Arc<App>>, browser: Browser, caller: Caller) -> Response {
    let mut sites = Vec::new();
    match visitor(&app, &browser, caller, &mut sites).await {
        Visitor::SignedOut => welcome(&app).map_err(Failure::internal).into_response(),
        visitor @ Visitor::SignedIn(_) => page(&start_page(&app, visitor, sites)),
    }
}

/// The page for whoever is signed out.
fn welcome(app: &App) -> askama::Result<Html<Bytes>> {
    if let Some(html) = app.welcome.get() {
        return Ok(html.clone());
    }
    let html = rendered(&start_page(app, Visitor::SignedOut, Vec::new()))?;
    Ok(app.welcome.get_or_init(|| html).clone())
}

pub(super) fn start_page(app: &App, visitor: Visitor, sites: Vec<SiteLink>) -> impl Template {
    IndexPage {
        frame: Frame::of(app, Here::Home).for_viewer(match &visitor {
            Visitor::SignedOut => Viewer::SignedOut,
            Visitor::SignedIn(visit) => {
                Viewer::signed_in(visit.as_ref().map(|visit| &visit.person))
            }
        }),
        visitor,
        // Absolute: whoever opened 127.0.0.1 instead of localhost must sign in where the callback will find the cookie.
        login_url: format!("{}login", app.settings.base_url),
        redirect_url: format!("{}redirect", app.settings.base_url),
        scopes: &app.settings.scopes,
        notices: &app.settings.notices,
        sites,
    }
}

impl From<Option<Person>> for Visitor {
    fn from(person: Option<Person>) -> Self {
        person.map_or(Self::SignedOut, |person| {
            Self::SignedIn(Some(person.into()))
        })
    }
}

/// Who is there, and to which `sites` they may go.
async fn visitor(
    app: &App,
    browser: &Browser,
    caller: Caller,
    sites: &mut Vec<SiteLink>,
) -> Visitor {
    let login = match browser.session().await {
        Ok(stored) => stored.map(|stored| stored.data.login),
        Err(error) => {
            // This page says what the app is, and that works without the store.
            tracing::warn!(%error, "the start page can't tell who is signed in");
            None
        }
    };
    if let Some(login) = &login {
        *sites = site_links(app, login);
    }
    match login {
        None => Visitor::SignedOut,
        Some(login) if login.person.is_some() => Visitor::SignedIn(login.person.map(Visit::from)),
        // Signed in, but no page has called `users/me` yet, or none with success.
        Some(_) if !may_ask(app, Route::Me, caller) => Visitor::SignedIn(None),
        Some(_) => match timeout(NAME_WITHIN, current_person(app, browser, caller)).await {
            Ok(Ok(known)) => Visitor::SignedIn(known.login.person.map(Visit::from)),
            Ok(Err(PersonError::SignedOut)) => Visitor::SignedOut,
            Ok(Err(PersonError::Failed(failure))) if failure.status == StatusCode::UNAUTHORIZED => {
                Visitor::SignedOut
            }
            Ok(Err(PersonError::Failed(_))) | Err(_) => Visitor::SignedIn(None),
        },
    }
}
