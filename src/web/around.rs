//! What is around every page, from its reference to its line in the log.
//!
//! One middleware for all of it, because each costs every request a copy of what it wraps.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::compression::CompressionLayer;
use tracing::Instrument as _;

use super::accept::wants_json;
use super::at::At;
use super::auth;
use super::rendered::PassedOn;
use super::request_log::Entry;
use super::{App, headers, limits, rendered};

/// Limits what may be asked, makes pages of errors and panics, hardens every answer, counts it, logs it and compresses it.
pub(super) async fn answer(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let entry = Entry::begin(&mut request, &app.settings.trusted_proxies);
    let at = At::of(&app, &request);
    request.extensions_mut().insert(at.clone());
    let json = wants_json(request.headers());
    let encodings = request.headers().get_all(header::ACCEPT_ENCODING);
    let encodings: Vec<HeaderValue> = encodings.iter().cloned().collect();

    // Pinned, because what is around it would move all of it.
    let page = pin!(async {
        if !at.serves(request.uri().path()) {
            return StatusCode::NOT_FOUND.into_response();
        }
        let body = auth::body_at(request.uri().path());
        match limits::within(request, body).await {
            Ok(request) => next.run(request).await,
            Err(failure) => failure.into_response(),
        }
    });
    let response = rendered::survive(page).instrument(entry.span()).await;
    let mut response = rendered::render(&app, &at, response, json, entry.reference());
    headers::apply(response.headers_mut(), &app);
    if at.site().is_some() {
        // It would count for all of the site's host, which is for the site to decide.
        response
            .headers_mut()
            .remove(header::STRICT_TRANSPORT_SECURITY);
    }
    entry.end(&app.metrics, &mut response);
    if response.extensions().get::<PassedOn>().is_some() {
        // An answer of Smartsheet's is passed on as it comes. Compressing it would hold its parts back.
        return response;
    }
    compress(response, encodings).await
}

/// `response` in one of `encodings`, if there are any and it is worth it.
///
/// A page that repeats what its visitor sends must not be compressed together with a secret, whose length would tell it
/// (BREACH). No page holds one: tokens stay on the server, and forms need none.
async fn compress(response: Response, encodings: Vec<HeaderValue>) -> Response {
    if encodings.is_empty() {
        return response;
    }
    let mut request = Request::new(());
    for encoding in encodings {
        request
            .headers_mut()
            .append(header::ACCEPT_ENCODING, encoding);
    }
    let mut response = Some(response);
    let here = service_fn(move |_| {
        let response = response.take().unwrap_or_default();
        async move { Ok::<_, Infallible>(response) }
    });
    match CompressionLayer::new().layer(here).oneshot(request).await {
        Ok(compressed) => compressed.into_response(),
        Err(never) => match never {},
    }
}
