//! What is done now and then: expired sessions go, and those that stay are counted.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::web::App;

/// Removes what is expired or too much, and counts the rest, at once and then `every` so often, until the server stops.
pub(super) async fn sweep(app: Arc<App>, every: Duration) {
    let mut every = tokio::time::interval(every);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = app.running.stopping.cancelled() => return,
            _ = every.tick() => {}
        }
        match app.sessions.store.sweep().await {
            Ok(0) => {}
            Ok(removed) => tracing::debug!(removed, "expired sessions removed"),
            Err(error) => tracing::warn!(%error, "expired sessions could not be removed"),
        }
        match app.sessions.revocations.attempt_due().await {
            Ok(0) => {}
            Ok(tried) => tracing::debug!(tried, "revocations that waited were tried"),
            Err(error) => tracing::warn!(%error, "revocations that wait could not be looked for"),
        }
        match app.flow.sweep().await {
            Ok(0) => {}
            Ok(removed) => tracing::debug!(removed, "expired messages removed"),
            Err(error) => tracing::warn!(%error, "expired messages could not be removed"),
        }
        match app.sessions.store.count().await {
            Ok(counts) => {
                let metrics = &app.metrics;
                metrics.stored(counts.signed_in, counts.used_states, counts.revocations);
            }
            Err(error) => tracing::warn!(%error, "sessions could not be counted"),
        }
    }
}
