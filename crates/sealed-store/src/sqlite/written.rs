//! The file that is written: its transactions, and what their commits wait for.

use rusqlite::Connection;

use super::change::{Change, Failed};
use super::tuning::{Durability, Tuning};

pub(super) struct Written {
    connection: Connection,
    /// What a commit survives, unless it is of light changes alone.
    durability: Durability,
    /// Whether the connection waits for less than that.
    is_light: bool,
}

impl Written {
    /// The file of `connection`, which waits for the disk as `tuning` says.
    pub(super) fn new(connection: Connection, tuning: Tuning) -> Self {
        Self {
            connection,
            durability: tuning.durability(),
            is_light: false,
        }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The outcome of each change, once those that succeeded are committed.
    pub(super) fn transact(&mut self, changes: Vec<&mut Change>) -> Vec<Result<usize, Failed>> {
        let count = changes.len();
        let is_light = changes.iter().all(|change| change.is_light());
        let ready = self.wait_for_disk_unless(is_light);
        match ready.and_then(|()| transact(&self.connection, changes)) {
            Ok(outcomes) => outcomes
                .into_iter()
                .map(|outcome| outcome.map_err(Failed::from))
                .collect(),
            Err(error) => vec![Err(error.into()); count],
        }
    }

    /// Has the next commit wait for the disk, unless it `may_be_light`.
    fn wait_for_disk_unless(&mut self, may_be_light: bool) -> rusqlite::Result<()> {
        if may_be_light != self.is_light {
            let durability = if may_be_light {
                Durability::ProcessEnd
            } else {
                self.durability
            };
            durability.apply(&self.connection)?;
            self.is_light = may_be_light;
        }
        Ok(())
    }
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
                // What undoes the transaction undoes it.
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
