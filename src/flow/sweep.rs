//! Clearing up: what is done now and then, whoever writes or reads.

use super::log::FlowLog;
use super::retention::{MAX_SOON, SOON_MILLIS};
use super::writing::LogError;

impl FlowLog {
    /// Removes messages whose time is up, those of sign-ins that nobody finishes beyond 100,000, and the oldest beyond
    /// `flow.max_size`; and gives the disk back what they took. Says how many rows were removed.
    ///
    /// # Errors
    ///
    /// [`LogError`]; the rest is left for the next time.
    pub async fn sweep(&self) -> Result<u64, LogError> {
        const BATCH: i64 = 1000;
        let rows = self.rows();
        let mut removed = 0;
        loop {
            let now = self.now().as_millisecond();
            let expired = rows.delete_expired(now, BATCH).await?;
            let soon = now.saturating_add(SOON_MILLIS);
            let surplus = rows.delete_surplus(soon, MAX_SOON, BATCH).await?;
            removed += expired + surplus;
            if expired.max(surplus) < BATCH.unsigned_abs() {
                break;
            }
            tokio::task::yield_now().await;
        }
        removed += rows.make_room(self.retention().make_room_to()).await?;
        rows.give_back().await?;
        Ok(removed)
    }
}
