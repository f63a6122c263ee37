//! Why the store can't do what is asked.

use super::rows::RowsError;

pub(super) const TOO_MANY_WRITES: StoreError =
    StoreError::Refused("too many requests write it at once");

/// Why a session can't be read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database does not answer, or is full, or is read-only. It may pass.
    #[error(transparent)]
    Unavailable(#[from] RowsError),
    /// Other requests wrote this session all the time, or the content is larger than a session may be.
    #[error("the session can't be written: {0}")]
    Refused(&'static str),
}
