//! Messages that wait to be written, by flow: those of one flow become one row.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::message::Message;
use super::rows::FlowKey;

/// How many messages one row holds at most.
const ROW_MESSAGES: usize = 8;

/// How long messages wait for others of their flow, when nobody waits for them.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);

/// What is not written yet.
#[derive(Debug, Default)]
pub(super) struct Pending(HashMap<FlowKey, Waiting>);

/// The messages of one flow, in the order in which they ended.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) messages: Vec<Message>,
    /// Until when they are kept: the latest that was asked for.
    pub(super) until: Timestamp,
    since: Instant,
    /// Whether somebody waits for them to be written.
    is_wanted: bool,
}

impl Pending {
    pub(super) fn add(&mut self, key: FlowKey, until: Timestamp, message: Message) {
        let waiting = self.0.entry(key).or_insert_with(|| Waiting {
            messages: Vec::with_capacity(2),
            until,
            since: Instant::now(),
            is_wanted: false,
        });
        waiting.messages.push(message);
        waiting.until = waiting.until.max(until);
    }

    /// Somebody waits for the messages of `key`, or for all.
    pub(super) fn want(&mut self, key: Option<&FlowKey>) {
        match key {
            Some(key) => {
                if let Some(waiting) = self.0.get_mut(key) {
                    waiting.is_wanted = true;
                }
            }
            None => self
                .0
                .values_mut()
                .for_each(|waiting| waiting.is_wanted = true),
        }
    }

    pub(super) fn forget(&mut self, key: &FlowKey) {
        self.0.remove(key);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes out what is to be written now: what somebody waits for, what fills a row, and what has waited long enough.
    pub(super) fn due(&mut self) -> impl Iterator<Item = (FlowKey, Waiting)> {
        let now = Instant::now();
        self.0.extract_if(move |_, waiting| {
            waiting.is_wanted
                || waiting.messages.len() >= ROW_MESSAGES
                || now.duration_since(waiting.since) >= PATIENCE
        })
    }
}
