//! Stopping in good order, in bounded time.
//!
//! | from | until | |
//! | --- | --- | --- |
//! | the signal | `server.drain_time` | `/readyz` answers 503, so that a balancer looks elsewhere; requests are taken all the same |
//! | then | half of `server.stop_timeout` | no new connections; requests under way end, and may still begin a token request |
//! | then | the end | no new token requests: one that is under way has this half to be answered, and its answer to be stored |
//! | at last | `server.stop_timeout` | the store closes |

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use crate::config::ServerSettings;
use crate::server::Server;
use crate::web::App;

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

/// Stops `server`, and `app` with it. `hurry` cuts the draining short.
pub(super) async fn stop(
    times: StopTimes,
    mut server: Server,
    app: &App,
    hurry: impl Future<Output = ()>,
) {
    let begun = Instant::now();
    let close_at = begun + times.whole - CLOSE_WITHIN.min(times.whole / 20);
    tracing::info!("stopping");
    app.metrics.ready(false);
    app.running.stopping.cancel();

    tokio::select! {
        () = sleep_until(begun + times.drain) => {}
        () = hurry => {}
    }
    server.close();
    let ended = async {
        server.ended().await;
        app.running.tasks.close();
        app.running.tasks.wait().await;
    };
    let late = async {
        sleep_until(begun + times.whole / 2).await;
        app.smartsheet.gate.stop_token_requests();
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
        app.sessions.store.close().await;
    };
    let _ = timeout_at(begun + times.whole, closed).await;
    tracing::info!("stopped");
}
