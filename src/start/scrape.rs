//! The figures, at an address of their own: `GET /metrics` for whoever collects them.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::hooks::hooks;
use crate::metrics::CONTENT_TYPE;
use crate::server::{ConnectionLimits, Listener, Room, Server};
use crate::web::{self, App};

/// Collectors are few. Whoever else comes does not take the app's connections.
const ROOM: Room = Room {
    connections: 16,
    full: "server.metrics_listen has 16 connections, and no room for more: connections that wait are closed for new ones",
};

/// Serves the figures. Nobody's sign-in depends on it, so at the end nothing is waited for: [`Server::abort`].
pub(super) fn start(listener: Listener, app: &Arc<App>, limits: ConnectionLimits) -> Server {
    Server::start(listener, routes(app), hooks(app), limits, ROOM)
}

fn routes(app: &Arc<App>) -> Router {
    let routes = Router::new()
        .route("/metrics", get(metrics))
        .fallback(|| async { (StatusCode::NOT_FOUND, "The metrics are at /metrics.\n") })
        .with_state(Arc::clone(app));
    web::hardened(routes, Arc::clone(app))
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    match app.metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics can't be written as text");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
