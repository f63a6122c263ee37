//! Stopping in good order, in bounded time.
//!
//! | from | until | |
//! | --- | --- | --- |
//! | the signal | `server.drain_time` | `/readyz` answers 503, so that a balancer looks elsewhere; requests are taken all the same |
//! | then | half of `server.stop_timeout` | no new connections; requests under way end, and may still begin a token request |
//! | then | the end | no new token requests: one that is under way has this half to be answered, and its answer to be stored |
//! | at last | `server.stop_timeout` | the store closes |

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::serving::Serving;
use crate::config::ServerSettings;

/// How long the database may take to end its connections: a twentieth of the whole, at most this.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// How long each part of a stop may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct StopTimes {
    drain: Duration,
    whole: Duration,
}

impl StopTimes {
    pub(super) fn new(settings: &ServerSettings) -> Self {
        Self {
            drain: settings.drain_time,
            whole: settings.stop_timeout,
        }
    }
}

/// Stops `serving`, whose listener is served by `accepting`. `hurry` cuts the draining short.
pub(super) async fn stop(
    times: StopTimes,
    serving: &Serving,
    accepting: JoinHandle<()>,
    hurry: impl Future<Output = ()>,
) {
    let app = &serving.app;
    let begun = Instant::now();
    let close_at = begun + times.whole - CLOSE_WITHIN.min(times.whole / 20);
    tracing::info!("stopping");
    app.metrics.ready(false);
    app.stopping.cancel();

    tokio::select! {
        () = sleep_until(begun + times.drain) => {}
        () = hurry => {}
    }
    serving.closing.cancel();
    let ended = async {
        // The task ends by itself; should it have panicked, nothing is accepted any more either.
        let _ = accepting.await;
        serving.ended().await;
        app.tasks.close();
        app.tasks.wait().await;
    };
    let late = async {
        sleep_until(begun + times.whole / 2).await;
        app.gate.stop_token_requests();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = timeout_at(close_at, ended) => if ended.is_err() {
            tracing::warn!(
                "requests, exchanges or refreshes were still under way after server.stop_timeout ({:?})",
                times.whole
            );
        },
        () = late => {}
    }

    // A database that hangs must not hold up the end; what it acknowledged it has.
    let closed = async {
        app.flow.close().await;
        app.store.close().await;
    };
    let _ = timeout_at(begun + times.whole, closed).await;
    tracing::info!("stopped");
}
