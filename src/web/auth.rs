//! `/auth/…`: what other sites mount below their own address, so that their proxy, their pages and their people's browsers
//! reach the signed-in person. And the keys that they check assertions with.
//!
//! A sign-in at a site: `sign_in` (on the site) → `grant` (on the app's address, where the person is signed in or signs in) →
//! `arrive` (on the site).

mod api;
mod api_answer;
mod api_failures;
mod api_who;
mod arrive;
mod check;
mod failures;
mod grant;
mod jwks;
mod session;
mod sign_in;
mod sign_out;
mod visitor;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::{any, get, post};

use super::rate_limit::Route;
use super::speculative::Allow;
use super::{App, accompany, assets, rate_limit, speculative};

use super::limits::BodyIs;
use check::is_check;

/// What becomes of the body of a request to `path`.
pub(super) fn body_at(path: &str) -> BodyIs {
    if is_check(path) {
        BodyIs::Ignored
    } else if path.starts_with(api::BELOW) {
        BodyIs::Streamed
    } else {
        BodyIs::Read
    }
}

/// The routes, each of which looks itself at where it was asked.
pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let limited =
        |route| middleware::from_fn_with_state((Arc::clone(app), route), rate_limit::limit);
    let accompanied = middleware::from_fn_with_state(Arc::clone(app), accompany::accompany);
    let deliberate =
        middleware::from_fn_with_state((Arc::clone(app), Allow("GET")), speculative::leave_alone);
    let checks = Router::new()
        .route("/auth/check", any(check::check))
        .route("/auth/forward", any(check::forward))
        .route("/auth/envoy", any(check::envoy))
        .route("/auth/envoy/", any(check::envoy))
        .route("/auth/envoy/{*path}", any(check::envoy));
    // Here a GET does something.
    let sign_in = Router::new()
        .route(
            "/auth/sign-in",
            get(sign_in::get).layer(limited(Route::SiteSignIn)),
        )
        .route("/auth/grant", get(grant::get).layer(limited(Route::Grant)))
        .route(
            "/auth/arrive",
            get(arrive::get).layer(limited(Route::Arrive)),
        )
        .layer(accompanied.clone())
        .layer(deliberate);
    let session = Router::new()
        .route("/auth/session", get(session::get))
        .route("/auth/sign-out", post(sign_out::post))
        .layer(accompanied);
    let assets = Router::new()
        .route("/auth/static/{file}", get(assets::get))
        .route("/.well-known/jwks.json", get(jwks::get));
    let api = Router::new()
        .route("/auth/api", any(api::any))
        .route("/auth/api/", any(api::any))
        .route("/auth/api/{*path}", any(api::any));
    let routes = checks.merge(sign_in).merge(session);
    routes.merge(assets).merge(api)
}
