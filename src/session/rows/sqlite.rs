//! Rows in SQLite.

use std::path::Path;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::last_read::LastRead;
use super::{Change, Counts, Kind, Row, RowKey, Rows, RowsError};
use crate::sqlite::{Database, Durability, OtherProcesses};

const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/sqlite/0001_sessions.sql"),
    include_str!("../../../migrations/sqlite/0002_ended_sessions.sql"),
];

/// Rows in one SQLite file, which several processes may share. What was acknowledged survives `kill -9` and a power failure.
#[derive(Debug)]
pub struct SqliteRows {
    database: Database,
    other_processes: OtherProcesses,
    last_read: LastRead,
}

impl SqliteRows {
    /// Opens the file, making it (mode 0600) and its folder (mode 0700) when they are missing.
    ///
    /// # Errors
    ///
    /// When the folder or the file can't be made, written or read as a database of ours.
    pub async fn open(file: &Path) -> Result<Self, RowsError> {
        Ok(Self {
            database: Database::open(file, Durability::PowerFailure, MIGRATIONS).await?,
            other_processes: OtherProcesses::of(file),
            last_read: LastRead::default(),
        })
    }

    /// Whether the row of `key` is kept since it was read.
    #[cfg(test)]
    pub(super) fn keeps(&self, key: RowKey) -> bool {
        let commit = self.database.last_commit();
        commit.is_some_and(|commit| self.last_read.get(&(key, None), commit).is_some())
    }

    /// The rows that `sql` gives, on a thread made for waiting. Its values are `now` and `limit`.
    async fn list(&self, sql: &'static str, now: i64, limit: i64) -> Result<Vec<Row>, RowsError> {
        let found = self.database.read_at_length(move |file| {
            let mut statement = file.prepare_cached(sql)?;
            statement.query_map([now, limit], read_row)?.collect()
        });
        Ok(found.await?)
    }
}

/// A row with all columns of the table, in their order.
fn read_row(found: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        key: RowKey(found.get(0)?),
        version: found.get(1)?,
        sealed: found.get(2)?,
        expires_at: found.get(3)?,
        kind: Kind::of_columns(found.get(4)?, found.get(5)?, found.get(6)?),
    })
}

/// Makes `changes`, all or none, within the transaction that is open.
fn apply(file: &Connection, changes: &[Change]) -> rusqlite::Result<usize> {
    // Nobody else writes meanwhile, so what fits now can be done.
    for change in changes {
        if !change.fits(version(file, change.key())?) {
            return Ok(0);
        }
    }
    for change in changes {
        match change {
            Change::Insert(row) => write(
                file,
                "INSERT INTO sessions (key, version, sealed, expires_at, transient, ended, revoke_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                row,
            )?,
            Change::Update(row) => write(
                file,
                "UPDATE sessions SET version = ?2, sealed = ?3, expires_at = ?4, transient = ?5, ended = ?6, revoke_at = ?7
                 WHERE key = ?1",
                row,
            )?,
            Change::Delete { key, .. } => {
                file.prepare_cached("DELETE FROM sessions WHERE key = ?1")?
                    .execute([key.0])?;
            }
        }
    }
    Ok(changes.len())
}

fn version(file: &Connection, key: &RowKey) -> rusqlite::Result<Option<i64>> {
    file.prepare_cached("SELECT version FROM sessions WHERE key = ?1")?
        .query_row([key.0], |found| found.get(0))
        .optional()
}

fn write(file: &Connection, sql: &str, row: &Row) -> rusqlite::Result<()> {
    file.prepare_cached(sql)?.execute(params![
        row.key.0,
        row.version,
        row.sealed,
        row.expires_at,
        row.kind.is_transient(),
        row.kind.is_ended(),
        row.kind.revoke_at()
    ])?;
    Ok(())
}

#[async_trait]
impl Rows for SqliteRows {
    fn are_shared(&self) -> bool {
        self.other_processes.are_there()
    }

    async fn find(
        &self,
        key: &RowKey,
        unless: Option<&RowKey>,
        now: i64,
    ) -> Result<Option<Row>, RowsError> {
        let asked = (*key, unless.copied());
        let commit = self.database.last_commit();
        let known = commit.and_then(|commit| self.last_read.get(&asked, commit));
        if let Some(row) = known {
            return Ok((row.expires_at > now).then_some(row));
        }
        let (key, unless) = asked;
        let found = self.database.read(move |file| {
            let sql = "SELECT key, version, sealed, expires_at, transient, ended, revoke_at FROM sessions
                 WHERE key = ?1 AND expires_at > ?2 AND NOT EXISTS (SELECT 1 FROM sessions WHERE key = ?3)";
            file.prepare_cached(sql)?
                .query_row(params![key.0, now, unless.map(|key| key.0)], read_row)
                .optional()
        });
        let found = found.await?;
        if let (Some(row), Some(commit)) = (&found, commit) {
            // If somebody wrote meanwhile, it is kept for a commit that is not the last any more: nobody finds it.
            self.last_read.keep(asked, row, commit);
        }
        Ok(found)
    }

    async fn apply(&self, changes: &[Change]) -> Result<bool, RowsError> {
        let changes = changes.to_vec();
        // What ends a session needs no free room on the disk.
        let made = if changes.iter().any(Change::is_ending) {
            let made = self
                .database
                .write_ending(move |file| apply(file, &changes));
            made.await?
        } else {
            self.database
                .write(move |file| apply(file, &changes))
                .await?
        };
        Ok(made > 0)
    }

    async fn apply_light(&self, change: Change) -> Result<bool, RowsError> {
        let made = self
            .database
            .write_light(move |file| apply(file, &[change]));
        Ok(made.await? > 0)
    }

    async fn delete_expired(&self, now: i64, limit: i64) -> Result<u64, RowsError> {
        let deleted = self.database.write(move |file| {
            file.prepare_cached(
                "DELETE FROM sessions WHERE key IN
                 (SELECT key FROM sessions WHERE (transient OR ended) AND expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
            )?
            .execute(params![now, limit])
        });
        Ok(deleted.await? as u64)
    }

    async fn expired(&self, now: i64, limit: i64) -> Result<Vec<Row>, RowsError> {
        self.list(
            "SELECT key, version, sealed, expires_at, transient, ended, revoke_at FROM sessions
             WHERE NOT transient AND NOT ended AND expires_at <= ?1 ORDER BY expires_at LIMIT ?2",
            now,
            limit,
        )
        .await
    }

    async fn due(&self, now: i64, limit: i64) -> Result<Vec<Row>, RowsError> {
        self.list(
            "SELECT key, version, sealed, expires_at, transient, ended, revoke_at FROM sessions
             WHERE revoke_at <= ?1 ORDER BY revoke_at LIMIT ?2",
            now,
            limit,
        )
        .await
    }

    async fn trim_used_states(&self, keep: i64, limit: i64) -> Result<u64, RowsError> {
        let deleted = self.database.write(move |file| {
            file.prepare_cached(
                "DELETE FROM sessions WHERE key IN
                 (SELECT key FROM sessions WHERE transient ORDER BY expires_at DESC LIMIT ?2 OFFSET ?1)",
            )?
            .execute(params![keep, limit])
        });
        Ok(deleted.await? as u64)
    }

    async fn count(&self, now: i64) -> Result<Counts, RowsError> {
        // Each from an index: to look at the rows themselves would take ten times as long.
        let counted = self.database.read_at_length(move |file| {
            let sql = "SELECT all_of_them - transient - ended, transient, revocations FROM
                 (SELECT (SELECT count(*) FROM sessions WHERE expires_at > ?1) AS all_of_them,
                         (SELECT count(*) FROM sessions WHERE transient AND expires_at > ?1) AS transient,
                         (SELECT count(*) FROM sessions WHERE ended AND expires_at > ?1) AS ended,
                         (SELECT count(*) FROM sessions WHERE revoke_at IS NOT NULL) AS revocations)";
            file.prepare_cached(sql)?.query_row([now], |found| {
                Ok(Counts {
                    signed_in: found.get(0)?,
                    used_states: found.get(1)?,
                    revocations: found.get(2)?,
                })
            })
        });
        Ok(counted.await?)
    }

    async fn ping(&self) -> Result<(), RowsError> {
        let pong = self
            .database
            .read(|file| file.prepare_cached("SELECT 1")?.query_row([], |_| Ok(())));
        Ok(pong.await?)
    }

    async fn close(&self) {
        self.database.close().await;
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[tokio::test]
    async fn a_file_that_did_not_count_its_migrations_keeps_its_rows() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("sessions.db");
        let file = Connection::open(&path).unwrap();
        file.execute_batch(MIGRATIONS[0]).unwrap();
        file.execute_batch("INSERT INTO sessions VALUES (zeroblob(32), 3, x'01', 9, 0)")
            .unwrap();
        drop(file);
        for _ in 0..2 {
            let rows = SqliteRows::open(&path).await.unwrap();
            let row = rows.find(&RowKey([0; 32]), None, 0).await.unwrap().unwrap();
            assert_eq!((row.version, row.sealed), (3, vec![1]));
            rows.close().await;
        }
        let file = Connection::open(&path).unwrap();
        let version = file.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0));
        assert_eq!(version.unwrap(), 2);
    }

    #[tokio::test]
    async fn changes_are_made_all_or_none() {
        let folder = TempDir::new().unwrap();
        let rows = SqliteRows::open(&folder.path().join("sessions.db"))
            .await
            .unwrap();
        super::super::change::tests::all_or_none(&rows).await;
    }
}
