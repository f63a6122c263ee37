//! Whose call it is: the cookie of the app or of a site, with a header that no other site's page can send; or an assertion.

use axum::http::{HeaderMap, HeaderName, header};

use super::api_failures::{
    Refused, bad_assertion, foreign_origin, no_csrf_header, nobody, not_admitted,
};
use super::grant::identity;
use super::visitor::signed_in;
use crate::session::Stored;
use crate::web::App;
use crate::web::at::At;
use crate::web::failure::Failure;
use crate::web::shares::Caller;

const CSRF: HeaderName = HeaderName::from_static("x-csrf");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The session of whoever calls.
pub(super) async fn who(app: &App, at: &At, headers: &HeaderMap) -> Result<Stored, Refused> {
    let failed = |error| Refused::from(Failure::from(error));
    if app.gateway.api.assertions
        && let Some(assertion) = bearer(headers)
    {
        let assertions = app.gateway.assertions.as_ref();
        let (sites, now) = (&app.gateway.sites, app.clock.now());
        let id = assertions.and_then(|known| known.presented(assertion, at.place(), sites, now));
        let id = id.ok_or_else(bad_assertion)?;
        let stored = app.sessions.store.visit(id).await.map_err(failed)?;
        return stored.ok_or_else(bad_assertion);
    }
    let csrf: Vec<_> = headers.get_all(CSRF).iter().collect();
    if csrf != ["1"] {
        return Err(no_csrf_header());
    }
    if !is_own(app, at, headers) {
        return Err(foreign_origin());
    }
    let stored = signed_in(app, at, headers).await.map_err(failed)?;
    stored.ok_or_else(nobody)
}

/// The token of `Authorization: Bearer`, unless that is empty: clients that have none send the word alone.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(6)?;
    let is_bearer = scheme.eq_ignore_ascii_case(b"bearer");
    let is_apart = token.first().is_some_and(|byte| *byte == b' ');
    let token = token.trim_ascii();
    (is_bearer && is_apart && !token.is_empty()).then_some(token)
}

/// Whether nothing says that a page of another origin sent the request. `null` is the origin of sandboxed frames, whose they ever are.
fn is_own(app: &App, at: &At, headers: &HeaderMap) -> bool {
    let own = at.site().map_or(app.gateway.sites.app(), AsRef::as_ref);
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let mut fetch_sites = headers.get_all(FETCH_SITE).iter();
    origins.all(|origin| origin == own.origin())
        && fetch_sites.all(|site| site == "same-origin" || site == "none")
}

/// What the person is counted by, if they may use the sites.
pub(super) async fn person(app: &App, stored: &Stored, caller: Caller) -> Result<String, Refused> {
    let identity = identity(app, stored, caller).await?;
    if app.gateway.allows(&identity) {
        Ok(identity.id)
    } else {
        Err(not_admitted(&identity))
    }
}
