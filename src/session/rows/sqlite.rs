//! Rows in SQLite.

use std::path::Path;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Counts, Row, RowKey, Rows, RowsError};
use crate::sqlite::{Database, Durability, Neighbours};

const MIGRATIONS: &[&str] = &[include_str!("../../../migrations/sqlite/0001_sessions.sql")];

/// Rows in one SQLite file, which several processes may share. What was acknowledged survives `kill -9` and a power failure.
#[derive(Debug)]
pub struct SqliteRows {
    database: Database,
    neighbours: Neighbours,
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
            neighbours: Neighbours::of(file),
        })
    }

    /// Whether `change` changed a row.
    async fn changes_one(
        &self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<usize> + Send + 'static,
    ) -> Result<bool, RowsError> {
        Ok(self.database.write(change).await? == 1)
    }

    /// The same for a change that ends a session, which needs no free room on the disk.
    async fn ends_one(
        &self,
        change: impl Fn(&Connection) -> rusqlite::Result<usize> + Send + 'static,
    ) -> Result<bool, RowsError> {
        Ok(self.database.write_ending(change).await? == 1)
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
    fn are_shared(&self) -> bool {
        self.neighbours.are_there()
    }

    async fn insert(&self, row: &Row) -> Result<bool, RowsError> {
        let row = row.clone();
        self.changes_one(move |file| insert(file, &row)).await
    }

    async fn find(&self, key: &RowKey, now: i64) -> Result<Option<Row>, RowsError> {
        let key = *key;
        let found = self.database.read(move |file| {
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
        self.ends_one(move |file| match delete(file, &old, version)? {
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
        self.ends_one(move |file| delete(file, &key, version)).await
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
        let deleted = self.database.write(move |file| {
            file.prepare_cached(
                "DELETE FROM sessions WHERE key IN
                 (SELECT key FROM sessions WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
            )?
            .execute(params![now, limit])
        });
        Ok(deleted.await? as u64)
    }

    async fn trim_transient(&self, keep: i64, limit: i64) -> Result<u64, RowsError> {
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
            let sql = "SELECT all_of_them - transient, transient FROM
                 (SELECT (SELECT count(*) FROM sessions WHERE expires_at > ?1) AS all_of_them,
                         (SELECT count(*) FROM sessions WHERE transient AND expires_at > ?1) AS transient)";
            file.prepare_cached(sql)?.query_row([now], |found| {
                Ok(Counts {
                    signed_in: found.get(0)?,
                    transient: found.get(1)?,
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

    async fn probe_write(&self) -> Result<(), RowsError> {
        // A number that the file has anyway: nothing changes, and it is written all the same.
        let probed = self.database.write(|file| {
            let version: u32 = file.pragma_query_value(None, "user_version", |row| row.get(0))?;
            file.pragma_update(None, "user_version", version)?;
            Ok(1)
        });
        probed.await?;
        Ok(())
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
            let row = rows.find(&RowKey([0; 32]), 0).await.unwrap().unwrap();
            assert_eq!((row.version, row.sealed), (3, vec![1]));
            rows.close().await;
        }
        let file = Connection::open(&path).unwrap();
        let version = file.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0));
        assert_eq!(version.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_row_that_can_not_take_its_new_key_stays() {
        let folder = TempDir::new().unwrap();
        let rows = SqliteRows::open(&folder.path().join("sessions.db"))
            .await
            .unwrap();
        let row = |key| Row {
            key: RowKey([key; 32]),
            version: 1,
            sealed: vec![key],
            expires_at: 1,
            transient: false,
        };
        assert!(rows.insert(&row(1)).await.unwrap());
        assert!(rows.insert(&row(2)).await.unwrap());
        assert!(rows.replace(&RowKey([1; 32]), 1, &row(2)).await.is_err());
        assert_eq!(rows.find(&RowKey([1; 32]), 0).await.unwrap(), Some(row(1)));
        assert!(rows.replace(&RowKey([1; 32]), 1, &row(3)).await.unwrap());
        assert!(!rows.replace(&RowKey([1; 32]), 1, &row(4)).await.unwrap());
        assert_eq!(rows.find(&RowKey([4; 32]), 0).await.unwrap(), None);
    }
}
