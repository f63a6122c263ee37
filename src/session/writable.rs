//! Whether the database takes a write: found out by writing, seldom enough that asking costs nothing.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt as _;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::rows::{Change, Kind, Row, RowKey};
use super::store::{Store, StoreError};

/// What the last try said. Cheap to clone; all clones are the same.
#[derive(Debug, Clone)]
pub(super) struct LastTry {
    good_for: Duration,
    answer: Arc<Mutex<Option<Answer>>>,
}

/// What a try said, and when.
type Answer = (Instant, Result<(), StoreError>);

impl LastTry {
    pub(super) fn new(good_for: Duration) -> Self {
        Self {
            good_for,
            answer: Arc::default(),
        }
    }
}

impl Store {
    /// Whether the database takes a write, as far as one of the last second says. Those who ask meanwhile share the answer.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when it does not: it is away, read-only, or full.
    pub async fn is_writable(&self) -> Result<(), StoreError> {
        let mut last = self.last_try.answer.lock().await;
        if let Some((at, answer)) = &*last
            && at.elapsed() < self.last_try.good_for
        {
            return answer.clone();
        }
        let answer = self.try_a_write().await;
        *last = Some((Instant::now(), answer.clone()));
        answer
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
