//! What the tests share: the app on a port of its own, a clock to move, a browser, a provider to script, the log.

pub(crate) mod app;
pub(crate) mod binary;
pub(crate) mod browser;
pub(crate) mod clock;
pub(crate) mod exposition;
pub(crate) mod forms;
pub(crate) mod log;
pub(crate) mod panel;
pub(crate) mod program;
pub(crate) mod provider;
pub(crate) mod rows;
pub(crate) mod said;
pub(crate) mod sandbox;
pub(crate) mod scripted;
pub(crate) mod secrets;
pub(crate) mod sessions;
pub(crate) mod tap;
pub(crate) mod visitor;

pub(crate) use app::{Setup, TestApp, World};
pub(crate) use browser::{Browser, Page};
pub(crate) use provider::{Gate, Provider, Reply, Seen};
pub(crate) use visitor::Visitor;

use std::time::Duration;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_mins(1);
pub(crate) const HOUR: Duration = Duration::from_hours(1);
pub(crate) const DAY: Duration = Duration::from_hours(24);

/// What no test waits longer for. It bounds waiting for an event; nothing is timed by it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `condition` holds, for what tells nobody when it happens.
pub(crate) async fn until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let search = async {
        loop {
            if let Some(found) = condition().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, search).await;
    found.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}
