//! Messages in PostgreSQL, beside the sessions, over connections that don't wait for the disk.

use std::str::FromStr as _;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgPool, Row as _};

use super::{FlowKey, FlowRow, FlowRows, FlowRowsError, to_trim};

/// Messages in a PostgreSQL database, which several instances may share.
#[derive(Debug)]
pub struct PostgresFlow(PgPool);

impl PostgresFlow {
    /// Connects to `url`, whose tables are there already: those of the sessions are made with them.
    ///
    /// # Errors
    ///
    /// When the URL can't be read. A server that does not answer shows with the first use.
    pub fn open(url: &str) -> Result<Self, FlowRowsError> {
        let options = PgConnectOptions::from_str(url)?
            .application_name(concat!(env!("CARGO_PKG_NAME"), " flow"))
            // Seen by everybody at once, but not waiting for the disk: these may be lost.
            .options([
                ("statement_timeout", "5s"),
                ("lock_timeout", "3s"),
                ("synchronous_commit", "off"),
            ]);
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .acquire_timeout(Duration::from_secs(2))
            .connect_lazy_with(options);
        Ok(Self(pool))
    }
}

#[async_trait]
impl FlowRows for PostgresFlow {
    async fn append(&self, rows: &[FlowRow], keep: i64) -> Result<(), FlowRowsError> {
        let keys: Vec<&[u8]> = rows.iter().map(|row| &row.key.0[..]).collect();
        let ats: Vec<i64> = rows.iter().map(|row| row.at).collect();
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let sealed: Vec<&[u8]> = rows.iter().map(|row| &row.sealed[..]).collect();
        let expiries: Vec<i64> = rows.iter().map(|row| row.expires_at).collect();
        sqlx::query(
            "INSERT INTO flow_messages (flow, at, id, sealed, expires_at) \
             SELECT * FROM UNNEST($1::bytea[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bigint[])",
        )
        .bind(keys)
        .bind(ats)
        .bind(ids)
        .bind(sealed)
        .bind(expiries)
        .execute(&self.0)
        .await?;
        for key in to_trim(rows) {
            sqlx::query(
                "DELETE FROM flow_messages WHERE flow = $1 AND (at, id) < \
                 (SELECT at, id FROM flow_messages WHERE flow = $1 ORDER BY at DESC, id DESC LIMIT 1 OFFSET $2 - 1)",
            )
            .bind(&key.0[..])
            .bind(keep)
            .execute(&self.0)
            .await?;
        }
        Ok(())
    }

    async fn newest(
        &self,
        key: &FlowKey,
        now: i64,
        limit: i64,
    ) -> Result<Vec<FlowRow>, FlowRowsError> {
        let rows = sqlx::query(
            "SELECT at, id, sealed, expires_at FROM flow_messages WHERE flow = $1 AND expires_at > $2 \
             ORDER BY at DESC, id DESC LIMIT $3",
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

    async fn keep(&self, flows: &[(FlowKey, i64)]) -> Result<(), FlowRowsError> {
        let (keys, expiries): (Vec<&[u8]>, Vec<i64>) = flows
            .iter()
            .map(|(key, expires_at)| (&key.0[..], *expires_at))
            .unzip();
        sqlx::query(
            "UPDATE flow_messages AS kept SET expires_at = told.expires_at \
             FROM UNNEST($1::bytea[], $2::bigint[]) AS told (flow, expires_at) \
             WHERE kept.flow = told.flow AND kept.expires_at < told.expires_at",
        )
        .bind(keys)
        .bind(expiries)
        .execute(&self.0)
        .await?;
        Ok(())
    }

    async fn erase(&self, key: &FlowKey) -> Result<(), FlowRowsError> {
        sqlx::query("DELETE FROM flow_messages WHERE flow = $1")
            .bind(&key.0[..])
            .execute(&self.0)
            .await?;
        Ok(())
    }

    async fn delete_expired(&self, now: i64, limit: i64) -> Result<u64, FlowRowsError> {
        let removed = sqlx::query(
            "DELETE FROM flow_messages WHERE ctid IN \
             (SELECT ctid FROM flow_messages WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        )
        .bind(now)
        .bind(limit)
        .execute(&self.0)
        .await?;
        Ok(removed.rows_affected())
    }

    async fn delete_surplus(&self, soon: i64, keep: i64, limit: i64) -> Result<u64, FlowRowsError> {
        let removed = sqlx::query(
            "DELETE FROM flow_messages WHERE ctid IN \
             (SELECT ctid FROM flow_messages WHERE expires_at <= $1 ORDER BY expires_at DESC LIMIT $2 OFFSET $3)",
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
