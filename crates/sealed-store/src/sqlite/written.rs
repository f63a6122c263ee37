//! The file that is written: its transactions, and what their commits wait for.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::change::{Change, Failed};
use super::folder_of;
use super::last_commit::Index;
use super::tuning::{Durability, Tuning};
use crate::database::DatabaseError;

pub(super) struct Written {
    connection: Connection,
    /// Closed after the connection.
    index: Index,
    /// What a commit survives, unless it is of light changes alone.
    durability: Durability,
    /// What the connection waits for now; `None` where that has to be said first.
    waits_for: Option<Durability>,
    /// The folder of the file, until it was waited for that both are on the disk. Who made the file, this process or
    /// another, did not.
    unseen: Option<PathBuf>,
}

impl Written {
    /// `file`, open at `connection`, with commits that wait for the disk as `tuning` says.
    pub(super) fn new(file: &Path, connection: Connection, tuning: Tuning) -> Self {
        Self {
            connection,
            index: Index::of(file),
            durability: tuning.durability(),
            waits_for: None,
            unseen: Some(folder_of(file).unwrap_or(Path::new(".")).to_owned()),
        }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    /// The outcome of each change, once those that succeeded are committed.
    pub(super) fn transact(&mut self, changes: Vec<&mut Change>) -> Vec<Result<usize, Failed>> {
        let count = changes.len();
        let is_light = changes.iter().all(|change| change.is_light());
        let ready = self.wait_for_disk_unless(is_light);
        let before = self.index.shown();
        let made = ready.and_then(|()| Ok(transact(&self.connection, changes)?));
        if let Ok(outcomes) = &made
            && outcomes.iter().flatten().any(|changed| *changed > 0)
        {
            self.index.check(before);
        }
        match made {
            Ok(outcomes) => outcomes
                .into_iter()
                .map(|outcome| outcome.map_err(Failed::from))
                .collect(),
            Err(failed) => vec![Err(failed); count],
        }
    }

    /// Has the next commit wait for the disk, unless it `may_be_light`.
    fn wait_for_disk_unless(&mut self, may_be_light: bool) -> Result<(), Failed> {
        if let Some(folder) = &self.unseen {
            put_on_disk(&self.connection, folder)?;
            self.unseen = None;
        }
        let needed = if may_be_light {
            Durability::ProcessEnd
        } else {
            self.durability
        };
        if self.waits_for != Some(needed) {
            needed.apply(&self.connection)?;
            self.waits_for = Some(needed);
        }
        Ok(())
    }
}

impl Drop for Written {
    /// The last one that closes the file copies the log into it, which then must be waited for.
    fn drop(&mut self) {
        let _ = self.durability.apply(&self.connection);
    }
}

/// A commit waits for the log alone, if at all. A log counts for nothing while the file that it belongs to is empty, or has no
/// name.
fn put_on_disk(file: &Connection, folder: &Path) -> Result<(), Failed> {
    Durability::PowerFailure.apply(file)?;
    // Copies the log into the file, and waits for both. Opening the file to wait for it would be shorter, and closing it
    // again would release this process's locks (https://www.sqlite.org/howtocorrupt.html, section 2.2).
    file.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    // Elsewhere a folder can't be opened, and needs no such thing.
    #[cfg(unix)]
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| DatabaseError::new(error.to_string()))?;
    Ok(())
}

/// The outcome of each of `changes`, committed. Fails when the whole transaction is lost.
fn transact(
    connection: &Connection,
    changes: Vec<&mut Change>,
) -> rusqlite::Result<Vec<rusqlite::Result<usize>>> {
    run(connection, "BEGIN IMMEDIATE")?;
    let is_alone = changes.len() == 1;
    let outcomes = changes
        .into_iter()
        .map(|change| {
            if is_alone {
                // It is the only change, so it needs no savepoint: the transaction is undone with it.
                change.make(connection).map(Ok)
            } else {
                apart(connection, change)
            }
        })
        .collect::<rusqlite::Result<Vec<_>>>()
        .and_then(|outcomes| run(connection, "COMMIT").map(|()| outcomes));
    if outcomes.is_err() && !connection.is_autocommit() {
        // When that fails, too, the next transaction can't begin, and says so.
        let _ = run(connection, "ROLLBACK");
    }
    outcomes
}

/// Makes one change, whole or not at all, whatever becomes of the others. Fails when the whole transaction is lost.
fn apart(
    connection: &Connection,
    change: &mut Change,
) -> rusqlite::Result<rusqlite::Result<usize>> {
    run(connection, "SAVEPOINT change")?;
    let outcome = change.make(connection);
    if let Err(error) = outcome {
        if connection.is_autocommit() {
            // SQLite has undone everything, as it does on a full disk.
            return Err(error);
        }
        run(connection, "ROLLBACK TO change")?;
        run(connection, "RELEASE change")?;
        return Ok(Err(error));
    }
    run(connection, "RELEASE change")?;
    Ok(outcome)
}

fn run(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([])?;
    Ok(())
}
