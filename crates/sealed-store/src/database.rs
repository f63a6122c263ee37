//! What the databases have in common: how they fail, and for how long they are waited for.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

/// How long an operation may take, waiting for others included, before the database counts as unavailable.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// A database did not do what was asked. The text is its own or its driver's, and names no content.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{text}")]
pub struct DatabaseError {
    text: Arc<str>,
    is_full: bool,
}

impl DatabaseError {
    /// What happened, in words.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self {
            text: text.into(),
            is_full: false,
        }
    }

    /// The database was closed.
    #[must_use]
    pub fn closed() -> Self {
        Self::new("it is closed")
    }

    /// What happened, in words.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Whether a PostgreSQL server has no room to add anything (its error 53100, `disk_full`). What removes rows may still work.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.is_full
    }
}

/// What PostgreSQL calls a full disk (its documentation, "PostgreSQL Error Codes").
const DISK_FULL: &str = "53100";

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        Self {
            is_full: code.as_deref() == Some(DISK_FULL),
            ..Self::new(error.to_string())
        }
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
        .unwrap_or_else(|_| Err(DatabaseError::new("no answer in time")))
}
