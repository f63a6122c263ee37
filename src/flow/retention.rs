//! How much is kept, and for how long.
//!
//! Everything is bounded in bytes: a message when it is encoded ([`MESSAGE_BYTES`]), a flow while it is written (`Room`), and
//! all flows together (`flow.max_size`), of which the oldest make room.

use std::collections::HashMap;

use jiff::Timestamp;

use super::rows::{FlowKey, FlowRow, Trim};

/// How many messages of a flow are kept: the newest.
pub const KEPT_MESSAGES: usize = 100;

/// How large an encoded message may get, in bytes. One that is larger is shortened.
pub const MESSAGE_BYTES: usize = 8 * 1024;

/// How much is kept of a flow that nobody is signed in with, in bytes as they are stored.
pub const SIGNED_OUT_BYTES: u64 = 64 * 1024;

/// How much is kept of a flow that somebody is signed in with, in bytes as they are stored.
pub const SIGNED_IN_BYTES: u64 = 512 * 1024;

/// Messages that expire this soon, in milliseconds, are those of sign-ins under way, or of robots; and how many are kept.
pub(super) const SOON_MILLIS: i64 = 11 * 60 * 1000;
pub(super) const MAX_SOON: i64 = 100_000;

/// A flow is trimmed whenever this part of its bound was written since it was last, and then this part is left free. So what is
/// written in between stays within the bound, and a trim is seldom.
const FLOW_SLACK: u64 = 4;

/// Likewise for all flows together. More is left free than is written in between, because a database takes whole pages.
const LOOK_EVERY: u64 = 32;
const LEFT_FREE: u64 = 8;

/// How many bytes may wait to be written at most.
const MAX_WAITING: usize = 1 << 20;

/// How many flows are remembered. Beyond that all are forgotten, and each is checked when it is written next.
const REMEMBERED: usize = 10_000;

/// What is recorded, and how much of it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Whether anything is recorded (`flow.record`).
    pub record: bool,
    /// How large the record of all flows may get, in bytes (`flow.max_size`).
    pub max_size: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            record: true,
            max_size: 256 * 1024 * 1024,
        }
    }
}

impl Retention {
    /// How many bytes may wait to be written at once: no more than may be written before the next check.
    pub(super) fn may_wait(self) -> usize {
        usize::try_from(self.max_size / LOOK_EVERY)
            .map_or(MAX_WAITING, |part| part.min(MAX_WAITING))
    }

    /// What is left after room was made: less than the bound by what may be written before the next check.
    pub(super) fn make_room_to(self) -> u64 {
        self.max_size - self.max_size / LEFT_FREE
    }
}

/// Whether what is kept until `until` belongs to a session that somebody is signed in with. Others end by themselves soon.
pub(super) fn is_signed_in(until: Timestamp, now: Timestamp) -> bool {
    until.as_millisecond() > now.as_millisecond().saturating_add(SOON_MILLIS)
}

/// How much this process has written since it last made room.
#[derive(Debug, Default)]
pub(super) struct Room {
    flows: HashMap<FlowKey, u64>,
    total: u64,
}

impl Room {
    /// Counts `rows`, which are about to be written, and says which flows have to be trimmed to how much after that.
    pub(super) fn trims(&mut self, rows: &[FlowRow], now: Timestamp) -> Vec<Trim> {
        let mut trims: Vec<Trim> = Vec::new();
        for row in rows {
            let limit = match Timestamp::from_millisecond(row.expires_at) {
                Ok(until) if !is_signed_in(until, now) => SIGNED_OUT_BYTES,
                _ => SIGNED_IN_BYTES,
            };
            self.total += row.size();
            if self.flows.len() >= REMEMBERED {
                self.flows.clear();
            }
            // Of a flow that is not remembered it is unknown how much there is.
            let written = self.flows.entry(row.key).or_insert(limit);
            *written += row.size();
            if *written < limit / FLOW_SLACK {
                continue;
            }
            *written = 0;
            trims.retain(|trim| trim.key != row.key);
            trims.push(Trim {
                key: row.key,
                rows: KEPT_MESSAGES as u64,
                bytes: limit - limit / FLOW_SLACK,
            });
        }
        trims
    }

    /// Whether it is time to look at the size of all flows.
    pub(super) fn is_due(&mut self, retention: Retention) -> bool {
        let is_due = self.total >= retention.max_size / LOOK_EVERY;
        if is_due {
            self.total = 0;
        }
        is_due
    }

    pub(super) fn forget(&mut self, key: &FlowKey) {
        self.flows.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: u8, bytes: usize, signed_in: bool) -> FlowRow {
        FlowRow {
            key: FlowKey([key; 32]),
            at: 0,
            id: 0,
            sealed: vec![0; bytes],
            expires_at: if signed_in { 86_400_000 } else { 600_000 },
        }
    }

    #[test]
    fn a_flow_never_gets_larger_than_its_bound() {
        for (signed_in, bound) in [(false, SIGNED_OUT_BYTES), (true, SIGNED_IN_BYTES)] {
            let mut room = Room::default();
            // What an earlier process left is as much as it may be.
            let (mut stored, mut most, mut trimmed) = (bound, bound, 0);
            for _ in 0..2000 {
                let rows = [row(1, 5000, signed_in)];
                let trims = room.trims(&rows, Timestamp::UNIX_EPOCH);
                stored += rows[0].size();
                if let [trim] = &trims[..] {
                    trimmed += 1;
                    stored = stored.min(trim.bytes);
                }
                most = most.max(stored);
            }
            // A trim is part of the same write as the row that made it due.
            assert!(most <= bound, "{most}");
            assert!((20..700).contains(&trimmed), "{trimmed}");
        }
    }

    #[test]
    fn it_remembers_so_many_and_looks_at_all_of_them_in_time() {
        let (mut room, retention) = (Room::default(), Retention::default());
        let mut since = 0;
        for number in 0..25_000_u32 {
            let mut rows = [row(1, 3000, false)];
            rows[0].key.0[..4].copy_from_slice(&number.to_le_bytes());
            assert_eq!(room.trims(&rows, Timestamp::UNIX_EPOCH).len(), 1);
            assert!(room.flows.len() <= REMEMBERED);
            since += rows[0].size();
            if room.is_due(retention) {
                since = 0;
            }
            assert!(3 * since + retention.make_room_to() <= retention.max_size);
        }
    }
}
