//! `ANY /auth/api/2.0/…`: passes a call of a page or of a site's back end on to Smartsheet's API, with the person's access token,
//! which never leaves the server (RFC 10017 section 6.1, backend for frontend).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Uri, header};
use axum::response::Response;

use super::api_answer::passed;
use super::api_failures::{Preferred, Refused, call_failed, not_listed, other_methods, too_often};
use super::api_who::{person, who};
use crate::gateway::Place;
use crate::gateway::api::{CallError, Found, Route, passed_on};
use crate::smartsheet::PassedCall;
use crate::transport::Upload;
use crate::web::App;
use crate::web::at::At;
use crate::web::request_log::Pattern;
use crate::web::shares::Caller;

/// Where the API is.
pub(super) const BELOW: &str = "/auth/api/";
const VERSION: &str = "/auth/api/2.0";

/// How long the body of a call may be, in bytes.
const MAX_BODY_BYTES: u64 = 1024 * 1024;

pub(super) async fn any(
    State(app): State<Arc<App>>,
    at: At,
    caller: Caller,
    request: Request,
) -> Response {
    let preferred = Preferred::of(request.headers());
    let route = match listed(&app, &at, &request) {
        Ok(route) => route,
        Err(refused) => return refused.answer(&preferred),
    };
    let answered = answer(&app, &at, caller, route, request).await;
    let mut response = answered.unwrap_or_else(|refused| refused.answer(&preferred));
    let pattern = format!("{VERSION}{}", route.pattern());
    response.extensions_mut().insert(Pattern(pattern));
    response
}

/// Which of the listed calls `request` is.
fn listed<'a>(app: &'a App, at: &At, request: &Request) -> Result<&'a Route, Refused> {
    let allow = &app.gateway.api.allow;
    if *at.place() == Place::Elsewhere || !is_of_its_host(request) {
        return Err(not_listed());
    }
    let path = path_below(request.uri()).ok_or_else(not_listed)?;
    match allow.find(request.method(), path) {
        Found::Route(route) => Ok(route),
        Found::OtherMethods(methods) => Err(other_methods(&methods)),
        Found::Nothing => Err(not_listed()),
    }
}

/// The path as it arrived, below the API's address here.
fn path_below(uri: &Uri) -> Option<&str> {
    let path = uri.path().strip_prefix(VERSION)?;
    path.starts_with('/').then_some(path)
}

/// Whether a target in absolute form (RFC 9112 section 3.2.2) names the host that `Host` does, which tells the site.
fn is_of_its_host(request: &Request) -> bool {
    let Some(authority) = request.uri().authority() else {
        return true;
    };
    let host = request.headers().get(header::HOST);
    host.is_some_and(|host| {
        let authority = authority.as_str().as_bytes();
        host.as_bytes().eq_ignore_ascii_case(authority)
    })
}

async fn answer(
    app: &App,
    at: &At,
    caller: Caller,
    route: &Route,
    request: Request,
) -> Result<Response, Refused> {
    let stored = who(app, at, request.headers()).await?;
    let person = person(app, &stored, caller).await?;
    app.gateway.api.rate.admit(&person).map_err(too_often)?;
    let (parts, body) = request.into_parts();
    let call = call_of(&parts, body);
    if let Some(error) = call.body.error() {
        return Err(call_failed(CallError::Body(error)));
    }
    let (share, stream) = app.limits.shares.passed_call(&person).await?;
    let answered = app.gateway.api.pass(stored.id, route, &call).await;
    drop(share);
    passed(answered.map_err(call_failed)?, &call.method, stream)
}

/// The call that is made of a request. Its path is one that is listed.
fn call_of(parts: &axum::http::request::Parts, body: Body) -> PassedCall {
    let path = path_below(&parts.uri).unwrap_or_default();
    PassedCall {
        method: parts.method.clone(),
        path: path.trim_start_matches('/').to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers: passed_on(&parts.headers),
        body: Upload::new(body, MAX_BODY_BYTES),
    }
}
