//! Whether the instance that has a lease is still there, for those who wait for it.

use std::time::Duration;

use tokio::time::Instant;

use super::data::Lease;
use super::presence::GONE_AFTER;
use super::store::Store;

/// How often it is asked whether the instance is there.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// What is known of the instance that has the lease.
#[derive(Default)]
pub(super) struct HolderWatch {
    /// When it was last asked for.
    asked: Option<Instant>,
    /// The holder whose instance is gone.
    pub(super) gone: Option<u64>,
}

impl HolderWatch {
    /// Finds out whether the holder of `lease` is there, now and then.
    pub(super) async fn look_at(&mut self, lease: Lease, store: &Store) {
        let Some(instance) = lease.instance else {
            return;
        };
        if self.asked.is_some_and(|asked| asked.elapsed() < ASK_AGAIN) {
            return;
        }
        self.asked = Some(Instant::now());
        if is_gone(instance, store).await {
            tracing::warn!("an instance is gone in the middle of a refresh, which is taken over");
            self.gone = Some(lease.holder);
        }
    }
}

/// Whether `instance` is gone, as far as can be told.
async fn is_gone(instance: i64, store: &Store) -> bool {
    if store.presence.is(instance) || !store.presence.may_judge(Instant::now()) {
        return false;
    }
    let within = i64::try_from(GONE_AFTER.as_millis()).unwrap_or(i64::MAX);
    matches!(store.rows.has_shown(instance, within).await, Ok(false))
}
