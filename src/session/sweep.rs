//! What is done now and then: sessions that expired end, and rows that are of no use any more go.

use futures_util::future::try_join_all;

use super::error::StoreError;
use super::keys::ended_key;
use super::rows::{Change, Row};
use super::store::{Loaded, Store};

/// How many used states are kept. Beyond that the oldest go.
const MAX_USED_STATES: i64 = 50_000;

impl Store {
    /// Ends expired sessions, so that their tokens are revoked, and removes what is of no use any more, in batches small
    /// enough that no request waits for them. Says how many rows went.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`]; the rest is left for the next time.
    pub async fn sweep(&self) -> Result<u64, StoreError> {
        const BATCH: i64 = 500;
        let mut removed = 0;
        loop {
            let now = self.clock.now().as_millisecond();
            let expired = self.rows.delete_expired(now, BATCH).await?;
            let surplus = self.rows.trim_used_states(MAX_USED_STATES, BATCH).await?;
            removed += expired + surplus;
            if expired.max(surplus) < BATCH.unsigned_abs() {
                break;
            }
            tokio::task::yield_now().await;
        }
        loop {
            let now = self.clock.now().as_millisecond();
            let expired = self.rows.expired(now, BATCH).await?;
            let ending = expired.iter().map(|row| self.sweep_one(row));
            let ended = try_join_all(ending).await?;
            let ended: u64 = ended.into_iter().map(u64::from).sum();
            removed += ended;
            // Where nothing could be ended, others are at it.
            if (expired.len() as u64) < BATCH.unsigned_abs() || ended == 0 {
                return Ok(removed);
            }
            tokio::task::yield_now().await;
        }
    }

    async fn sweep_one(&self, row: &Row) -> Result<bool, StoreError> {
        let delete = Change::Delete {
            key: row.key,
            version: row.version,
        };
        let mut sites = Vec::new();
        let changes = match self.open(row) {
            Some(data) => {
                sites.clone_from(&data.sites);
                let session = Loaded {
                    key: row.key,
                    version: row.version,
                    data,
                };
                self.ending(&session, true)?.to_vec()
            }
            None => vec![delete.clone()],
        };
        if self.rows.apply(&changes).await? {
            self.forget_pointers(&sites).await;
            return Ok(true);
        }
        // Somebody else was faster. Or the session ended before, and its row was put back.
        let ended = self.rows.find(&ended_key(&row.key), None, i64::MIN).await?;
        Ok(ended.is_some() && self.rows.apply(&[delete]).await?)
    }
}
