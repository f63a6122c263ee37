//! The pages without the app around them: no session, no layer. What `scripts/bench` compares the app with.

use axum::response::{IntoResponse as _, Response};

use super::failure::Failure;
use super::sheets::rights::Rights;
use super::sheets::table::View;
use super::{App, index, me, page};
use crate::session::{Login, Person};
use crate::smartsheet::{Profile, Sheet};

/// The start page, for `person` or for somebody who is signed out.
pub fn start_page(app: &App, person: Option<Person>) -> Response {
    page(&index::start_page(app, person.into(), Vec::new()))
}

/// The profile page.
pub fn profile_page(app: &App, profile: &Profile, login: &Login) -> Response {
    me::profile_page(app, profile, login, None)
        .map_err(Failure::internal)
        .into_response()
}

/// A page of a sheet's rows, with the form that adds one.
pub fn sheet_page(app: &App, sheet: &Sheet, number: u64, login: &Login) -> Response {
    let view = View {
        rights: Rights::Write,
        person: login.person.as_ref(),
        number,
        marked: None,
        lesson: None,
    };
    view.page(app, sheet)
}
