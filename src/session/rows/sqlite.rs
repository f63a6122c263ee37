//! Rows in SQLite.

use std::path::Path;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Row, RowKey, Rows, RowsError};
use crate::sqlite::{Database, Durability};

const MIGRATIONS: &[&str] = &[include_str!("../../../migrations/sqlite/0001_sessions.sql")];

/// Rows in one SQLite file, which several processes may share. What was acknowledged survives `kill -9` and a power failure.
#[derive(Debug)]
pub struct SqliteRows(Database);

impl SqliteRows {
    /// Opens the file, making it (mode 0600) and its folder (mode 0700) when they are missing.
    ///
    /// # Errors
    ///
    /// When the folder or the file can't be made, written or read as a database of ours.
    pub async fn open(file: &Path) -> Result<Self, RowsError> {
        Ok(Self(
            Database::open(file, Durability::PowerFailure, MIGRATIONS).await?,
        ))
    }

    /// Whether `change` changed a row.
    async fn changes_one(
        &self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<usize> + Send + 'static,
    ) -> Result<bool, RowsError> {
        Ok(self.0.write(change).await? == 1)
    }
}

/// Adds a row unless its key is taken.
fn insert(file: &Connection, row: &Row) -> rusqlite::Result<usize> {
    file.prepare_cached(
        "INSERT INTO sessions (key, version, sealed, expires_at, transient) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (key) DO NOTHING",
    )?
    .execute(params![row.key.0, row.version, row.sealed, row.expires_at, row.transient])
}

fn delete(file: &Connection, key: &RowKey, version: i64) -> rusqlite::Result<usize> {
    file.prepare_cached("DELETE FROM sessions WHERE key = ?1 AND version = ?2")?
        .execute(params![key.0, version])
}

#[async_trait]
impl Rows for SqliteRows {
    async fn insert(&self, row: &Row) -> Result<bool, RowsError> {
        let row = row.clone();
        self.changes_one(move |file| insert(file, &row)).await
    }

    async fn find(&self, key: &RowKey, now: i64) -> Result<Option<Row>, RowsError> {
        let key = *key;
        let found = self.0.read(move |file| {
            let sql =
                "SELECT version, sealed, expires_at, transient FROM sessions WHERE key = ?1 AND expires_at > ?2";
            file.prepare_cached(sql)?
                .query_row(params![key.0, now], |found| {
                    Ok(Row {
                        key,
                        version: found.get(0)?,
                        sealed: found.get(1)?,
                        expires_at: found.get(2)?,
                        transient: found.get(3)?,
                    })
                })
                .optional()
        });
        Ok(found.await?)
    }

    async fn update(&self, row: &Row) -> Result<bool, RowsError> {
        let row = row.clone();
        self.changes_one(move |file| {
            file.prepare_cached(
                "UPDATE sessions SET version = ?2, sealed = ?3, expires_at = ?4, transient = ?5
                 WHERE key = ?1 AND version = ?2 - 1",
            )?
            .execute(params![
                row.key.0,
                row.version,
                row.sealed,
                row.expires_at,
                row.transient
            ])
        })
        .await
    }

    async fn replace(&self, old: &RowKey, version: i64, new: &Row) -> Result<bool, RowsError> {
        let (old, new) = (*old, new.clone());
        self.changes_one(move |file| match delete(file, &old, version)? {
            0 => Ok(0),
            _ => match insert(file, &new)? {
                // Fails the change, so that the old row stays.
                0 => Err(rusqlite::Error::StatementChangedRows(0)),
                inserted => Ok(inserted),
            },
        })
        .await
    }

    async fn delete(&self, key: &RowKey, version: i64) -> Result<bool, RowsError> {
        let key = *key;
        self.changes_one(move |file| delete(file, &key, version))
            .await
    }

    async fn touch(&self, key: &RowKey, expires_at: i64) -> Result<(), RowsError> {
        let key = *key;
        self.changes_one(move |file| {
            file.prepare_cached("UPDATE sessions SET expires_at = ?2 WHERE key = ?1")?
                .execute(params![key.0, expires_at])
        })
        .await?;
        Ok(())
    }

    async fn delete_expired(&self, now: i64, limit: i64) -> Result<u64, RowsError> {
        let deleted = self.0.write(move |file| {
            file.prepare_cached(
                "DELETE FROM sessions WHERE key IN
                 (SELECT key FROM sessions WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
            )?
            .execute(params![now, limit])
        });
        Ok(deleted.await? as u64)
    }

    async fn trim_transient(&self, keep: i64, limit: i64) -> Result<u64, RowsError> {
        let deleted = self.0.write(move |file| {
            file.prepare_cached(
                "DELETE FROM sessions WHERE key IN
                 (SELECT key FROM sessions WHERE transient ORDER BY expires_at DESC LIMIT ?2 OFFSET ?1)",
            )?
            .execute(params![keep, limit])
        });
        Ok(deleted.await? as u64)
    }

    async fn ping(&self) -> Result<(), RowsError> {
        let pong = self
            .0
            .read(|file| file.prepare_cached("SELECT 1")?.query_row([], |_| Ok(())));
        Ok(pong.await?)
    }

    async fn close(&self) {
        self.0.close().await;
    }
}
