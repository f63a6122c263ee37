//! `GET /healthz` and `GET /readyz`: for whoever restarts the process, and for whoever sends it requests.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use tokio::sync::Mutex;

use super::App;
use crate::clock::before;
use crate::session::StoreError;

/// How long an outcome counts. Whoever asks meanwhile gets the same.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// 200 while the process lives.
pub(super) async fn healthz() -> Response {
    answer(StatusCode::OK, "ok")
}

/// Whether the store takes writes, which one write a second finds out for all who ask.
#[derive(Debug, Default)]
pub struct Readiness(Mutex<Option<(Timestamp, Result<(), StoreError>)>>);

impl Readiness {
    /// Those who ask at the same time wait for one write.
    async fn of(&self, app: &App) -> Result<(), StoreError> {
        let mut known = self.0.lock().await;
        let now = app.clock.now();
        match &*known {
            // A clock that was set back says nothing about an outcome's age.
            Some((at, outcome)) if *at > before(now, PROBE_EVERY) && *at <= now => outcome.clone(),
            _ => {
                let outcome = app.store.probe_write().await;
                *known = Some((app.clock.now(), outcome.clone()));
                outcome
            }
        }
    }
}

/// 200 while the app can serve: the store answers and takes writes, and it is not shutting down.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    if app.stopping.is_cancelled() {
        return answer(StatusCode::SERVICE_UNAVAILABLE, "shutting down");
    }
    let ready = match app.store.ping().await {
        Ok(()) => app.readiness.of(&app).await,
        Err(error) => Err(error),
    };
    match ready {
        Ok(()) => answer(StatusCode::OK, "ready"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            answer(
                StatusCode::SERVICE_UNAVAILABLE,
                "the session store does not answer, or takes no writes",
            )
        }
    }
}

/// A word for the operator. Typed as JSON text so that it is not taken for a bare error.
fn answer(status: StatusCode, word: &'static str) -> Response {
    let body = serde_json::json!({ "status": word }).to_string();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
