//! `/auth/check`, `/auth/forward` and `/auth/envoy/…`: a proxy asks who sent a request, before it hands it to a site.
//!
//! A check reads the row of the site's session and that of the session which it points to, and calls nobody.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use url::form_urlencoded;

use super::failures::{nobody, not_a_site, not_allowed, not_known_yet};
use super::visitor::signed_in;
use crate::gateway::{Allow, Place, remote_headers};
use crate::session::{Identity, Stored};
use crate::web::App;
use crate::web::at::At;
use crate::web::failure::Failure;
use crate::web::query;
use crate::web::rendered::ActionUrl;
use crate::web::return_to::within_site;

const ASSERTION: HeaderName = HeaderName::from_static("x-smartsheet-assertion");
const FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
const FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// What Envoy puts before the original path.
const ENVOY: &str = "/auth/envoy";

/// Whether there is a check at `path`. What is asked there has a body of no interest, however long.
pub(super) fn is_check(path: &str) -> bool {
    let is_envoy = path.strip_prefix(ENVOY);
    let is_envoy = is_envoy.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    is_envoy || matches!(path, "/auth/check" | "/auth/forward")
}

/// Never a redirect: a proxy that can't hand one on makes its own of 401.
pub(super) async fn check(
    State(app): State<Arc<App>>,
    at: At,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let narrower = narrower(query.as_deref()).ok_or_else(|| not_allowed(None))?;
    Ok(answer(&app, &at, &headers, &narrower).await?)
}

/// What a proxy hands on as it is.
pub(super) async fn forward(
    State(app): State<Arc<App>>,
    at: At,
    method: Method,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Response> {
    let narrower = narrower(query.as_deref());
    let narrower = narrower.ok_or_else(|| not_allowed(None).into_response())?;
    let target = match only(&headers, &FORWARDED_URI) {
        Some(target) if at.is_from_proxy() => std::str::from_utf8(target.as_bytes()).ok(),
        _ => None,
    };
    let checked = answer(&app, &at, &headers, &narrower).await;
    checked.map_err(|refused| refused.towards(&at, &method, &headers, target))
}

/// The same, with the original path and query behind the route's own. So no parameter here is for the check.
pub(super) async fn envoy(
    State(app): State<Arc<App>>,
    at: At,
    method: Method,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Response> {
    let target = uri.path_and_query().map(PathAndQuery::as_str);
    let target = target.and_then(|target| target.strip_prefix(ENVOY));
    let checked = answer(&app, &at, &headers, &[]).await;
    checked.map_err(|refused| refused.towards(&at, &method, &headers, target))
}

/// Why a check does not answer 200.
enum Refused {
    /// Nobody is signed in.
    Nobody,
    Failed(Failure),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Nobody => nobody(),
            Refused::Failed(failure) => failure,
        }
    }
}

impl Refused {
    /// The answer to a browser that asked for `target`: whoever is signed out and goes to a page is led to the sign-in.
    fn towards(
        self,
        at: &At,
        method: &Method,
        headers: &HeaderMap,
        target: Option<&str>,
    ) -> Response {
        let failure = match self {
            Self::Failed(failure) => return failure.into_response(),
            Self::Nobody => nobody(),
        };
        let return_to = target.and_then(within_site);
        let return_to = return_to.unwrap_or_else(|| "/".to_owned());
        let sign_in = format!("/auth/sign-in?return_to={}", query::value(&return_to));
        if is_navigation(at, method, headers) {
            return Redirect::to(&sign_in).into_response();
        }
        let mut response = failure.into_response();
        response.extensions_mut().insert(ActionUrl(sign_in));
        response
    }
}

/// Whether a person goes to a page with it, so that a redirect leads somewhere.
fn is_navigation(at: &At, method: &Method, headers: &HeaderMap) -> bool {
    let reads = |method: &[u8]| matches!(method, b"GET" | b"HEAD");
    let original = headers.get_all(FORWARDED_METHOD).iter();
    let original_reads = original
        .filter(|_| at.is_from_proxy())
        .all(|method| reads(method.as_bytes()));
    let is_for_a_page = if let Some(mode) = headers.get(FETCH_MODE) {
        mode.as_bytes() == b"navigate"
    } else {
        let mut accepted = headers.get_all(header::ACCEPT).iter();
        accepted.any(|accept| {
            let accept = accept.as_bytes().to_ascii_lowercase();
            accept.windows(9).any(|part| part == b"text/html")
        })
    };
    reads(method.as_str().as_bytes()) && original_reads && is_for_a_page
}

/// The one value of `name`.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// What narrows a check for one place of a site: every `allow` of the query. `None` when one can't be read: it lets nobody through.
fn narrower(query: Option<&str>) -> Option<Vec<Allow>> {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let allows = pairs.filter(|(name, _)| name == "allow");
    let allows = allows.map(|(_, value)| Allow::parse(&value));
    let allows: Result<Vec<Allow>, String> = allows.collect();
    let warn = |expected: &String| tracing::warn!("a check's allow can't be read; {expected}");
    allows.inspect_err(warn).ok()
}

/// Who sent the request, if they are signed in and allowed.
async fn answer(
    app: &App,
    at: &At,
    headers: &HeaderMap,
    narrower: &[Allow],
) -> Result<Response, Refused> {
    if !app.gateway.is_on() {
        return Err(Failure::of_status(StatusCode::NOT_FOUND).into());
    }
    if *at.place() == Place::Elsewhere {
        return Err(not_a_site().into());
    }
    let stored = signed_in(app, at, headers).await.map_err(Failure::from)?;
    let stored = stored.ok_or(Refused::Nobody)?;
    app.gateway
        .identities
        .ask_behind(stored.id, &stored.data.login);
    let Some(identity) = &stored.data.login.identity else {
        return Err(not_known_yet().into());
    };
    if !app.gateway.allows(identity) || !narrower.iter().all(|allow| allow.admits(identity)) {
        return Err(not_allowed(Some(identity)).into());
    }
    let answer = who(app, at, &stored, identity);
    Ok(answer.ok_or_else(|| Failure::internal("an assertion could not be signed"))?)
}

/// The headers that say who it is. All of them, so that none of a client's own survives.
fn who(app: &App, at: &At, stored: &Stored, identity: &Identity) -> Option<Response> {
    let gateway = &app.gateway;
    let site = at.site().map_or(gateway.sites.app(), AsRef::as_ref);
    let assertions = gateway.assertions.as_ref()?;
    let assertion = assertions.sign(identity, stored.id, site, app.clock.now())?;
    let mut response = Response::new(Body::empty());
    let said = response.headers_mut();
    for (name, value) in remote_headers(identity, gateway.remote_user) {
        said.insert(name, HeaderValue::try_from(value).ok()?);
    }
    said.insert(ASSERTION, assertion);
    Some(response)
}
