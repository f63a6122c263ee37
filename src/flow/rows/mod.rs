//! The rows that messages are kept in.
//!
//! Unlike sessions, messages may be lost: the databases are asked to be quick rather than to survive a power failure. What
//! was written is seen by every instance at once.

mod memory;
mod postgres;
mod sqlite;

use std::fmt;

use async_trait::async_trait;

use crate::database::DatabaseError;
pub use memory::MemoryFlow;
pub use postgres::PostgresFlow;
pub use sqlite::SqliteFlow;

/// Beyond the kept rows of a flow, the oldest are removed once in so many writes. Reading never gives more.
const TRIM_EVERY: i64 = 32;

/// What the messages of a flow are found by: a hash, so that the database does not give the flow's id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowKey(pub [u8; 32]);

impl fmt::Debug for FlowKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "FlowKey({}…)", hex::encode(&self.0[..4]))
    }
}

/// Some messages of one flow as the database sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowRow {
    /// Whose they are.
    pub key: FlowKey,
    /// When the last of them was sent, in microseconds since 1970.
    pub at: i64,
    /// A random number; the messages are sealed for it.
    pub id: i64,
    /// The messages, sealed for this key and id.
    pub sealed: Vec<u8>,
    /// Until when they are kept, in milliseconds since 1970.
    pub expires_at: i64,
}

/// A database of messages. What is acknowledged is seen by every reader; it need not survive a power failure.
#[async_trait]
pub trait FlowRows: fmt::Debug + Send + Sync {
    /// Whether other instances serve people from these rows right now.
    fn are_shared(&self) -> bool {
        false
    }

    /// Adds `rows`, and now and then removes what their flows have beyond the newest `keep`.
    async fn append(&self, rows: &[FlowRow], keep: i64) -> Result<(), DatabaseError>;

    /// The newest `limit` rows of `key` that have not expired before `now`, newest first.
    async fn newest(
        &self,
        key: &FlowKey,
        now: i64,
        limit: i64,
    ) -> Result<Vec<FlowRow>, DatabaseError>;

    /// Keeps the rows of each of `flows` until its time, in milliseconds since 1970, if that is later than before.
    async fn keep(&self, flows: &[(FlowKey, i64)]) -> Result<(), DatabaseError>;

    /// Removes every row of `key`.
    async fn erase(&self, key: &FlowKey) -> Result<(), DatabaseError>;

    /// Removes at most `limit` rows that expired before `now`, and says how many.
    async fn delete_expired(&self, now: i64, limit: i64) -> Result<u64, DatabaseError>;

    /// Of the rows that expire before `soon`, removes those beyond `keep`, the first to expire, at most `limit`, and says
    /// how many.
    async fn delete_surplus(&self, soon: i64, keep: i64, limit: i64) -> Result<u64, DatabaseError>;

    /// Ends the connections.
    async fn close(&self);
}

/// The flows of `rows` whose turn it is to be trimmed.
fn to_trim(rows: &[FlowRow]) -> Vec<FlowKey> {
    let mut keys: Vec<FlowKey> = rows
        .iter()
        .filter(|row| row.id % TRIM_EVERY == 0)
        .map(|row| row.key)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}
