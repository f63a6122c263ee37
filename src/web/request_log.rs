//! One line a request.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use rand::Rng as _;
use tracing::Instrument as _;

use super::App;
use super::client_address::ClientAddress;

/// What an error page shows and the log line has: 48 random bits in hex, or the `X-Request-Id` that came with the request.
#[derive(Debug, Clone)]
pub(super) struct Reference(pub(super) String);

/// Why a request failed, for its line.
#[derive(Debug, Clone)]
pub(super) struct Reason(pub(super) String);

pub(super) const REQUEST_ID: &str = "x-request-id";

/// Gives the request its reference and writes its line when it is answered. Neither path nor query is written but the
/// route's pattern: a query may hold a code.
pub(super) async fn write(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let reference = reference(&request);
    request
        .extensions_mut()
        .insert(Reference(reference.clone()));
    let client = ClientAddress::of(&request, &app.trusted_proxies);
    if let Some(client) = client {
        request.extensions_mut().insert(client);
    }
    let client = client.map(|client| tracing::field::display(client.0));
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("(none)", MatchedPath::as_str)
        .to_owned();

    let span = tracing::info_span!("request", id = %reference);
    let mut response = next.run(request).instrument(span).await;

    let status = response.status();
    let duration = started.elapsed();
    let reason = response
        .extensions()
        .get::<Reason>()
        .map(|reason| reason.0.as_str());
    if status.is_server_error() {
        tracing::warn!(id = %reference, client, %method, route, status = status.as_u16(), ?duration, reason, "request");
    } else {
        tracing::info!(id = %reference, client, %method, route, status = status.as_u16(), ?duration, reason, "request");
    }
    if let Ok(value) = HeaderValue::from_str(&reference) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The id that a proxy gave the request, if it is one that can be shown and logged as it is; else a new one.
fn reference(request: &Request) -> String {
    let given = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| {
            (1..=64).contains(&id.len())
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        });
    given.map_or_else(new_id, str::to_owned)
}

pub(super) fn new_id() -> String {
    let mut bytes = [0; 6];
    rand::rng().fill_bytes(&mut bytes);
    hex::encode(bytes)
}

/// Writes the line of what never became a request.
pub(super) fn refused(id: &str, client: IpAddr, status: StatusCode) {
    let reason = status.canonical_reason();
    tracing::info!(id, %client, route = "(none)", status = status.as_u16(), reason, "request");
}
