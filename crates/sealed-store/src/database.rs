//! What the databases have in common: how they fail, and for how long they are waited for.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

/// How long an operation may take, waiting for others included, before the database counts as unavailable.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// A database did not do what was asked. The text is its own or its driver's, and names no content.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct DatabaseError(pub Arc<str>);

impl DatabaseError {
    /// The database was closed.
    #[must_use]
    pub fn closed() -> Self {
        Self("it is closed".into())
    }
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string().into())
    }
}

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        Self(error.to_string().into())
    }
}

/// Does `work`, for [`PATIENCE`] at most: a disk or a server that hangs must not hang those who wait for it. A write that is
/// given up may have been done all the same.
///
/// # Errors
///
/// Those of `work`, and one of its own when the time is over.
pub async fn in_time<T>(
    work: impl Future<Output = Result<T, DatabaseError>>,
) -> Result<T, DatabaseError> {
    timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| Err(DatabaseError("no answer in time".into())))
}
