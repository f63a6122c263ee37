//! The figures, at an address of their own: `GET /metrics` for whoever collects them.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::task::JoinHandle;

use super::ConnectionLimits;
use super::accepting;
use super::listener::Listener;
use super::serving::{Room, Serving};
use crate::metrics::CONTENT_TYPE;
use crate::web::{self, App};

/// Collectors are few. Whoever else comes does not take the app's connections.
const ROOM: Room = Room {
    connections: 16,
    full: "server.metrics_listen has 16 connections, and no room for more: connections that wait are closed for new ones",
};

/// The figures being served.
pub(super) struct Scrape {
    serving: Arc<Serving>,
    accepting: JoinHandle<()>,
}

impl Scrape {
    pub(super) fn start(listener: Listener, app: &Arc<App>, limits: ConnectionLimits) -> Self {
        let serving = Serving::new(routes(app), Arc::clone(app), limits, ROOM);
        let accepting = tokio::spawn(accepting::accept(Arc::clone(&serving), listener));
        Self { serving, accepting }
    }

    /// Ends it at once: nobody's sign-in depends on it, so nothing is waited for.
    pub(super) fn end(&self) {
        self.serving.closing.cancel();
        self.accepting.abort();
    }
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
