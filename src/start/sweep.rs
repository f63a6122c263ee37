//! What is done now and then: expired sessions go, and those that stay are counted.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::web::App;

/// When the first sweep is. It writes, and who waits for the first page does not wait for that.
const FIRST: Duration = Duration::from_secs(1);

/// Removes what is expired or too much, and counts the rest, soon and then `every` so often, until the server stops.
pub(super) async fn sweep(app: Arc<App>, every: Duration) {
    let mut every = interval_at(Instant::now() + FIRST.min(every), every);
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
