//! The rows that sessions are kept in: what a database must do, and the databases that do it.
//!
//! A row is opaque here: a key, a version, sealed bytes and an expiry. Every change names the version that was read, and is
//! refused when another one came first.

mod change;
mod last_read;
mod measured;
mod memory;
mod postgres;
mod sqlite;

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::database::DatabaseError;
pub use change::Change;
pub(super) use measured::MeasuredRows;
pub use memory::MemoryRows;
pub use postgres::{MIGRATIONS, PostgresRows};
pub use sqlite::SqliteRows;

/// What a row is found by: the SHA-256 of a secret that only a browser has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowKey(#[serde(with = "hex::serde")] pub [u8; 32]);

impl fmt::Debug for RowKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RowKey({}…)", hex::encode(&self.0[..4]))
    }
}

/// One row as the database sees it.
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
    /// What it stands for.
    pub kind: Kind,
}

/// What a row stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A session that somebody is signed in with.
    Session,
    /// A `state` that was used, with what came of it. May go when there are too many.
    UsedState,
    /// A ticket, or the session of another site. Both point to a session, and are removed when they expire and not before. In the
    /// columns of a database they are as an ended session with nothing to revoke, and are read as one.
    Pointer,
    /// A session that ended.
    Ended {
        /// When its revocation is tried next, in milliseconds since 1970. `None` when there is nothing to revoke.
        revoke_at: Option<i64>,
    },
}

impl Kind {
    /// Whether it may go when there are too many.
    pub(super) fn is_transient(self) -> bool {
        self == Self::UsedState
    }

    pub(super) fn is_ended(self) -> bool {
        matches!(self, Self::Ended { .. } | Self::Pointer)
    }

    pub(super) fn revoke_at(self) -> Option<i64> {
        match self {
            Self::Ended { revoke_at } => revoke_at,
            Self::Session | Self::UsedState | Self::Pointer => None,
        }
    }

    fn of_columns(transient: bool, ended: bool, revoke_at: Option<i64>) -> Self {
        match (transient, ended) {
            (_, true) => Self::Ended { revoke_at },
            (true, false) => Self::UsedState,
            (false, false) => Self::Session,
        }
    }
}

/// How many rows there are that have not expired.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sessions with somebody signed in.
    pub signed_in: i64,
    /// States that were used.
    pub used_states: i64,
    /// Revocations that wait for their next try.
    pub revocations: i64,
}

/// The database did not do what was asked. The text is the database's own and names no content.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the session store does not answer: {0}")]
pub struct RowsError(#[from] pub DatabaseError);

/// A database of rows. Its operations are atomic, and durable once they return (but for [`MemoryRows`], and for
/// [`Rows::apply_light`]).
#[async_trait]
pub trait Rows: fmt::Debug + Send + Sync {
    /// Whether other instances may serve people from these rows right now.
    fn are_shared(&self) -> bool {
        true
    }

    /// The row of `key`, unless it expired before `now` (milliseconds since 1970) or there is a row of `unless`, expired or
    /// not.
    async fn find(
        &self,
        key: &RowKey,
        unless: Option<&RowKey>,
        now: i64,
    ) -> Result<Option<Row>, RowsError>;

    /// Makes all of `changes`, each to a row of its own, or none. `false` when one of them can't be made: the row that it
    /// names is gone or has another version, or the key of a new row is taken.
    async fn apply(&self, changes: &[Change]) -> Result<bool, RowsError>;

    /// The same for one change that is durable only once a later change is, or soon. A crash of the database's machine may undo it.
    async fn apply_light(&self, change: Change) -> Result<bool, RowsError> {
        self.apply(&[change]).await
    }

    /// Removes at most `limit` rows that expired before `now` (milliseconds since 1970) and stand for no session that could
    /// still end, and says how many.
    async fn delete_expired(&self, now: i64, limit: i64) -> Result<u64, RowsError>;

    /// At most `limit` rows of sessions that expired before `now` (milliseconds since 1970), the first to expire first.
    async fn expired(&self, now: i64, limit: i64) -> Result<Vec<Row>, RowsError>;

    /// At most `limit` rows of ended sessions whose revocation is due at `now` (milliseconds since 1970), the first due first.
    async fn due(&self, now: i64, limit: i64) -> Result<Vec<Row>, RowsError>;

    /// Removes used states beyond `keep`, those that expire first, at most `limit`, and says how many.
    async fn trim_used_states(&self, keep: i64, limit: i64) -> Result<u64, RowsError>;

    /// How many rows there are that have not expired before `now` (milliseconds since 1970). May take a while with very
    /// many rows, and nobody else waits for it.
    async fn count(&self, now: i64) -> Result<Counts, RowsError>;

    /// Whether the database answers.
    async fn ping(&self) -> Result<(), RowsError>;

    /// Shows others that the instance of this number is there. `false` where nobody keeps track of instances.
    async fn show(&self, _instance: i64) -> Result<bool, RowsError> {
        Ok(false)
    }

    /// Whether that instance has shown itself within so many milliseconds, by the database's clock.
    async fn has_shown(&self, _instance: i64, _within: i64) -> Result<bool, RowsError> {
        Ok(true)
    }

    /// Forgets that instance.
    async fn leave(&self, _instance: i64) -> Result<(), RowsError> {
        Ok(())
    }

    /// Ends the connections.
    async fn close(&self);
}
