//! Rows in memory: gone with the process. For trying things out, and for tests.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Change, Counts, Kind, Row, RowKey, Rows, RowsError};

/// Rows in this process's memory.
#[derive(Debug, Default)]
pub struct MemoryRows(Mutex<HashMap<RowKey, Row>>);

impl MemoryRows {
    fn rows(&self) -> MutexGuard<'_, HashMap<RowKey, Row>> {
        // Each critical section leaves the map whole, so a panic elsewhere does not make it unusable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// At most `limit` rows that have a time, by that time, the earliest first.
    fn earliest(&self, limit: i64, time: impl Fn(&Row) -> Option<i64>) -> Vec<Row> {
        let rows = self.rows();
        let mut found: Vec<(i64, &Row)> = rows
            .values()
            .filter_map(|row| Some((time(row)?, row)))
            .collect();
        found.sort_unstable_by_key(|(time, _)| *time);
        let found = found.into_iter().take(number(limit));
        found.map(|(_, row)| row.clone()).collect()
    }
}

fn number(count: i64) -> usize {
    usize::try_from(count).unwrap_or(0)
}

#[async_trait]
impl Rows for MemoryRows {
    async fn find(
        &self,
        key: &RowKey,
        unless: Option<&RowKey>,
        now: i64,
    ) -> Result<Option<Row>, RowsError> {
        let rows = self.rows();
        if unless.is_some_and(|unless| rows.contains_key(unless)) {
            return Ok(None);
        }
        Ok(rows.get(key).filter(|row| row.expires_at > now).cloned())
    }

    async fn apply(&self, changes: &[Change]) -> Result<bool, RowsError> {
        let mut rows = self.rows();
        let fits = |change: &Change| change.fits(rows.get(change.key()).map(|row| row.version));
        if !changes.iter().all(fits) {
            return Ok(false);
        }
        for change in changes {
            match change {
                Change::Insert(row) | Change::Update(row) => rows.insert(row.key, row.clone()),
                Change::Delete { key, .. } => rows.remove(key),
            };
        }
        Ok(true)
    }

    async fn delete_expired(&self, now: i64, limit: i64) -> Result<u64, RowsError> {
        let expired = self.earliest(limit, |row| {
            let is_due = row.kind != Kind::Session && row.expires_at <= now;
            is_due.then_some(row.expires_at)
        });
        let mut rows = self.rows();
        for row in &expired {
            rows.remove(&row.key);
        }
        Ok(expired.len() as u64)
    }

    async fn expired(&self, now: i64, limit: i64) -> Result<Vec<Row>, RowsError> {
        Ok(self.earliest(limit, |row| {
            let is_due = row.kind == Kind::Session && row.expires_at <= now;
            is_due.then_some(row.expires_at)
        }))
    }

    async fn due(&self, now: i64, limit: i64) -> Result<Vec<Row>, RowsError> {
        Ok(self.earliest(limit, |row| row.kind.revoke_at().filter(|at| *at <= now)))
    }

    async fn trim_used_states(&self, keep: i64, limit: i64) -> Result<u64, RowsError> {
        let mut rows = self.rows();
        let mut used: Vec<(i64, RowKey)> = rows
            .values()
            .filter(|row| row.kind.is_transient())
            .map(|row| (row.expires_at, row.key))
            .collect();
        used.sort_unstable_by_key(|(expires_at, _)| std::cmp::Reverse(*expires_at));
        let mut removed = 0;
        for (_, key) in used.iter().skip(number(keep)).take(number(limit)) {
            rows.remove(key);
            removed += 1;
        }
        Ok(removed)
    }

    async fn count(&self, now: i64) -> Result<Counts, RowsError> {
        let rows = self.rows();
        let mut counts = Counts::default();
        for row in rows.values().filter(|row| row.expires_at > now) {
            match row.kind {
                Kind::Session => counts.signed_in += 1,
                Kind::UsedState => counts.used_states += 1,
                Kind::Pointer => {}
                Kind::Ended { revoke_at } => counts.revocations += i64::from(revoke_at.is_some()),
            }
        }
        Ok(counts)
    }

    async fn ping(&self) -> Result<(), RowsError> {
        Ok(())
    }

    async fn close(&self) {}
}
