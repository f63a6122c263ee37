//! One line a request.

use std::net::IpAddr;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use ipnet::IpNet;
use rand::Rng as _;
use tracing::Span;

use super::client_address::ClientAddress;
use crate::metrics::Metrics;

/// Why a request failed, for its line.
#[derive(Debug, Clone)]
pub(super) struct Reason(pub(super) String);

/// What asks all the time whether the app is well. That it is, is no news.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

pub(super) const REQUEST_ID: &str = "x-request-id";

/// A request's line, begun when the request comes and written when it is answered. Neither path nor query is in it but the
/// route's pattern: a query may hold a code, and what visitors ask for must not make new series of figures.
pub(super) struct Entry {
    /// What an error page shows and the line has: 48 random bits in hex, or the `X-Request-Id` that came with the request.
    reference: String,
    client: Option<ClientAddress>,
    method: Method,
    route: Option<MatchedPath>,
    started: Instant,
}

impl Entry {
    /// Finds out who asks for what. Puts the client's address into the request's extensions.
    pub(super) fn begin(request: &mut Request, trusted_proxies: &[IpNet]) -> Self {
        let client = ClientAddress::of(request, trusted_proxies);
        if let Some(client) = client {
            request.extensions_mut().insert(client);
        }
        Self {
            reference: reference(request),
            client,
            method: request.method().clone(),
            route: request.extensions().get().cloned(),
            started: Instant::now(),
        }
    }

    pub(super) fn reference(&self) -> &str {
        &self.reference
    }

    /// Gives the reference to every line that is written while the request is answered.
    pub(super) fn span(&self) -> Span {
        tracing::info_span!("request", id = %self.reference)
    }

    /// Counts the request, writes its line and tells the client its reference.
    pub(super) fn end(self, metrics: &Metrics, response: &mut Response) {
        let duration = self.started.elapsed();
        let id = self.reference;
        let client = self.client.map(|client| tracing::field::display(client.0));
        let method = self.method.as_str();
        let route = self.route.as_ref().map_or("(none)", MatchedPath::as_str);
        let status = response.status().as_u16();
        let reason = response.extensions().get::<Reason>();
        let reason = reason.map(|reason| reason.0.as_str());
        metrics.request(method, route, status, duration);
        if response.status().is_server_error() {
            tracing::warn!(%id, client, %method, route, status, ?duration, reason, "request");
        } else if response.status().is_success() && PROBES.contains(&route) {
            tracing::debug!(%id, client, %method, route, status, ?duration, reason, "request");
        } else {
            tracing::info!(%id, client, %method, route, status, ?duration, reason, "request");
        }
        if let Ok(value) = HeaderValue::try_from(id) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
    }
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
