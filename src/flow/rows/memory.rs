//! Messages in memory, for as long as the process lives.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Batch, FlowKey, FlowRow, FlowRows};
use crate::database::DatabaseError;

/// Messages in memory.
#[derive(Debug, Default)]
pub struct MemoryFlow(Mutex<HashMap<FlowKey, VecDeque<FlowRow>>>);

impl MemoryFlow {
    fn flows(&self) -> MutexGuard<'_, HashMap<FlowKey, VecDeque<FlowRow>>> {
        // Messages may be lost; a panic half-way through a change loses one at most.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remove(&self, is_out: impl Fn(&FlowRow) -> bool) -> u64 {
        let mut removed = 0;
        self.flows().retain(|_, flow| {
            let before = flow.len();
            flow.retain(|row| !is_out(row));
            removed += (before - flow.len()) as u64;
            !flow.is_empty()
        });
        removed
    }
}

#[async_trait]
impl FlowRows for MemoryFlow {
    async fn write(&self, batch: Batch) -> Result<(), DatabaseError> {
        let Batch { keep, rows, trims } = batch;
        let mut flows = self.flows();
        for (key, expires_at) in keep {
            for row in flows.get_mut(&key).into_iter().flatten() {
                row.expires_at = row.expires_at.max(expires_at);
            }
        }
        for row in rows {
            flows.entry(row.key).or_default().push_back(row);
        }
        for trim in trims {
            let Some(flow) = flows.get_mut(&trim.key) else {
                continue;
            };
            let mut bytes: u64 = flow.iter().map(FlowRow::size).sum();
            while flow.len() as u64 > trim.rows || bytes > trim.bytes {
                let Some(oldest) = flow.pop_front() else {
                    break;
                };
                bytes -= oldest.size();
            }
        }
        Ok(())
    }

    async fn newest(
        &self,
        key: &FlowKey,
        now: i64,
        limit: i64,
    ) -> Result<Vec<FlowRow>, DatabaseError> {
        let flows = self.flows();
        let live = flows
            .get(key)
            .into_iter()
            .flat_map(|flow| flow.iter().filter(|row| row.expires_at > now));
        let mut rows: Vec<FlowRow> = live.cloned().collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.at, row.id)));
        rows.truncate(usize::try_from(limit).unwrap_or(0));
        Ok(rows)
    }

    async fn erase(&self, key: &FlowKey) -> Result<(), DatabaseError> {
        self.flows().remove(key);
        Ok(())
    }

    async fn delete_expired(&self, now: i64, _limit: i64) -> Result<u64, DatabaseError> {
        Ok(self.remove(|row| row.expires_at <= now))
    }

    async fn delete_surplus(&self, soon: i64, keep: i64, limit: i64) -> Result<u64, DatabaseError> {
        let mut soonest: Vec<(i64, i64)> = self
            .flows()
            .values()
            .flatten()
            .filter(|row| row.expires_at <= soon)
            .map(|row| (row.expires_at, row.id))
            .collect();
        soonest.sort_unstable_by(|a, b| b.cmp(a));
        let surplus: HashSet<(i64, i64)> = soonest
            .into_iter()
            .skip(usize::try_from(keep).unwrap_or(usize::MAX))
            .take(usize::try_from(limit).unwrap_or(0))
            .collect();
        Ok(self.remove(|row| surplus.contains(&(row.expires_at, row.id))))
    }

    async fn make_room(&self, bytes: u64) -> Result<u64, DatabaseError> {
        let mut all: Vec<(i64, i64, u64)> = self
            .flows()
            .values()
            .flatten()
            .map(|row| (row.at, row.id, row.size()))
            .collect();
        all.sort_unstable();
        let mut taken: u64 = all.iter().map(|(.., size)| size).sum();
        let mut out = HashSet::new();
        for (at, id, size) in all {
            if taken <= bytes {
                break;
            }
            taken -= size;
            out.insert((at, id));
        }
        Ok(self.remove(|row| out.contains(&(row.at, row.id))))
    }

    async fn give_back(&self) -> Result<(), DatabaseError> {
        Ok(())
    }

    async fn close(&self) {}
}
