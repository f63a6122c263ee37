//! The rows that sessions are kept in: what a database must do, and the databases that do it.
//!
//! A row is opaque here: a key, a version, sealed bytes and an expiry. Every write but the first names the version that
//! was read, and is refused when another write came first.

mod measured;
mod memory;
mod postgres;
mod sqlite;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::database::DatabaseError;
pub(super) use measured::MeasuredRows;
pub use memory::MemoryRows;
pub use postgres::PostgresRows;
pub use sqlite::SqliteRows;

/// What a row is found by: the SHA-256 of the session's id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowKey(#[serde(with = "hex::serde")] pub [u8; 32]);

impl fmt::Debug for RowKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RowKey({}…)", hex::encode(&self.0[..4]))
    }
}

/// One session as the database sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is found by.
    pub key: RowKey,
    /// 1 when it is made, and one more with every write.
    pub version: i64,
    /// The content, sealed for this key and version.
    pub sealed: Vec<u8>,
    /// When it stops counting, in milliseconds since 1970.
    pub expires_at: i64,
    /// Whether nobody is signed in with it, so that it may go when there are too many.
    pub transient: bool,
}

/// How many rows there are that have not expired.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those with somebody signed in.
    pub signed_in: i64,
    /// Those with nobody signed in.
    pub transient: i64,
}

/// The database did not do what was asked. The text is the database's own and names no content.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the session store does not answer: {0}")]
pub struct RowsError(pub Arc<str>);

impl From<DatabaseError> for RowsError {
    fn from(error: DatabaseError) -> Self {
        Self(error.0)
    }
}

/// A database of rows. Its operations are atomic, and durable once they return (but for [`MemoryRows`]).
#[async_trait]
pub trait Rows: fmt::Debug + Send + Sync {
    /// Whether other instances may serve people from these rows right now.
    fn are_shared(&self) -> bool {
        true
    }

    /// Adds a row. `false` when its key is taken.
    async fn insert(&self, row: &Row) -> Result<bool, RowsError>;

    /// The row of `key`, unless it expired before `now` (milliseconds since 1970).
    async fn find(&self, key: &RowKey, now: i64) -> Result<Option<Row>, RowsError>;

    /// Writes `row` over the version before it. `false` when the row is gone or has another version.
    async fn update(&self, row: &Row) -> Result<bool, RowsError>;

    /// Removes version `version` of `old` and adds `new`, both or neither. `false` when `old` is gone or has another
    /// version.
    async fn replace(&self, old: &RowKey, version: i64, new: &Row) -> Result<bool, RowsError>;

    /// Removes version `version` of `key`. `false` when the row is gone or has another version.
    async fn delete(&self, key: &RowKey, version: i64) -> Result<bool, RowsError>;

    /// Moves the expiry of `key`, leaving content and version as they are. Nothing happens when the row is gone.
    async fn touch(&self, key: &RowKey, expires_at: i64) -> Result<(), RowsError>;

    /// Removes at most `limit` rows that expired before `now` (milliseconds since 1970) and says how many.
    async fn delete_expired(&self, now: i64, limit: i64) -> Result<u64, RowsError>;

    /// Removes transient rows beyond `keep`, those that expire first, at most `limit`, and says how many.
    async fn trim_transient(&self, keep: i64, limit: i64) -> Result<u64, RowsError>;

    /// How many rows there are that have not expired before `now` (milliseconds since 1970). May take a while with very
    /// many rows, and nobody else waits for it.
    async fn count(&self, now: i64) -> Result<Counts, RowsError>;

    /// Whether the database answers.
    async fn ping(&self) -> Result<(), RowsError>;

    /// Writes something of no meaning: whether the database takes writes.
    async fn probe_write(&self) -> Result<(), RowsError>;

    /// Ends the connections.
    async fn close(&self);
}
