//! Messages that wait to be written, by flow: those of one flow become one row.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::encoded::{Encoded, EncodedRow};
use super::rows::FlowKey;

/// How many messages one row holds at most, and how large it may get in bytes before another is begun.
const ROW_MESSAGES: usize = 32;
const ROW_BYTES: usize = 16 * 1024;

/// How often it is looked for messages that have waited long enough.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long messages wait at most for others of their flow, when nobody waits for them.
const PATIENCE: Duration = Duration::from_millis(100);

/// What is not written yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    flows: HashMap<FlowKey, Waiting>,
    /// What fills a row, or somebody waits for.
    due: Vec<(FlowKey, Waiting)>,
    /// When to look for what has waited long enough. There is always a time while something waits.
    look_at: Option<Instant>,
}

/// The messages of one flow, in the order in which they ended.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) messages: EncodedRow,
    /// Until when they are kept: the latest that was asked for.
    pub(super) until: Timestamp,
    since: Instant,
}

impl Pending {
    pub(super) fn add(&mut self, key: FlowKey, until: Timestamp, message: Encoded) {
        match self.flows.entry(key) {
            Entry::Occupied(mut waiting) => {
                let longer = waiting.get_mut();
                longer.messages.add(message);
                longer.until = longer.until.max(until);
                if longer.messages.count >= ROW_MESSAGES
                    || longer.messages.content.len() >= ROW_BYTES
                {
                    self.due.push(waiting.remove_entry());
                }
            }
            Entry::Vacant(place) => {
                let since = Instant::now();
                self.look_at.get_or_insert(since + PATIENCE);
                place.insert(Waiting {
                    messages: EncodedRow::of(message),
                    until,
                    since,
                });
            }
        }
    }

    /// Somebody waits for the messages of `key`, or for all.
    pub(super) fn want(&mut self, key: Option<FlowKey>) {
        match key {
            Some(key) => self.due.extend(self.flows.remove_entry(&key)),
            None => self.due.extend(self.flows.drain()),
        }
    }

    pub(super) fn forget(&mut self, key: &FlowKey) {
        self.flows.remove(key);
        self.due.retain(|(due, _)| due != key);
    }

    /// When messages will have waited long enough, if some wait.
    pub(super) fn due_at(&self) -> Option<Instant> {
        self.look_at
    }

    /// Takes out what is to be written now: what somebody waits for, what fills a row, and what has waited long enough.
    pub(super) fn due(&mut self) -> Vec<(FlowKey, Waiting)> {
        let mut due = std::mem::take(&mut self.due);
        let now = Instant::now();
        if self.look_at.is_some_and(|at| at <= now) {
            // What would be due before the next look, too.
            due.extend(
                self.flows
                    .extract_if(|_, waiting| now.duration_since(waiting.since) >= LOOK_EVERY),
            );
            self.look_at = (!self.flows.is_empty()).then(|| now + LOOK_EVERY);
        }
        due
    }
}
