//! Rows whose operations are counted and timed.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use super::{Counts, Row, RowKey, Rows, RowsError};
use crate::metrics::{Metrics, Operation};

/// Other rows, as they are, with figures for each operation. What a caller gives up waiting for is not counted.
#[derive(Debug)]
pub(in crate::session) struct MeasuredRows {
    rows: Arc<dyn Rows>,
    insert: Operation,
    find: Operation,
    update: Operation,
    replace: Operation,
    delete: Operation,
    touch: Operation,
    delete_expired: Operation,
    trim_transient: Operation,
    count: Operation,
    ping: Operation,
    probe_write: Operation,
}

impl MeasuredRows {
    pub(in crate::session) fn new(rows: Arc<dyn Rows>, metrics: &Metrics) -> Self {
        Self {
            rows,
            insert: metrics.store_operation("insert"),
            find: metrics.store_operation("find"),
            update: metrics.store_operation("update"),
            replace: metrics.store_operation("replace"),
            delete: metrics.store_operation("delete"),
            touch: metrics.store_operation("touch"),
            delete_expired: metrics.store_operation("delete_expired"),
            trim_transient: metrics.store_operation("trim_transient"),
            count: metrics.store_operation("count"),
            ping: metrics.store_operation("ping"),
            probe_write: metrics.store_operation("probe_write"),
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

    async fn insert(&self, row: &Row) -> Result<bool, RowsError> {
        measure(&self.insert, self.rows.insert(row)).await
    }

    async fn find(&self, key: &RowKey, now: i64) -> Result<Option<Row>, RowsError> {
        measure(&self.find, self.rows.find(key, now)).await
    }

    async fn update(&self, row: &Row) -> Result<bool, RowsError> {
        measure(&self.update, self.rows.update(row)).await
    }

    async fn replace(&self, old: &RowKey, version: i64, new: &Row) -> Result<bool, RowsError> {
        measure(&self.replace, self.rows.replace(old, version, new)).await
    }

    async fn delete(&self, key: &RowKey, version: i64) -> Result<bool, RowsError> {
        measure(&self.delete, self.rows.delete(key, version)).await
    }

    async fn touch(&self, key: &RowKey, expires_at: i64) -> Result<(), RowsError> {
        measure(&self.touch, self.rows.touch(key, expires_at)).await
    }

    async fn delete_expired(&self, now: i64, limit: i64) -> Result<u64, RowsError> {
        measure(&self.delete_expired, self.rows.delete_expired(now, limit)).await
    }

    async fn trim_transient(&self, keep: i64, limit: i64) -> Result<u64, RowsError> {
        measure(&self.trim_transient, self.rows.trim_transient(keep, limit)).await
    }

    async fn count(&self, now: i64) -> Result<Counts, RowsError> {
        measure(&self.count, self.rows.count(now)).await
    }

    async fn ping(&self) -> Result<(), RowsError> {
        measure(&self.ping, self.rows.ping()).await
    }

    async fn probe_write(&self) -> Result<(), RowsError> {
        measure(&self.probe_write, self.rows.probe_write()).await
    }

    async fn close(&self) {
        self.rows.close().await;
    }
}
