//! A change that is to be committed, and how it fails.

use rusqlite::{Connection, ErrorCode, ffi};

use crate::database::DatabaseError;

/// A change, as one who asks for it has it made.
pub(super) enum Change {
    /// `None` once it was made.
    Plain(Option<Box<Plain>>),
    /// The same where nobody needs to know that it is on the disk.
    Light(Option<Box<Plain>>),
    /// One that ends something, and may be made more than once until it is committed.
    Ending(Box<Ending>),
}

type Plain = dyn FnOnce(&Connection) -> rusqlite::Result<usize> + Send;
type Ending = dyn Fn(&Connection) -> rusqlite::Result<usize> + Send;

impl Change {
    pub(super) fn plain(
        change: impl FnOnce(&Connection) -> rusqlite::Result<usize> + Send + 'static,
    ) -> Self {
        Self::Plain(Some(Box::new(change)))
    }

    pub(super) fn light(
        change: impl FnOnce(&Connection) -> rusqlite::Result<usize> + Send + 'static,
    ) -> Self {
        Self::Light(Some(Box::new(change)))
    }

    pub(super) fn ending(
        change: impl Fn(&Connection) -> rusqlite::Result<usize> + Send + 'static,
    ) -> Self {
        Self::Ending(Box::new(change))
    }

    pub(super) fn make(&mut self, connection: &Connection) -> rusqlite::Result<usize> {
        match self {
            Self::Plain(change) | Self::Light(change) => {
                change.take().map_or(Ok(0), |change| change(connection))
            }
            Self::Ending(change) => change(connection),
        }
    }

    /// Whether its commit may be undone by a power failure.
    pub(super) fn is_light(&self) -> bool {
        matches!(self, Self::Light(_))
    }

    pub(super) fn is_ending(&self) -> bool {
        matches!(self, Self::Ending(_))
    }
}

/// Why a change was not made.
#[derive(Clone)]
pub(super) struct Failed {
    pub(super) error: DatabaseError,
    /// Whether there was no room on the disk.
    pub(super) is_full: bool,
}

impl From<DatabaseError> for Failed {
    fn from(error: DatabaseError) -> Self {
        Self {
            error,
            is_full: false,
        }
    }
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        let is_full = error.sqlite_error().is_some_and(|error| {
            // Where a quota is used up, or room for the log's index is missing, it is a write that fails.
            error.code == ErrorCode::DiskFull
                || matches!(
                    error.extended_code,
                    ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_SHMSIZE
                )
        });
        let error = error.into();
        Self { error, is_full }
    }
}
