//! Rows in PostgreSQL.

mod lines;

use async_trait::async_trait;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};

use super::{Counts, Row, RowKey, Rows, RowsError};
use crate::database::{DatabaseError, in_time};
use crate::postgres::{self, Statement};
use lines::Lines;

/// A statement with its values, which changes rows.
type Change = Statement<'static>;

/// Rows in a PostgreSQL database, which several instances may share.
#[derive(Debug)]
pub struct PostgresRows {
    lines: Lines,
}

impl PostgresRows {
    /// Connects to `url` (`postgres://user:password@host/database`, with `sslmode` and the other options of sqlx) and
    /// brings the tables up to date; sqlx takes an advisory lock for that, so instances may start at once.
    ///
    /// # Errors
    ///
    /// When the URL can't be read, the server doesn't answer, or the tables can't be made.
    pub async fn open(url: &str) -> Result<Self, RowsError> {
        // What is acknowledged is on disk.
        let options = postgres::options(url, env!("CARGO_PKG_NAME"), "on")?;
        migrate(&options).await?;
        Ok(Self {
            lines: Lines::new(&options),
        })
    }

    /// Whether `change` changed a row.
    async fn changes_one(&self, change: Change) -> Result<bool, RowsError> {
        Ok(self.lines.write(change).await? == 1)
    }
}

/// Every change is one statement: one round trip, and done whole or not at all.
#[async_trait]
impl Rows for PostgresRows {
    async fn insert(&self, row: &Row) -> Result<bool, RowsError> {
        let insert = sqlx::query(
            "INSERT INTO sessions (key, version, sealed, expires_at, transient) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (key) DO NOTHING",
        );
        self.changes_one(bind(insert, row)).await
    }

    async fn find(&self, key: &RowKey, now: i64) -> Result<Option<Row>, RowsError> {
        let found = self.lines.find(*key).await?;
        Ok(found.filter(|row| row.expires_at > now))
    }

    async fn update(&self, row: &Row) -> Result<bool, RowsError> {
        let update = sqlx::query(
            "UPDATE sessions SET version = $2, sealed = $3, expires_at = $4, transient = $5
             WHERE key = $1 AND version = $2 - 1",
        );
        self.changes_one(bind(update, row)).await
    }

    async fn replace(&self, old: &RowKey, version: i64, new: &Row) -> Result<bool, RowsError> {
        let replace = sqlx::query(
            "WITH gone AS (DELETE FROM sessions WHERE key = $6 AND version = $7 RETURNING 1)
             INSERT INTO sessions (key, version, sealed, expires_at, transient) SELECT $1, $2, $3, $4, $5 FROM gone",
        );
        self.changes_one(bind(replace, new).bind(old.0.to_vec()).bind(version))
            .await
    }

    async fn delete(&self, key: &RowKey, version: i64) -> Result<bool, RowsError> {
        let delete = sqlx::query("DELETE FROM sessions WHERE key = $1 AND version = $2");
        self.changes_one(delete.bind(key.0.to_vec()).bind(version))
            .await
    }

    async fn touch(&self, key: &RowKey, expires_at: i64) -> Result<(), RowsError> {
        let touch = sqlx::query("UPDATE sessions SET expires_at = $2 WHERE key = $1");
        self.changes_one(touch.bind(key.0.to_vec()).bind(expires_at))
            .await?;
        Ok(())
    }

    async fn delete_expired(&self, now: i64, limit: i64) -> Result<u64, RowsError> {
        let delete = sqlx::query(
            "DELETE FROM sessions WHERE expires_at <= $1 AND key IN
             (SELECT key FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
        );
        Ok(self.lines.write(delete.bind(now).bind(limit)).await?)
    }

    async fn trim_transient(&self, keep: i64, limit: i64) -> Result<u64, RowsError> {
        let delete = sqlx::query(
            "DELETE FROM sessions WHERE transient AND key IN
             (SELECT key FROM sessions WHERE transient ORDER BY expires_at DESC LIMIT $2 OFFSET $1)",
        );
        Ok(self.lines.write(delete.bind(keep).bind(limit)).await?)
    }

    async fn count(&self, now: i64) -> Result<Counts, RowsError> {
        Ok(self.lines.count(now).await?)
    }

    async fn ping(&self) -> Result<(), RowsError> {
        // No key is all zeros.
        self.lines.find(RowKey([0; 32])).await?;
        Ok(())
    }

    async fn probe_write(&self) -> Result<(), RowsError> {
        let count = sqlx::query(
            "INSERT INTO write_probe (written) VALUES (1) ON CONFLICT (is_only) DO UPDATE SET written = write_probe.written + 1",
        );
        self.lines.write(count).await?;
        Ok(())
    }

    async fn close(&self) {
        self.lines.close().await;
    }
}

async fn migrate(options: &PgConnectOptions) -> Result<(), DatabaseError> {
    let connect = async { Ok(PgConnection::connect_with(options).await?) };
    let mut connection = in_time(connect).await?;
    sqlx::migrate!("migrations/postgres")
        .run(&mut connection)
        .await
        .map_err(sqlx::Error::from)?;
    Ok(connection.close().await?)
}

/// A row's columns, as $1 to $5.
fn bind(change: Change, row: &Row) -> Change {
    change
        .bind(row.key.0.to_vec())
        .bind(row.version)
        .bind(row.sealed.clone())
        .bind(row.expires_at)
        .bind(row.transient)
}
