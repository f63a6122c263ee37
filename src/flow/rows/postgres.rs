//! Messages in PostgreSQL, beside the sessions, over connections that don't wait for the disk.

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::Row as _;
use tokio::sync::Mutex;

use super::{Batch, FlowKey, FlowRow, FlowRows, ROW_OVERHEAD};
use crate::database::{DatabaseError, in_time};
use crate::postgres::{Connection, Servers, Statement, Wait};

/// How many rows one statement removes to make room.
const REMOVED_AT_ONCE: i64 = 2000;

/// Messages in a PostgreSQL database, which several instances may share.
#[derive(Debug)]
pub struct PostgresFlow {
    /// For the log's one writer.
    writing: Arc<Mutex<Connection>>,
    /// For who looks, and for sweeping.
    reading: Arc<Mutex<Connection>>,
}

impl PostgresFlow {
    /// Messages in the database of `servers`, whose tables are there already, over one connection or two. A server that does not
    /// answer shows with the first use.
    #[must_use]
    pub fn new(servers: &Arc<Servers>, connections: usize) -> Self {
        // Seen by everybody at once, but not waiting for the disk: these may be lost.
        let connection = || Arc::new(Mutex::new(Connection::new(servers, Wait::Nothing)));
        let writing = connection();
        let reading = if connections < 2 {
            Arc::clone(&writing)
        } else {
            connection()
        };
        Self { writing, reading }
    }

    async fn change(&self, statement: Statement<'_>) -> Result<(), DatabaseError> {
        self.writing.lock().await.execute(statement).await?;
        Ok(())
    }

    /// The number that is the answer.
    async fn ask(&self, question: Statement<'_>) -> Result<i64, DatabaseError> {
        let rows = self.reading.lock().await.fetch_all(question).await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        Ok(row.try_get(0)?)
    }

    /// Says how many rows were removed.
    async fn sweep(&self, statement: Statement<'_>) -> Result<u64, DatabaseError> {
        self.reading.lock().await.execute(statement).await
    }
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[async_trait]
impl FlowRows for PostgresFlow {
    fn are_shared(&self) -> bool {
        true
    }

    async fn write(&self, batch: Batch) -> Result<(), DatabaseError> {
        let Batch { keep, rows, trims } = &batch;
        if !keep.is_empty() {
            let (keys, expiries): (Vec<&[u8]>, Vec<i64>) = keep
                .iter()
                .map(|(key, expires_at)| (&key.0[..], *expires_at))
                .unzip();
            // With `+ 0` it is no condition for the index of what expires, which has nearly all of the table for an answer.
            let update = Statement::new(
                "UPDATE flow_messages AS kept SET expires_at = told.expires_at \
                 FROM UNNEST($1::bytea[], $2::bigint[]) AS told (flow, expires_at) \
                 WHERE kept.flow = told.flow AND kept.expires_at + 0 < told.expires_at",
            );
            self.change(update.bind(keys).bind(expiries)).await?;
        }
        if rows.is_empty() {
            return Ok(());
        }
        let keys: Vec<&[u8]> = rows.iter().map(|row| &row.key.0[..]).collect();
        let ats: Vec<i64> = rows.iter().map(|row| row.at).collect();
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let sealed: Vec<&[u8]> = rows.iter().map(|row| &row.sealed[..]).collect();
        let expiries: Vec<i64> = rows.iter().map(|row| row.expires_at).collect();
        let insert = Statement::new(
            "INSERT INTO flow_messages (flow, at, id, sealed, expires_at) \
             SELECT * FROM UNNEST($1::bytea[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bigint[])",
        );
        let insert = insert.bind(keys).bind(ats).bind(ids);
        self.change(insert.bind(sealed).bind(expiries)).await?;
        if trims.is_empty() {
            return Ok(());
        }
        let keys: Vec<&[u8]> = trims.iter().map(|trim| &trim.key.0[..]).collect();
        let counts: Vec<i64> = trims.iter().map(|trim| number(trim.rows)).collect();
        let bytes: Vec<i64> = trims.iter().map(|trim| number(trim.bytes)).collect();
        let trim = Statement::new(
            "DELETE FROM flow_messages AS message USING \
             (SELECT flow, (SELECT max(at) FROM (SELECT at, row_number() OVER newest AS number, \
             sum(octet_length(sealed) + $4) OVER newest AS bytes FROM flow_messages WHERE flow = crowded.flow \
             WINDOW newest AS (ORDER BY at DESC, id DESC)) AS counted \
             WHERE number > crowded.rows OR bytes > crowded.bytes) AS at \
             FROM UNNEST($1::bytea[], $2::bigint[], $3::bigint[]) AS crowded (flow, rows, bytes) OFFSET 0) AS surplus \
             WHERE message.flow = surplus.flow AND message.at <= surplus.at",
        );
        let trim = trim.bind(keys).bind(counts).bind(bytes);
        self.change(trim.bind(number(ROW_OVERHEAD))).await
    }

    async fn newest(
        &self,
        key: &FlowKey,
        now: i64,
        limit: i64,
    ) -> Result<Vec<FlowRow>, DatabaseError> {
        let question = Statement::new(
            "SELECT at, id, sealed, expires_at FROM flow_messages WHERE flow = $1 AND expires_at + 0 > $2 \
             ORDER BY at DESC, id DESC LIMIT $3",
        );
        let question = question.bind(&key.0[..]).bind(now).bind(limit);
        // Readers queue for the one connection, each for no longer than an operation may take.
        let rows = async { self.reading.lock().await.fetch_all(question).await };
        let rows = in_time(rows).await?;
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

    async fn erase(&self, key: &FlowKey) -> Result<(), DatabaseError> {
        let delete = Statement::new("DELETE FROM flow_messages WHERE flow = $1");
        self.change(delete.bind(&key.0[..])).await
    }

    async fn delete_expired(&self, now: i64, limit: i64) -> Result<u64, DatabaseError> {
        let delete = Statement::new(
            "DELETE FROM flow_messages WHERE ctid IN \
             (SELECT ctid FROM flow_messages WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        );
        self.sweep(delete.bind(now).bind(limit)).await
    }

    async fn delete_surplus(&self, soon: i64, keep: i64, limit: i64) -> Result<u64, DatabaseError> {
        let delete = Statement::new(
            "DELETE FROM flow_messages WHERE ctid IN \
             (SELECT ctid FROM flow_messages WHERE expires_at <= $1 ORDER BY expires_at DESC LIMIT $2 OFFSET $3)",
        );
        self.sweep(delete.bind(soon).bind(limit).bind(keep)).await
    }

    async fn make_room(&self, bytes: u64) -> Result<u64, DatabaseError> {
        let mut removed = 0;
        loop {
            // What the table takes on the disk is known without counting, and is more than what is in it.
            let on_disk = Statement::new("SELECT pg_total_relation_size('flow_messages')::bigint");
            if self.ask(on_disk).await? <= number(bytes) {
                return Ok(removed);
            }
            let in_it = Statement::new(
                "SELECT coalesce(sum(octet_length(sealed) + $1), 0)::bigint FROM flow_messages",
            );
            let in_it = self.ask(in_it.bind(number(ROW_OVERHEAD))).await?;
            let surplus = in_it - number(bytes);
            if surplus <= 0 {
                return Ok(removed);
            }
            let delete = Statement::new(
                "DELETE FROM flow_messages WHERE ctid IN (SELECT ctid FROM \
                 (SELECT ctid, sum(bytes) OVER (ORDER BY at, ctid) - bytes AS before FROM \
                 (SELECT ctid, at, octet_length(sealed) + $1 AS bytes FROM flow_messages ORDER BY at LIMIT $2 \
                 FOR UPDATE SKIP LOCKED) AS oldest) AS counted WHERE before < $3)",
            );
            let delete = delete.bind(number(ROW_OVERHEAD)).bind(REMOVED_AT_ONCE);
            match self.sweep(delete.bind(surplus)).await? {
                // Another instance makes room.
                0 => return Ok(removed),
                batch => removed += batch,
            }
        }
    }

    async fn give_back(&self) -> Result<(), DatabaseError> {
        // The server's own vacuum makes the room usable again.
        Ok(())
    }

    async fn close(&self) {
        self.writing.lock().await.close().await;
        self.reading.lock().await.close().await;
    }
}
