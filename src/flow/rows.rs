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

/// What a row takes beside its messages, in bytes: its other columns, and its places in the indexes.
const ROW_OVERHEAD: u64 = 160;

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

impl FlowRow {
    /// What it takes in a database, in bytes.
    pub(super) fn size(&self) -> u64 {
        self.sealed.len() as u64 + ROW_OVERHEAD
    }
}

/// What a flow is trimmed to: its newest rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trim {
    /// Which flow.
    pub key: FlowKey,
    /// How many rows stay at most.
    pub rows: u64,
    /// How many bytes stay at most.
    pub bytes: u64,
}

/// What is written at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Flows whose rows are kept until this time, in milliseconds since 1970, if that is later than before.
    pub keep: Vec<(FlowKey, i64)>,
    /// Rows that are new.
    pub rows: Vec<FlowRow>,
    /// What is removed after that, because there is no room for it.
    pub trims: Vec<Trim>,
}

/// A database of messages. What is acknowledged is seen by every reader; it need not survive a power failure.
#[async_trait]
pub trait FlowRows: fmt::Debug + Send + Sync {
    /// Whether other instances serve people from these rows right now.
    fn are_shared(&self) -> bool {
        false
    }

    /// Writes `batch`.
    async fn write(&self, batch: Batch) -> Result<(), DatabaseError>;

    /// The newest `limit` rows of `key` that have not expired before `now`, newest first.
    async fn newest(
        &self,
        key: &FlowKey,
        now: i64,
        limit: i64,
    ) -> Result<Vec<FlowRow>, DatabaseError>;

    /// Removes every row of `key`.
    async fn erase(&self, key: &FlowKey) -> Result<(), DatabaseError>;

    /// Removes at most `limit` rows that expired before `now`, and says how many.
    async fn delete_expired(&self, now: i64, limit: i64) -> Result<u64, DatabaseError>;

    /// Of the rows that expire before `soon`, removes those beyond `keep`, the first to expire, at most `limit`, and says
    /// how many.
    async fn delete_surplus(&self, soon: i64, keep: i64, limit: i64) -> Result<u64, DatabaseError>;

    /// Removes the oldest rows, whosever they are, until all together take at most `bytes`. Says how many were removed.
    async fn make_room(&self, bytes: u64) -> Result<u64, DatabaseError>;

    /// Gives the disk back what removed rows took, where a database does not do that by itself.
    async fn give_back(&self) -> Result<(), DatabaseError>;

    /// Ends the connections.
    async fn close(&self);
}
