//! Waiting for what tells nobody when it happens.

use std::time::Duration;

/// What no test waits longer for. It bounds waiting for an event; nothing is timed by it. Long, because a busy machine is no
/// failure.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(20);

/// Waits until `condition` gives something, and gives that.
pub async fn until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let search = async {
        loop {
            if let Some(found) = condition().await {
                return found;
            }
            tokio::time::sleep(EVERY).await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, search).await;
    found.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}
