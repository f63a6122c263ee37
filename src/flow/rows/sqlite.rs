//! Messages in a SQLite file of their own, so that they never hold up a session that wants to be written.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Row as _, SqlitePool};

use super::{FlowKey, FlowRow, FlowRows, FlowRowsError, to_trim};

const PATIENCE: Duration = Duration::from_secs(5);

/// Messages in one SQLite file, in WAL mode with normal synchronisation: after a power failure the newest may be missing,
/// and the file is sound.
#[derive(Debug)]
pub struct SqliteFlow(SqlitePool);

impl SqliteFlow {
    /// Opens the file, making it (mode 0600) when it is missing. Its folder must be there.
    ///
    /// # Errors
    ///
    /// When it can't be made or is no database of ours.
    pub async fn open(file: &Path) -> Result<Self, FlowRowsError> {
        prepare_file(file).map_err(|error| FlowRowsError(error.to_string().into()))?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(PATIENCE);
        let pool = SqlitePoolOptions::new()
            .max_connections(2)
            .acquire_timeout(PATIENCE)
            .connect_with(options)
            .await?;
        sqlx::migrate!("migrations/sqlite_flow")
            .run(&pool)
            .await
            .map_err(sqlx::Error::from)?;
        Ok(Self(pool))
    }
}

/// Messages are nobody else's business: the file is made before SQLite would make it readable for all.
fn prepare_file(file: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(file).map(drop)
}

#[async_trait]
impl FlowRows for SqliteFlow {
    async fn append(&self, rows: &[FlowRow], keep: i64) -> Result<(), FlowRowsError> {
        let mut transaction = self.0.begin_with("BEGIN IMMEDIATE").await?;
        for row in rows {
            sqlx::query(
                "INSERT INTO messages (flow, at, id, sealed, expires_at) VALUES (?, ?, ?, ?, ?)",
            )
            .bind(&row.key.0[..])
            .bind(row.at)
            .bind(row.id)
            .bind(&row.sealed)
            .bind(row.expires_at)
            .execute(&mut *transaction)
            .await?;
        }
        for key in to_trim(rows) {
            sqlx::query(
                "DELETE FROM messages WHERE flow = ?1 AND (at, id) < \
                 (SELECT at, id FROM messages WHERE flow = ?1 ORDER BY at DESC, id DESC LIMIT 1 OFFSET ?2 - 1)",
            )
            .bind(&key.0[..])
            .bind(keep)
            .execute(&mut *transaction)
            .await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn newest(
        &self,
        key: &FlowKey,
        now: i64,
        limit: i64,
    ) -> Result<Vec<FlowRow>, FlowRowsError> {
        let rows = sqlx::query(
            "SELECT at, id, sealed, expires_at FROM messages WHERE flow = ? AND expires_at > ? \
             ORDER BY at DESC, id DESC LIMIT ?",
        )
        .bind(&key.0[..])
        .bind(now)
        .bind(limit)
        .fetch_all(&self.0)
        .await?;
        let read = rows.iter().map(|row| {
            Ok(FlowRow {
                key: *key,
                at: row.try_get(0)?,
                id: row.try_get(1)?,
                sealed: row.try_get(2)?,
                expires_at: row.try_get(3)?,
            })
        });
        read.collect()
    }

    async fn keep(&self, key: &FlowKey, expires_at: i64) -> Result<(), FlowRowsError> {
        sqlx::query("UPDATE messages SET expires_at = ?2 WHERE flow = ?1 AND expires_at < ?2")
            .bind(&key.0[..])
            .bind(expires_at)
            .execute(&self.0)
            .await?;
        Ok(())
    }

    async fn erase(&self, key: &FlowKey) -> Result<(), FlowRowsError> {
        sqlx::query("DELETE FROM messages WHERE flow = ?")
            .bind(&key.0[..])
            .execute(&self.0)
            .await?;
        Ok(())
    }

    async fn delete_expired(&self, now: i64, limit: i64) -> Result<u64, FlowRowsError> {
        let removed = sqlx::query(
            "DELETE FROM messages WHERE rowid IN (SELECT rowid FROM messages WHERE expires_at <= ? LIMIT ?)",
        )
        .bind(now)
        .bind(limit)
        .execute(&self.0)
        .await?;
        Ok(removed.rows_affected())
    }

    async fn delete_surplus(&self, soon: i64, keep: i64, limit: i64) -> Result<u64, FlowRowsError> {
        let removed = sqlx::query(
            "DELETE FROM messages WHERE rowid IN (SELECT rowid FROM messages WHERE expires_at <= ? \
             ORDER BY expires_at DESC LIMIT ? OFFSET ?)",
        )
        .bind(soon)
        .bind(limit)
        .bind(keep)
        .execute(&self.0)
        .await?;
        Ok(removed.rows_affected())
    }

    async fn close(&self) {
        self.0.close().await;
    }
}
