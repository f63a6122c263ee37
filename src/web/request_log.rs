//! One line a request.

use std::borrow::Cow;
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
use crate::server::Peer;

/// Why a request failed, for its line.
#[derive(Debug, Clone)]
pub(super) struct Reason(pub(super) String);

/// What was asked for, where the route's own pattern says too little. It is a pattern as well, never the path.
#[derive(Debug, Clone)]
pub(super) struct Pattern(pub(super) String);

/// What a request is found by in the log, for pages that say so themselves.
#[derive(Debug, Clone)]
pub(super) struct Reference(pub(super) String);

/// What asks all the time whether the app is well, or for each request of a site who it is. That all is well is no news.
const PROBES: [&str; 6] = [
    "/healthz",
    "/readyz",
    "/auth/check",
    "/auth/forward",
    "/auth/envoy/",
    "/auth/envoy/{*path}",
];

/// How long an id and a method are in the log, in bytes.
const MAX_ID: usize = 64;
const MAX_METHOD: usize = 20;

pub(super) const REQUEST_ID: &str = "x-request-id";

/// A request's line, begun when the request comes and written when it is answered. Neither path nor query is in it but the
/// route's pattern: a query may hold a code, and what visitors ask for must not make new series of figures.
pub(super) struct Entry {
    /// What an error page shows and the line has: 48 random bits in hex, or the `X-Request-Id` of a trusted proxy.
    reference: String,
    /// The `X-Request-Id` of anybody else, who could have taken another request's.
    theirs: Option<String>,
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
        let given = given_id(request);
        let (reference, theirs) = match given {
            Some(given) if is_from(request, trusted_proxies) => (given, None),
            given => (new_id(), given),
        };
        request
            .extensions_mut()
            .insert(Reference(reference.clone()));
        Self {
            reference,
            theirs,
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
        let theirs = self.theirs.as_ref().map(tracing::field::display);
        tracing::info_span!("request", id = %self.reference, theirs)
    }

    /// Counts the request, writes its line and tells the client its reference.
    pub(super) fn end(self, metrics: &Metrics, response: &mut Response) {
        let duration = self.started.elapsed();
        let id = self.reference;
        let client = self.client.map(|client| tracing::field::display(client.0));
        let theirs = self.theirs.as_ref().map(tracing::field::display);
        let method = shown_method(&self.method);
        let pattern = response.extensions().get::<Pattern>().cloned();
        let route = self.route.as_ref().map_or("(none)", MatchedPath::as_str);
        let route = pattern.as_ref().map_or(route, |Pattern(known)| known);
        let status = response.status().as_u16();
        let reason = response.extensions().get::<Reason>();
        let reason = reason.map(|reason| reason.0.as_str());
        metrics.request(&method, route, status, duration);
        if response.status().is_server_error() {
            tracing::warn!(%id, theirs, client, %method, route, status, ?duration, reason, "request");
        } else if response.status().is_success() && PROBES.contains(&route) {
            tracing::debug!(%id, theirs, client, %method, route, status, ?duration, reason, "request");
        } else {
            tracing::info!(%id, theirs, client, %method, route, status, ?duration, reason, "request");
        }
        if let Ok(value) = HeaderValue::try_from(id) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
    }
}

/// The id that came with the request, if it is one that can be shown and logged as it is.
fn given_id(request: &Request) -> Option<String> {
    let id = request.headers().get(REQUEST_ID)?.to_str().ok()?;
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let can_be_shown = (1..=MAX_ID).contains(&id.len()) && id.bytes().all(is_part);
    can_be_shown.then(|| id.to_owned())
}

/// Whether the request came by one of the trusted proxies.
pub(super) fn is_from(request: &Request, trusted_proxies: &[IpNet]) -> bool {
    let peer = request.extensions().get();
    peer.is_some_and(|Peer(peer)| {
        let peer = peer.to_canonical();
        trusted_proxies
            .iter()
            .any(|network| network.contains(&peer))
    })
}

/// A method can be any word. Those that are in use are short.
fn shown_method(method: &Method) -> Cow<'_, str> {
    let method = method.as_str();
    match method.get(..MAX_METHOD) {
        Some(start) if method.len() > MAX_METHOD => Cow::Owned(format!("{start}…")),
        _ => Cow::Borrowed(method),
    }
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
