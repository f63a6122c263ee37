//! Rows whose operations are counted and timed.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use super::{Change, Counts, Row, RowKey, Rows, RowsError};
use crate::metrics::{Metrics, Operation};

/// Other rows, as they are, with figures for each operation. What a caller gives up waiting for is not counted.
#[derive(Debug)]
pub(in crate::session) struct MeasuredRows {
    rows: Arc<dyn Rows>,
    find: Operation,
    apply: Operation,
    delete_expired: Operation,
    expired: Operation,
    due: Operation,
    trim: Operation,
    count: Operation,
    ping: Operation,
}

impl MeasuredRows {
    pub(in crate::session) fn new(rows: Arc<dyn Rows>, metrics: &Metrics) -> Self {
        Self {
            rows,
            find: metrics.store_operation("find"),
            apply: metrics.store_operation("apply"),
            delete_expired: metrics.store_operation("delete_expired"),
            expired: metrics.store_operation("expired"),
            due: metrics.store_operation("due"),
            trim: metrics.store_operation("trim"),
            count: metrics.store_operation("count"),
            ping: metrics.store_operation("ping"),
        }
    }
}

async fn measure<T>(
    operation: &Operation,
    work: impl Future<Output = Result<T, RowsError>>,
) -> Result<T, RowsError> {
    let started = Instant::now();
    let outcome = work.await;
    operation.took(outcome.is_ok(), started.elapsed());
    outcome
}

#[async_trait]
impl Rows for MeasuredRows {
    fn are_shared(&self) -> bool {
        self.rows.are_shared()
    }

    async fn find(
        &self,
        key: &RowKey,
        unless: Option<&RowKey>,
        now: i64,
    ) -> Result<Option<Row>, RowsError> {
        measure(&self.find, self.rows.find(key, unless, now)).await
    }

    async fn apply(&self, changes: &[Change]) -> Result<bool, RowsError> {
        measure(&self.apply, self.rows.apply(changes)).await
    }

    async fn apply_light(&self, change: Change) -> Result<bool, RowsError> {
        measure(&self.apply, self.rows.apply_light(change)).await
    }

    async fn delete_expired(&self, now: i64, limit: i64) -> Result<u64, RowsError> {
        measure(&self.delete_expired, self.rows.delete_expired(now, limit)).await
    }

    async fn expired(&self, now: i64, limit: i64) -> Result<Vec<Row>, RowsError> {
        measure(&self.expired, self.rows.expired(now, limit)).await
    }

    async fn due(&self, now: i64, limit: i64) -> Result<Vec<Row>, RowsError> {
        measure(&self.due, self.rows.due(now, limit)).await
    }

    async fn trim_used_states(&self, keep: i64, limit: i64) -> Result<u64, RowsError> {
        measure(&self.trim, self.rows.trim_used_states(keep, limit)).await
    }

    async fn count(&self, now: i64) -> Result<Counts, RowsError> {
        measure(&self.count, self.rows.count(now)).await
    }

    async fn ping(&self) -> Result<(), RowsError> {
        measure(&self.ping, self.rows.ping()).await
    }

    async fn show(&self, instance: i64) -> Result<bool, RowsError> {
        self.rows.show(instance).await
    }

    async fn has_shown(&self, instance: i64, within: i64) -> Result<bool, RowsError> {
        self.rows.has_shown(instance, within).await
    }

    async fn leave(&self, instance: i64) -> Result<(), RowsError> {
        self.rows.leave(instance).await
    }

    async fn close(&self) {
        self.rows.close().await;
    }
}
