//! Rows in PostgreSQL.

use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgConnection, PgPool, Row as _};
use tokio::time::timeout;

use super::{Row, RowKey, Rows, RowsError};

/// How long an operation may take before the store counts as unavailable.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it may take to get a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// Rows in a PostgreSQL database, which several instances may share.
#[derive(Debug)]
pub struct PostgresRows {
    pool: PgPool,
}

impl PostgresRows {
    /// Connects to `url` (`postgres://user:password@host/database`, with `sslmode` and the other options of sqlx) and
    /// brings the tables up to date; sqlx takes an advisory lock for that, so instances may start at once.
    ///
    /// # Errors
    ///
    /// When the URL can't be read, the server doesn't answer, or the tables can't be made.
    pub async fn open(url: &str) -> Result<Self, RowsError> {
        let options = PgConnectOptions::from_str(url)?
            .application_name(env!("CARGO_PKG_NAME"))
            // A statement that hangs must not hold its connection for ever. And what is acknowledged here must be on disk,
            // even if the server's own configuration is content with less.
            .options([
                ("statement_timeout", "5s"),
                ("lock_timeout", "3s"),
                ("synchronous_commit", "on"),
            ]);
        // A pool tries again for a while and then only says that it took too long; one connection says why there is none.
        in_time(async { Ok(PgConnection::connect_with(&options).await?.close().await?) }).await?;
        let pool = PgPoolOptions::new()
            .max_connections(10)
            .acquire_timeout(CONNECT_WITHIN)
            .connect_with(options)
            .await?;
        sqlx::migrate!("migrations/postgres")
            .run(&pool)
            .await
            .map_err(sqlx::Error::from)?;
        Ok(Self { pool })
    }
}

#[async_trait]
impl Rows for PostgresRows {
    async fn insert(&self, row: &Row) -> Result<bool, RowsError> {
        in_time(async {
            let done = sqlx::query(
                "INSERT INTO sessions (key, version, sealed, expires_at, transient) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (key) DO NOTHING",
            )
            .bind(row.key.0.as_slice())
            .bind(row.version)
            .bind(row.sealed.as_slice())
            .bind(row.expires_at)
            .bind(row.transient)
            .execute(&self.pool)
            .await?;
            Ok(done.rows_affected() == 1)
        })
        .await
    }

    async fn find(&self, key: &RowKey, now: i64) -> Result<Option<Row>, RowsError> {
        in_time(async {
            let found = sqlx::query(
                "SELECT version, sealed, expires_at, transient FROM sessions WHERE key = $1 AND expires_at > $2",
            )
            .bind(key.0.as_slice())
            .bind(now)
            .fetch_optional(&self.pool)
            .await?;
            let row = found.map(|found| {
                Ok::<_, sqlx::Error>(Row {
                    key: *key,
                    version: found.try_get(0)?,
                    sealed: found.try_get(1)?,
                    expires_at: found.try_get(2)?,
                    transient: found.try_get(3)?,
                })
            });
            Ok(row.transpose()?)
        })
        .await
    }

    async fn update(&self, row: &Row) -> Result<bool, RowsError> {
        in_time(async {
            let done = sqlx::query(
                "UPDATE sessions SET version = $2, sealed = $3, expires_at = $4, transient = $5
                 WHERE key = $1 AND version = $2 - 1",
            )
            .bind(row.key.0.as_slice())
            .bind(row.version)
            .bind(row.sealed.as_slice())
            .bind(row.expires_at)
            .bind(row.transient)
            .execute(&self.pool)
            .await?;
            Ok(done.rows_affected() == 1)
        })
        .await
    }

    async fn replace(&self, old: &RowKey, version: i64, new: &Row) -> Result<bool, RowsError> {
        in_time(async {
            let mut transaction = self.pool.begin().await?;
            let removed = sqlx::query("DELETE FROM sessions WHERE key = $1 AND version = $2")
                .bind(old.0.as_slice())
                .bind(version)
                .execute(&mut *transaction)
                .await?;
            if removed.rows_affected() == 0 {
                transaction.rollback().await?;
                return Ok(false);
            }
            sqlx::query(
                "INSERT INTO sessions (key, version, sealed, expires_at, transient) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(new.key.0.as_slice())
            .bind(new.version)
            .bind(new.sealed.as_slice())
            .bind(new.expires_at)
            .bind(new.transient)
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(true)
        })
        .await
    }

    async fn delete(&self, key: &RowKey, version: i64) -> Result<bool, RowsError> {
        in_time(async {
            let done = sqlx::query("DELETE FROM sessions WHERE key = $1 AND version = $2")
                .bind(key.0.as_slice())
                .bind(version)
                .execute(&self.pool)
                .await?;
            Ok(done.rows_affected() == 1)
        })
        .await
    }

    async fn touch(&self, key: &RowKey, expires_at: i64) -> Result<(), RowsError> {
        in_time(async {
            sqlx::query("UPDATE sessions SET expires_at = $2 WHERE key = $1")
                .bind(key.0.as_slice())
                .bind(expires_at)
                .execute(&self.pool)
                .await?;
            Ok(())
        })
        .await
    }

    async fn delete_expired(&self, now: i64, limit: i64) -> Result<u64, RowsError> {
        in_time(async {
            let done = sqlx::query(
                "DELETE FROM sessions WHERE expires_at <= $1 AND key IN
                 (SELECT key FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
            )
            .bind(now)
            .bind(limit)
            .execute(&self.pool)
            .await?;
            Ok(done.rows_affected())
        })
        .await
    }

    async fn trim_transient(&self, keep: i64, limit: i64) -> Result<u64, RowsError> {
        in_time(async {
            let done = sqlx::query(
                "DELETE FROM sessions WHERE transient AND key IN
                 (SELECT key FROM sessions WHERE transient ORDER BY expires_at DESC LIMIT $2 OFFSET $1)",
            )
            .bind(keep)
            .bind(limit)
            .execute(&self.pool)
            .await?;
            Ok(done.rows_affected())
        })
        .await
    }

    async fn ping(&self) -> Result<(), RowsError> {
        in_time(async {
            sqlx::query("SELECT 1").execute(&self.pool).await?;
            Ok(())
        })
        .await
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}

/// Does `work`, for [`PATIENCE`] at most: a database that hangs must not hang its callers. A write that is given up may have
/// been done all the same.
async fn in_time<T>(work: impl Future<Output = Result<T, RowsError>>) -> Result<T, RowsError> {
    timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| Err(RowsError("no answer in time".into())))
}
