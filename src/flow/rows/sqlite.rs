//! Messages in a SQLite file of their own, so that they never hold up a session that wants to be written.

use std::path::Path;

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::{FlowKey, FlowRow, FlowRows, to_trim};
use crate::database::DatabaseError;
use crate::sqlite::{Database, Durability, Neighbours};

const MIGRATIONS: &[&str] = &[include_str!(
    "../../../migrations/sqlite_flow/0001_messages.sql"
)];

/// Messages in one SQLite file: after a power failure the newest may be missing, and the file is sound.
#[derive(Debug)]
pub struct SqliteFlow {
    database: Database,
    neighbours: Neighbours,
}

impl SqliteFlow {
    /// Opens the file, making it (mode 0600) and its folder (mode 0700) when they are missing.
    ///
    /// # Errors
    ///
    /// When it can't be made or is no database of ours.
    pub async fn open(file: &Path) -> Result<Self, DatabaseError> {
        let opened = Database::open(file, Durability::ProcessEnd, MIGRATIONS).await;
        let database =
            opened.map_err(|error| DatabaseError(format!("{}: {error}", file.display()).into()))?;
        Ok(Self {
            database,
            neighbours: Neighbours::of(file),
        })
    }
}

fn append(file: &Connection, rows: &[FlowRow], keep: i64) -> rusqlite::Result<usize> {
    let mut insert = file.prepare_cached(
        "INSERT INTO messages (flow, at, id, sealed, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for row in rows {
        insert.execute(params![
            row.key.0,
            row.at,
            row.id,
            row.sealed,
            row.expires_at
        ])?;
    }
    let mut trim = file.prepare_cached(
        "DELETE FROM messages WHERE flow = ?1 AND (at, id) < \
         (SELECT at, id FROM messages WHERE flow = ?1 ORDER BY at DESC, id DESC LIMIT 1 OFFSET ?2 - 1)",
    )?;
    for key in to_trim(rows) {
        trim.execute(params![key.0, keep])?;
    }
    Ok(rows.len())
}

#[async_trait]
impl FlowRows for SqliteFlow {
    fn are_shared(&self) -> bool {
        self.neighbours.are_there()
    }

    async fn append(&self, rows: &[FlowRow], keep: i64) -> Result<(), DatabaseError> {
        let rows = rows.to_vec();
        self.database
            .write(move |file| append(file, &rows, keep))
            .await?;
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

    async fn keep(&self, flows: &[(FlowKey, i64)]) -> Result<(), DatabaseError> {
        let flows = flows.to_vec();
        let kept = self.database.write(move |file| {
            let mut keep = file.prepare_cached(
                "UPDATE messages SET expires_at = ?2 WHERE flow = ?1 AND expires_at < ?2",
            )?;
            flows.iter().try_fold(0, |changed, (key, expires_at)| {
                Ok(changed + keep.execute(params![key.0, expires_at])?)
            })
        });
        kept.await?;
        Ok(())
    }

    async fn erase(&self, key: &FlowKey) -> Result<(), DatabaseError> {
        let key = *key;
        let erased = self.database.write(move |file| {
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

    async fn close(&self) {
        self.database.close().await;
    }
}
