//! Whether the database takes a write: found out by writing, seldom enough that asking costs nothing.

use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt as _;

use super::error::StoreError;
use super::rows::{Change, Kind, Row, RowKey};
use super::store::Store;
use crate::clock::after;

/// How long what a try said counts, for all who ask.
const COUNTS_FOR: Duration = Duration::from_secs(1);

impl Store {
    /// Whether the database answers, and takes a write as far as one of the last second says. Those who ask meanwhile share what
    /// that one said.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when it does not: it is away, read-only, or full.
    pub async fn is_writable(&self) -> Result<(), StoreError> {
        self.rows.ping().await?;
        let mut last = self.last_try.0.lock().await;
        let now = self.clock.now();
        match &*last {
            // A clock that was set back tells nothing of how long ago it was.
            Some((at, said)) if *at <= now && now < after(*at, COUNTS_FOR) => said.clone(),
            _ => {
                let said = self.try_a_write().await;
                *last = Some((self.clock.now(), said.clone()));
                said
            }
        }
    }

    /// Adds a row that stands for nothing, and removes it. Should it stay, it has expired, and the next sweep takes it.
    async fn try_a_write(&self) -> Result<(), StoreError> {
        let row = Row {
            key: RowKey(rand::rng().random()),
            version: 1,
            sealed: Vec::new(),
            expires_at: Timestamp::UNIX_EPOCH.as_millisecond(),
            kind: Kind::UsedState,
        };
        let delete = Change::Delete {
            key: row.key,
            version: row.version,
        };
        self.rows.apply(&[Change::Insert(row)]).await?;
        self.rows.apply(&[delete]).await?;
        Ok(())
    }
}
