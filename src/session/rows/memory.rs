//! Rows in memory: gone with the process. For trying things out, and for tests.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Counts, Row, RowKey, Rows, RowsError};

/// Rows in this process's memory.
#[derive(Debug, Default)]
pub struct MemoryRows(Mutex<HashMap<RowKey, Row>>);

impl MemoryRows {
    fn rows(&self) -> MutexGuard<'_, HashMap<RowKey, Row>> {
        // Each critical section leaves the map whole, so a panic elsewhere does not make it unusable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Rows for MemoryRows {
    async fn insert(&self, row: &Row) -> Result<bool, RowsError> {
        let mut rows = self.rows();
        let free = !rows.contains_key(&row.key);
        if free {
            rows.insert(row.key, row.clone());
        }
        Ok(free)
    }

    async fn find(&self, key: &RowKey, now: i64) -> Result<Option<Row>, RowsError> {
        let rows = self.rows();
        Ok(rows.get(key).filter(|row| row.expires_at > now).cloned())
    }

    async fn update(&self, row: &Row) -> Result<bool, RowsError> {
        let mut rows = self.rows();
        match rows.get_mut(&row.key) {
            Some(stored) if stored.version == row.version - 1 => {
                *stored = row.clone();
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn replace(&self, old: &RowKey, version: i64, new: &Row) -> Result<bool, RowsError> {
        let mut rows = self.rows();
        if rows.get(old).is_none_or(|row| row.version != version) {
            return Ok(false);
        }
        rows.remove(old);
        rows.insert(new.key, new.clone());
        Ok(true)
    }

    async fn delete(&self, key: &RowKey, version: i64) -> Result<bool, RowsError> {
        let mut rows = self.rows();
        let found = rows.get(key).is_some_and(|row| row.version == version);
        if found {
            rows.remove(key);
        }
        Ok(found)
    }

    async fn touch(&self, key: &RowKey, expires_at: i64) -> Result<(), RowsError> {
        if let Some(row) = self.rows().get_mut(key) {
            row.expires_at = expires_at;
        }
        Ok(())
    }

    async fn delete_expired(&self, now: i64, limit: i64) -> Result<u64, RowsError> {
        let mut rows = self.rows();
        let expired: Vec<RowKey> = rows
            .values()
            .filter(|row| row.expires_at <= now)
            .map(|row| row.key)
            .take(usize::try_from(limit).unwrap_or(0))
            .collect();
        for key in &expired {
            rows.remove(key);
        }
        Ok(expired.len() as u64)
    }

    async fn trim_transient(&self, keep: i64, limit: i64) -> Result<u64, RowsError> {
        let mut rows = self.rows();
        let mut transient: Vec<(i64, RowKey)> = rows
            .values()
            .filter(|row| row.transient)
            .map(|row| (row.expires_at, row.key))
            .collect();
        transient.sort_unstable_by_key(|(expires_at, _)| std::cmp::Reverse(*expires_at));
        let number = |count: i64| usize::try_from(count).unwrap_or(0);
        let surplus = transient.iter().skip(number(keep)).take(number(limit));
        let mut removed = 0;
        for (_, key) in surplus {
            rows.remove(key);
            removed += 1;
        }
        Ok(removed)
    }

    async fn count(&self, now: i64) -> Result<Counts, RowsError> {
        let rows = self.rows();
        let mut counts = Counts::default();
        for row in rows.values().filter(|row| row.expires_at > now) {
            if row.transient {
                counts.transient += 1;
            } else {
                counts.signed_in += 1;
            }
        }
        Ok(counts)
    }

    async fn ping(&self) -> Result<(), RowsError> {
        Ok(())
    }

    async fn probe_write(&self) -> Result<(), RowsError> {
        Ok(())
    }

    async fn close(&self) {}
}
