//! How a file is written.

use rusqlite::Connection;

/// How long the write-ahead log gets, in pages, before it is copied into the file, which waits for the disk twice. Seldom, then;
/// but readers look through the log, and it is quick to look through as long as one table of it (4062 pages) knows where
/// everything is.
const LOG_PAGES: u32 = 4000;

/// At least so many pages, or every commit copies them.
const LEAST_LOG_PAGES: u32 = 64;

/// What a page takes in the log, in bytes.
const LOGGED_PAGE: u32 = 4096 + 24;

/// What a commit survives, once it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A power failure: each commit waits for the disk.
    PowerFailure,
    /// The end of the process, however sudden. A power failure may undo the last commits, and damages nothing.
    ProcessEnd,
}

impl Durability {
    /// From the next transaction on. A log that is copied into the file waits for the disk in any case, so that nothing is damaged.
    pub(super) fn apply(self, connection: &Connection) -> rusqlite::Result<()> {
        let synchronous = match self {
            Self::PowerFailure => "FULL",
            Self::ProcessEnd => "NORMAL",
        };
        connection.pragma_update(None, "synchronous", synchronous)
    }
}

/// For a file that is being made: until something in it is acknowledged, nothing can be lost.
pub(super) fn wait_for_no_disk(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "OFF")
}

/// How a file is written.
#[derive(Debug, Clone, Copy)]
pub struct Tuning {
    durability: Durability,
    log_pages: u32,
    /// Whether the file can be made smaller.
    is_bounded: bool,
}

impl Tuning {
    /// The usual way to write a file with this durability.
    #[must_use]
    pub fn of(durability: Durability) -> Self {
        Self {
            durability,
            log_pages: LOG_PAGES,
            is_bounded: false,
        }
    }

    /// For a file whose size is bounded, with a write-ahead log of about `bytes`.
    #[must_use]
    pub fn with_log(self, bytes: u64) -> Self {
        Self {
            log_pages: u32::try_from(bytes / u64::from(LOGGED_PAGE))
                .map_or(LOG_PAGES, |pages| pages.clamp(LEAST_LOG_PAGES, LOG_PAGES)),
            is_bounded: true,
            ..self
        }
    }

    /// How long the write-ahead log gets, in bytes.
    #[must_use]
    pub fn log_bytes(self) -> u32 {
        self.log_pages * LOGGED_PAGE
    }

    pub(super) fn durability(self) -> Durability {
        self.durability
    }

    /// Whether the writer keeps room for a full disk. What may be lost anyway needs none.
    pub(super) fn keeps_reserve(self) -> bool {
        self.durability == Durability::PowerFailure
    }

    /// Before anything is written: a file takes its mode with its first page. What commits wait for is not among it.
    pub(super) fn apply(self, connection: &Connection) -> rusqlite::Result<()> {
        connection.pragma_update(None, "wal_autocheckpoint", self.log_pages)?;
        if self.is_bounded {
            connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
            // What the log took beyond that is given back when it starts anew.
            connection.pragma_update(None, "journal_size_limit", self.log_bytes())?;
        }
        Ok(())
    }
}
