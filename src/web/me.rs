//! `GET /me`: calls `users/me` and shows the whole profile, and what this app keeps about the sign-in.

mod facts;
mod fields;
mod roles;
mod session_card;
mod values;

use std::sync::Arc;

use askama::Template;
use askama::filters::Safe;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::accept::wants_json;
use super::avatar::Avatar;
use super::browser::Browser;
use super::escape::escaped;
use super::failure::Failure;
use super::frame::Lesson;
use super::moment::Reader;
use super::person::{CurrentPerson, current_person};
use super::person_failures::{PersonError, signed_out};
use super::shares::Caller;
use super::site_links::{SiteLink, site_links};
use super::{App, Frame, Here, break_it, page, raw_json};
use crate::session::{Login, Person};
use crate::smartsheet::Profile;
use facts::Section;
use fields::Fields;
use roles::Roles;
use session_card::SessionCard;
use values::Shown;

/// The longest JSON that the page makes readable, in bytes. What is longer is shown as it came.
const MAX_INDENTED: usize = 64 * 1024;

#[derive(Template)]
#[template(path = "me.html")]
struct MePage {
    frame: Frame,
    person: Person,
    avatar: Avatar,
    roles: Roles,
    sections: Vec<Section>,
    is_utc_instead: bool,
    session: SessionCard,
    sites: Vec<SiteLink>,
    /// The JSON, as HTML.
    raw: Safe<String>,
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    browser: Browser,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let json = wants_json(&headers);
    let CurrentPerson { profile, login } = match current_person(&app, &browser, caller).await {
        Ok(person) => person,
        Err(PersonError::Failed(failure)) => return Err(failure),
        Err(PersonError::SignedOut) if json => return Err(signed_out()),
        Err(PersonError::SignedOut) => {
            return Ok(Redirect::to("/login?return_to=/me").into_response());
        }
    };
    let vary = [(header::VARY, "Accept")];
    if json {
        let content_type = [(header::CONTENT_TYPE, "application/json")];
        return Ok((vary, content_type, profile.raw().to_owned()).into_response());
    }
    let lesson = break_it::lesson(&browser);
    let page = profile_page(&app, &profile, &login, lesson).map_err(Failure::internal)?;
    Ok((vary, page).into_response())
}

pub(super) fn profile_page(
    app: &App,
    profile: &Profile,
    login: &Login,
    lesson: Option<Lesson>,
) -> Result<Response, serde_json::Error> {
    let raw = profile.raw();
    let fields: Fields<'_> = serde_json::from_str(profile.readable())?;
    let reader = Reader::of(profile);
    let person = Person::of(profile);
    Ok(page(&MePage {
        frame: Frame::of(app, Here::Profile)
            .for_person(Some(&person))
            .teaching(lesson),
        avatar: Avatar::of(&person),
        roles: Roles::of(&fields),
        sections: facts::sections(&fields, &reader, profile),
        person,
        is_utc_instead: reader.is_utc_instead(),
        session: SessionCard::of(login, app, &reader),
        sites: site_links(app, login),
        raw: if raw.len() <= MAX_INDENTED {
            escaped(&raw_json::indent(raw))
        } else {
            escaped(raw)
        },
    }))
}
