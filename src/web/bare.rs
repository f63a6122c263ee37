//! The pages without the app around them: no session, no layer. What `scripts/bench` compares the app with.

use axum::response::{IntoResponse as _, Response};

use super::failure::Failure;
use super::{App, index, me, page};
use crate::session::{Login, Person};
use crate::smartsheet::Profile;

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
