//! Messages in a SQLite file of their own, so that they never hold up a session that wants to be written.

use std::path::Path;

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::{Batch, FlowKey, FlowRow, FlowRows, ROW_OVERHEAD, Trim};
use crate::database::DatabaseError;
use crate::sqlite::{Database, Durability, OtherProcesses, Tuning};

const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/sqlite_flow/0001_messages.sql"),
    include_str!("../../../migrations/sqlite_flow/0002_oldest_first.sql"),
    include_str!("../../../migrations/sqlite_flow/0003_by_rowid.sql"),
];

/// Which part of the bound is for the write-ahead log.
const LOG_PART: u64 = 8;

/// How many rows one change removes, so that it holds the lock for some milliseconds.
const REMOVED_AT_ONCE: u32 = 256;

/// Messages in one SQLite file: after a power failure the newest may be missing, and the file is sound.
#[derive(Debug)]
pub struct SqliteFlow {
    database: Database,
    other_processes: OtherProcesses,
    /// What the write-ahead log may take, in bytes.
    log_bytes: u64,
}

impl SqliteFlow {
    /// Opens the file, making it (mode 0600) and its folder (mode 0700) when they are missing. `max_size` is how large it is
    /// meant to get, in bytes; the write-ahead log beside it counts.
    ///
    /// # Errors
    ///
    /// When it can't be made or is no database of ours.
    pub async fn open(file: &Path, max_size: u64) -> Result<Self, DatabaseError> {
        let tuning = Tuning::of(Durability::ProcessEnd).with_log(max_size / LOG_PART);
        let opened = Database::open_tuned(file, tuning, MIGRATIONS).await;
        let database =
            opened.map_err(|error| DatabaseError::new(format!("{}: {error}", file.display())))?;
        Ok(Self {
            database,
            other_processes: OtherProcesses::of(file),
            log_bytes: tuning.log_bytes().into(),
        })
    }
}

fn write(file: &Connection, batch: &Batch) -> rusqlite::Result<usize> {
    let mut keep = file.prepare_cached(
        "UPDATE messages SET expires_at = ?2 WHERE flow = ?1 AND expires_at < ?2",
    )?;
    for (key, expires_at) in &batch.keep {
        keep.execute(params![key.0, expires_at])?;
    }
    let mut insert = file.prepare_cached(
        "INSERT INTO messages (flow, at, id, sealed, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for row in &batch.rows {
        insert.execute(params![
            row.key.0,
            row.at,
            row.id,
            row.sealed,
            row.expires_at
        ])?;
    }
    let mut trim = file.prepare_cached(
        "DELETE FROM messages WHERE flow = ?1 AND rowid IN (SELECT rowid FROM \
         (SELECT rowid, row_number() OVER newest AS number, sum(length(sealed) + ?4) OVER newest AS bytes \
         FROM messages WHERE flow = ?1 WINDOW newest AS (ORDER BY at DESC, id DESC)) \
         WHERE number > ?2 OR bytes > ?3)",
    )?;
    for Trim { key, rows, bytes } in &batch.trims {
        let numbers = [*rows, *bytes, ROW_OVERHEAD].map(number);
        trim.execute(params![key.0, numbers[0], numbers[1], numbers[2]])?;
    }
    Ok(batch.rows.len())
}

/// Removes the oldest rows as long as the file is larger than `bytes`, not counting what is free in it; a batch at most.
fn remove_oldest(file: &Connection, bytes: i64) -> rusqlite::Result<usize> {
    let ask = |pragma| file.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let used = (ask("page_count")? - ask("freelist_count")?) * ask("page_size")?;
    if used <= bytes {
        return Ok(0);
    }
    file.prepare_cached(
        "DELETE FROM messages WHERE rowid IN (SELECT rowid FROM \
         (SELECT rowid, sum(bytes) OVER (ORDER BY rowid) - bytes AS before FROM \
         (SELECT rowid, length(sealed) + ?1 AS bytes FROM messages ORDER BY rowid LIMIT ?2)) \
         WHERE before < ?3)",
    )?
    .execute(params![number(ROW_OVERHEAD), REMOVED_AT_ONCE, used - bytes])
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[async_trait]
impl FlowRows for SqliteFlow {
    fn are_shared(&self) -> bool {
        self.other_processes.are_there()
    }

    async fn write(&self, batch: Batch) -> Result<(), DatabaseError> {
        self.database.write(move |file| write(file, &batch)).await?;
        Ok(())
    }

    async fn newest(
        &self,
        key: &FlowKey,
        now: i64,
        limit: i64,
    ) -> Result<Vec<FlowRow>, DatabaseError> {
        let key = *key;
        let rows = self.database.read(move |file| {
            let mut newest = file.prepare_cached(
                "SELECT at, id, sealed, expires_at FROM messages WHERE flow = ?1 AND expires_at > ?2 \
                 ORDER BY at DESC, id DESC LIMIT ?3",
            )?;
            let rows = newest.query_map(params![key.0, now, limit], |row| {
                Ok(FlowRow {
                    key,
                    at: row.get(0)?,
                    id: row.get(1)?,
                    sealed: row.get(2)?,
                    expires_at: row.get(3)?,
                })
            });
            rows?.collect()
        });
        rows.await
    }

    async fn erase(&self, key: &FlowKey) -> Result<(), DatabaseError> {
        let key = *key;
        let erased = self.database.write_ending(move |file| {
            file.prepare_cached("DELETE FROM messages WHERE flow = ?1")?
                .execute(params![key.0])
        });
        erased.await?;
        Ok(())
    }

    async fn delete_expired(&self, now: i64, limit: i64) -> Result<u64, DatabaseError> {
        let removed = self.database.write(move |file| {
            file.prepare_cached(
                "DELETE FROM messages WHERE rowid IN (SELECT rowid FROM messages WHERE expires_at <= ?1 LIMIT ?2)",
            )?
            .execute(params![now, limit])
        });
        Ok(removed.await? as u64)
    }

    async fn delete_surplus(&self, soon: i64, keep: i64, limit: i64) -> Result<u64, DatabaseError> {
        let removed = self.database.write(move |file| {
            file.prepare_cached(
                "DELETE FROM messages WHERE rowid IN (SELECT rowid FROM messages WHERE expires_at <= ?1 \
                 ORDER BY expires_at DESC LIMIT ?2 OFFSET ?3)",
            )?
            .execute(params![soon, limit, keep])
        });
        Ok(removed.await? as u64)
    }

    async fn make_room(&self, bytes: u64) -> Result<u64, DatabaseError> {
        let bytes = number(bytes.saturating_sub(self.log_bytes));
        let mut removed = 0;
        loop {
            let batch = self.database.write(move |file| remove_oldest(file, bytes));
            match batch.await? {
                0 => return Ok(removed),
                batch => removed += batch as u64,
            }
        }
    }

    async fn give_back(&self) -> Result<(), DatabaseError> {
        self.database.give_back().await
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
    async fn a_file_of_an_earlier_version_keeps_its_rows_and_the_oldest_go_first() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("flow.db");
        let file = Connection::open(&path).unwrap();
        for migration in &MIGRATIONS[..2] {
            file.execute_batch(migration).unwrap();
        }
        file.execute_batch(
            "PRAGMA user_version = 2; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600) \
             INSERT INTO messages SELECT zeroblob(32), i, -i, zeroblob(4000), 1000 FROM n",
        )
        .unwrap();
        drop(file);
        let rows = SqliteFlow::open(&path, 1 << 30).await.unwrap();
        let row = |at| FlowRow {
            key: FlowKey([0; 32]),
            at,
            id: at,
            sealed: vec![0; 4000],
            expires_at: 1000,
        };
        let batch = Batch {
            keep: vec![(FlowKey([0; 32]), 2000)],
            rows: vec![row(601)],
            trims: Vec::new(),
        };
        rows.write(batch).await.unwrap();
        let newest = async || rows.newest(&FlowKey([0; 32]), 0, 1000).await.unwrap();
        let all = newest().await;
        assert_eq!((all.len(), all[0].at, all[600].at), (601, 601, 1));
        assert_eq!((all[0].expires_at, all[1].expires_at), (1000, 2000));
        let log = u64::from(
            Tuning::of(Durability::ProcessEnd)
                .with_log(1 << 27)
                .log_bytes(),
        );
        let removed = rows.make_room(log + 1_200_000).await.unwrap();
        let left = newest().await;
        assert_eq!(left.len() as u64, 601 - removed);
        assert!((200..400).contains(&left.len()), "{}", left.len());
        assert_eq!(left[0].at, 601);
        assert_eq!(
            left.last().map(|row| row.at),
            Some(removed.cast_signed() + 1)
        );
        rows.close().await;
        let file = Connection::open(&path).unwrap();
        let index = "SELECT count(*) FROM sqlite_schema WHERE name = 'messages_at'";
        let indexes = file.query_row(index, [], |row| row.get::<_, i64>(0));
        assert_eq!(indexes.unwrap(), 0);
    }
}
