//! Rows in PostgreSQL.

mod migrations;
mod workers;

use std::sync::Arc;

use async_trait::async_trait;

use super::{Change, Counts, Kind, Row, RowKey, Rows, RowsError};
use crate::postgres::{Servers, Statement, Wait};
pub use migrations::MIGRATIONS;
use workers::Workers;

/// A statement with its values.
type Query = Statement<'static>;

/// The server's time, in milliseconds since 1970.
const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/// Rows in a PostgreSQL database, which several instances may share.
#[derive(Debug)]
pub struct PostgresRows {
    workers: Workers,
}

impl PostgresRows {
    /// Rows in the database of `servers`, whose tables are there already, over at most `connections`. They are made when there is
    /// something to do, and their commits wait as `wait` says.
    #[must_use]
    pub fn new(servers: &Arc<Servers>, wait: Wait, connections: usize) -> Self {
        Self {
            workers: Workers::new(servers, wait, connections),
        }
    }
}

/// Every change is one statement, however many rows it is about: one round trip, and done whole or not at all.
#[async_trait]
impl Rows for PostgresRows {
    async fn find(
        &self,
        key: &RowKey,
        unless: Option<&RowKey>,
        now: i64,
    ) -> Result<Option<Row>, RowsError> {
        let found = self.workers.find(*key, unless.copied()).await?;
        Ok(found.filter(|row| row.expires_at > now))
    }

    async fn apply(&self, changes: &[Change]) -> Result<bool, RowsError> {
        let statement = match changes {
            [one] => bind(Statement::new(single(one, 1, Commit::Waits)), one),
            many => {
                let all = Statement::new(together(many));
                many.iter().fold(all, bind)
            }
        };
        Ok(self.workers.write(statement).await? == 1)
    }

    async fn apply_light(&self, change: Change) -> Result<bool, RowsError> {
        let statement = Statement::new(single(&change, 1, Commit::IsLight));
        Ok(self.workers.write(bind(statement, &change)).await? == 1)
    }

    async fn delete_expired(&self, now: i64, limit: i64) -> Result<u64, RowsError> {
        let delete = Statement::new(
            "DELETE FROM sessions WHERE (transient OR ended) AND expires_at <= $1 AND key IN
             (SELECT key FROM sessions WHERE (transient OR ended) AND expires_at <= $1 ORDER BY expires_at LIMIT $2)",
        );
        Ok(self.workers.write(delete.bind(now).bind(limit)).await?)
    }

    async fn expired(&self, now: i64, limit: i64) -> Result<Vec<Row>, RowsError> {
        let question = Statement::new(
            "SELECT key, version, sealed, expires_at, transient, ended, revoke_at FROM sessions
             WHERE NOT transient AND NOT ended AND expires_at <= $1 ORDER BY expires_at LIMIT $2",
        );
        Ok(self.workers.list(question.bind(now).bind(limit)).await?)
    }

    async fn due(&self, now: i64, limit: i64) -> Result<Vec<Row>, RowsError> {
        let question = Statement::new(
            "SELECT key, version, sealed, expires_at, transient, ended, revoke_at FROM sessions
             WHERE revoke_at <= $1 ORDER BY revoke_at LIMIT $2",
        );
        Ok(self.workers.list(question.bind(now).bind(limit)).await?)
    }

    async fn trim_used_states(&self, keep: i64, limit: i64) -> Result<u64, RowsError> {
        let delete = Statement::new(
            "DELETE FROM sessions WHERE transient AND key IN
             (SELECT key FROM sessions WHERE transient ORDER BY expires_at DESC LIMIT $2 OFFSET $1)",
        );
        Ok(self.workers.write(delete.bind(keep).bind(limit)).await?)
    }

    async fn count(&self, now: i64) -> Result<Counts, RowsError> {
        Ok(self.workers.count(now).await?)
    }

    async fn ping(&self) -> Result<(), RowsError> {
        // No key is all zeros.
        self.workers.find(RowKey([0; 32]), None).await?;
        Ok(())
    }

    async fn show(&self, instance: i64) -> Result<bool, RowsError> {
        // Nothing of it is in the log of the server, so no disk is waited for. Those that were killed go after a day.
        let show = Statement::new(format!(
            "WITH killed AS (DELETE FROM instances WHERE beat_at < {NOW} - 86400000 AND id <> $1)
             INSERT INTO instances (id, beat_at) VALUES ($1, {NOW})
             ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at"
        ));
        self.workers.write(show.bind(instance)).await?;
        Ok(true)
    }

    async fn has_shown(&self, instance: i64, within: i64) -> Result<bool, RowsError> {
        let question = Statement::new(format!(
            "SELECT 1 FROM instances WHERE id = $1 AND beat_at > {NOW} - $2"
        ));
        let found = self.workers.write(question.bind(instance).bind(within));
        Ok(found.await? == 1)
    }

    async fn leave(&self, instance: i64) -> Result<(), RowsError> {
        let leave = Statement::new("DELETE FROM instances WHERE id = $1");
        self.workers.write(leave.bind(instance)).await?;
        Ok(())
    }

    async fn close(&self) {
        self.workers.close().await;
    }
}

/// What the commit of a statement waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Commit {
    /// What the connection says.
    Waits,
    /// Nothing. The server looks at the setting when it commits, and the setting ends with the transaction.
    IsLight,
}

/// One change, with its values from parameter `first` on.
fn single(change: &Change, first: usize, commit: Commit) -> String {
    let light = match commit {
        Commit::Waits => "",
        Commit::IsLight => "FROM (SELECT set_config('synchronous_commit', 'off', true)) AS light",
    };
    let [
        key,
        version,
        sealed,
        expires_at,
        transient,
        ended,
        revoke_at,
    ] = std::array::from_fn(|index| format!("${}", first + index));
    match change {
        Change::Insert(_) => format!(
            "INSERT INTO sessions (key, version, sealed, expires_at, transient, ended, revoke_at)
             SELECT {key}, {version}, {sealed}, {expires_at}, {transient}, {ended}, {revoke_at} {light}
             ON CONFLICT (key) DO NOTHING"
        ),
        Change::Update(_) => format!(
            "UPDATE sessions SET version = {version}, sealed = {sealed}, expires_at = {expires_at},
             transient = {transient}, ended = {ended}, revoke_at = {revoke_at} {light}
             WHERE key = {key} AND version = {version} - 1"
        ),
        Change::Delete { .. } => {
            format!("DELETE FROM sessions WHERE key = {key} AND version = {version}")
        }
    }
}

/// All of `changes` in one statement, which fails unless each of them changes its row.
fn together(changes: &[Change]) -> String {
    let mut first = 1;
    let mut parts = Vec::new();
    let mut counts = Vec::new();
    for (number, change) in changes.iter().enumerate() {
        parts.push(format!(
            "c{number} AS ({} RETURNING 1)",
            single(change, first, Commit::Waits)
        ));
        counts.push(format!("(SELECT count(*) FROM c{number})"));
        first += parameters(change);
    }
    format!(
        "WITH {} SELECT 1 / (CASE WHEN {} = {} THEN 1 ELSE 0 END)",
        parts.join(", "),
        counts.join(" + "),
        changes.len()
    )
}

/// How many values a change has.
fn parameters(change: &Change) -> usize {
    match change {
        Change::Insert(_) | Change::Update(_) => 7,
        Change::Delete { .. } => 2,
    }
}

fn bind(statement: Query, change: &Change) -> Query {
    match change {
        Change::Insert(row) | Change::Update(row) => statement
            .bind(row.key.0.to_vec())
            .bind(row.version)
            .bind(row.sealed.clone())
            .bind(row.expires_at)
            .bind(row.kind.is_transient())
            .bind(row.kind.is_ended())
            .bind(row.kind.revoke_at()),
        Change::Delete { key, version } => statement.bind(key.0.to_vec()).bind(*version),
    }
}
