//! `GET /healthz` and `GET /readyz`: for whoever restarts the process, and for whoever sends it requests.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::App;

/// 200 while the process lives.
pub(super) async fn healthz() -> Response {
    answer(StatusCode::OK, "ok")
}

/// 200 while the app can serve: the store takes a write, and it is not shutting down.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    if app.running.stopping.is_cancelled() {
        return answer(StatusCode::SERVICE_UNAVAILABLE, "shutting down");
    }
    match app.sessions.store.is_writable().await {
        Ok(()) => answer(StatusCode::OK, "ready"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            answer(
                StatusCode::SERVICE_UNAVAILABLE,
                "the session store takes no write",
            )
        }
    }
}

/// A word for the operator. Typed as JSON text so that it is not taken for a bare error.
fn answer(status: StatusCode, word: &'static str) -> Response {
    let body = serde_json::json!({ "status": word }).to_string();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
