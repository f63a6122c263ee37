//! The pages: a file each, and what they have in common.
//!
//! A request passes, from the outside in: `around`, which gives it a reference and a line in the log, tells which site it is
//! of (`auth/at`), refuses what is too long, and turns errors and panics into pages, hardens the answer and compresses it; `speculative`, which keeps what nobody asked for
//! from routes where a GET does something; `browser`, which reads and gives cookies and takes down what is said; `rate_limit`,
//! which refuses what is too often; `shares`, which refuses what is too much at once; then comes the page.

mod accept;
mod accompany;
mod app;
mod around;
mod assets;
mod at;
mod auth;
mod avatar;
#[doc(hidden)]
pub mod bare;
mod break_it;
mod browser;
mod client_address;
mod cookie;
mod escape;
mod failure;
mod flow;
mod frame;
mod headers;
mod health;
mod index;
mod limits;
mod login;
mod logout;
mod me;
mod moment;
mod notice;
mod permits;
mod person;
mod person_failures;
mod query;
mod rate_limit;
mod raw_json;
mod record;
mod redirect;
mod refresh;
mod refusal;
mod rendered;
mod request_log;
mod return_to;
mod same_origin;
mod shares;
mod sheets;
mod site_links;
mod speculative;
mod trailing_slash;
mod visit;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::middleware;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get, post};

pub use app::{App, Limits, PageSettings, Running, Sessions, Smartsheet};
pub use break_it::Control;
use failure::Failure;
use frame::{Frame, Here};
pub use headers::hardening;
pub use notice::Notice;
pub use rate_limit::RateLimiter;
use rate_limit::Route;
pub use refusal::refusal;
pub use shares::Shares;
pub use sheets::ShownForms;
use speculative::Allow;

/// Every page and endpoint, with the layers around them.
pub fn router(app: Arc<App>) -> Router {
    let from_our_pages = middleware::from_fn_with_state(Arc::clone(&app), same_origin::require);
    let limited =
        |route| middleware::from_fn_with_state((Arc::clone(&app), route), rate_limit::limit);
    let accompanied = middleware::from_fn_with_state(Arc::clone(&app), accompany::accompany);
    let shared = middleware::from_fn_with_state(Arc::clone(&app), shares::of_client);
    let deliberate = |methods| {
        let allow = Allow(methods);
        middleware::from_fn_with_state((Arc::clone(&app), allow), speculative::leave_alone)
    };

    let mut callback = Router::new().route(
        "/redirect",
        get(redirect::get)
            .layer(shared.clone())
            .layer(limited(Route::Redirect)),
    );
    let mut profile = Router::new().route("/me", get(me::get).layer(limited(Route::Me)));
    let mut of_sheets = Router::new()
        .route("/sheets", get(sheets::list::get))
        .route("/sheets/{sheet}", get(sheets::table::get))
        .route(
            "/sheets/{sheet}/rows/{row}",
            get(sheets::row::get).post(sheets::write::change),
        )
        .route("/sheets/{sheet}/rows", post(sheets::write::add))
        .route_layer(limited(Route::Sheets))
        .route_layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            same_origin::require_of_changes,
        ));
    let mut pages = Router::new()
        .route("/", get(index::get))
        .route("/flow", get(flow::get).layer(limited(Route::Flow)))
        .route(
            "/signed-out",
            get(flow::signed_out::get).layer(limited(Route::Flow)),
        );
    let mut actions = Router::new().route("/logout", post(logout::post));
    let mut ways_on = Router::new();
    if app.smartsheet.control.is_some() {
        let conclude = middleware::from_fn_with_state(Arc::clone(&app), break_it::conclude);
        callback = callback.route_layer(conclude.clone());
        profile = profile.route_layer(conclude.clone());
        of_sheets = of_sheets.route_layer(conclude);
        pages = pages.route("/break", get(break_it::get));
        actions = actions.route("/break/{failure}", post(break_it::post));
        ways_on = ways_on.route("/break/{failure}", get(break_it::go_on));
    }
    let refresh = Router::new()
        .route(
            "/refresh",
            post(refresh::post)
                .layer(shared)
                .layer(limited(Route::Refresh)),
        )
        .route_layer(from_our_pages.clone());
    // Here a GET does something.
    let sign_in = callback
        .route("/login", get(login::get).layer(limited(Route::Login)))
        .layer(accompanied.clone())
        .layer(deliberate("GET"));
    let ways_on = ways_on
        .layer(accompanied.clone())
        .layer(deliberate("GET,POST"));
    // In this order, because of two answers to a wrong method the later one stays.
    let accompanied = profile
        .merge(of_sheets)
        .merge(refresh)
        .merge(actions.route_layer(from_our_pages))
        .layer(accompanied)
        .merge(ways_on)
        .merge(sign_in);
    let endpoints = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/static/{file}", get(assets::get))
        .route("/favicon.ico", get(assets::icon))
        .route("/robots.txt", get(assets::robots));
    let pages = pages.merge(accompanied);
    let routes = pages
        .merge(endpoints)
        .merge(auth::routes(&app))
        .merge(slashes(&app));
    with_layers(routes.with_state(Arc::clone(&app)), app)
}

/// The pages' addresses with a slash at their end.
fn slashes(app: &App) -> Router<Arc<App>> {
    let mut routes = Router::new().route("/redirect/", any(trailing_slash::at_redirect));
    for path in ["/login/", "/me/", "/flow/", "/signed-out/", "/sheets/"] {
        routes = routes.route(path, get(trailing_slash::without_it));
    }
    if app.smartsheet.control.is_some() {
        routes = routes.route("/break/", get(trailing_slash::without_it));
    }
    routes
}

/// `routes` of somebody else, such as the sandbox, with the headers that harden the app's own answers.
pub fn hardened(routes: Router, app: Arc<App>) -> Router {
    routes.layer(middleware::from_fn_with_state(app, headers::harden))
}

/// What every answer of the app passes: limits, errors and panics as pages, hardening headers, the log line, compression.
pub fn with_layers(routes: Router, app: Arc<App>) -> Router {
    routes.layer(middleware::from_fn_with_state(app, around::answer))
}

/// The room that is made for a page at once, in bytes. Most fit.
const PAGE_BYTES: usize = 12 * 1024;

/// A page as an answer.
fn page(template: &impl askama::Template) -> Response {
    rendered(template)
        .map_err(Failure::internal)
        .into_response()
}

fn rendered(template: &impl askama::Template) -> askama::Result<Html<Bytes>> {
    let mut html = String::with_capacity(PAGE_BYTES);
    template.render_into(&mut html)?;
    Ok(Html(html.into()))
}
