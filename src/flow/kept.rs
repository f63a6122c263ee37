//! Until when flows are kept as a whole.
//!
//! A message is written with the time until which its session lasts. Visits move that time, and what was said before has to
//! move along. Writing all of it anew with each visit would be much work for nothing, so it is kept a little longer than
//! need be, and written anew when that is used up.

use std::collections::HashMap;

use jiff::Timestamp;

use super::rows::FlowKey;
use crate::clock::after;

/// By which part of the time it is kept longer.
const SPARE_PART: u32 = 8;

/// How many flows are remembered. Beyond that all are forgotten, and written anew when they are visited next.
const REMEMBERED: usize = 10_000;

/// What this process has told the database.
#[derive(Debug, Default)]
pub(super) struct Kept(HashMap<FlowKey, Timestamp>);

impl Kept {
    /// The flow `key` has to be kept until `until`. Says what to keep in the database and until when, if that must be told
    /// anew.
    pub(super) fn extend(
        &mut self,
        key: FlowKey,
        until: Timestamp,
        now: Timestamp,
    ) -> Option<(FlowKey, Timestamp)> {
        if self.0.get(&key).is_some_and(|told| *told >= until) {
            return None;
        }
        let left = until.duration_since(now).unsigned_abs();
        let tell = after(until, left / SPARE_PART);
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        self.0.insert(key, tell);
        Some((key, tell))
    }

    /// Until when the database was told to keep the flow `key`, as far as this is remembered.
    pub(super) fn told(&self, key: &FlowKey) -> Option<Timestamp> {
        self.0.get(key).copied()
    }

    pub(super) fn forget(&mut self, key: &FlowKey) {
        self.0.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(minutes * 60).unwrap()
    }

    #[test]
    fn the_database_is_told_now_and_then_and_in_time() {
        let mut kept = Kept::default();
        let key = FlowKey([1; 32]);
        // A session of 80 minutes, visited every minute.
        let told: Vec<Option<(FlowKey, Timestamp)>> = (0..20)
            .map(|minute| kept.extend(key, at(minute + 80), at(minute)))
            .collect();
        assert_eq!(told[0], Some((key, at(90))));
        assert_eq!(told[11], Some((key, at(101))));
        assert_eq!(told.iter().flatten().count(), 2);
        kept.forget(&key);
        assert!(kept.extend(key, at(81), at(1)).is_some());
    }

    #[test]
    fn it_remembers_so_many() {
        let mut kept = Kept::default();
        for number in 0..25_000_u32 {
            let mut key = [0; 32];
            key[..4].copy_from_slice(&number.to_le_bytes());
            assert!(kept.extend(FlowKey(key), at(80), at(0)).is_some());
            assert!(kept.0.len() <= REMEMBERED);
        }
    }
}
