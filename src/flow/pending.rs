//! Messages that wait to be written, by flow: those of one flow become one row.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::encoded::{Encoded, EncodedRow};
use super::rows::FlowKey;

/// How many messages one row holds at most, and how large it may get in bytes before another is begun.
const ROW_MESSAGES: usize = 64;
const ROW_BYTES: usize = 16 * 1024;

/// How often it is looked for messages that have waited long enough.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How long messages wait at most for others of their flow, when nobody waits for them.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is not written yet.
#[derive(Debug)]
pub(super) struct Pending {
    /// How many bytes may wait in all. With more of them nothing waits any longer.
    max_bytes: usize,
    flows: HashMap<FlowKey, Waiting>,
    /// How many bytes waited when it was last looked for what has waited long enough, and what has come since.
    bytes: usize,
    /// What fills a row, or somebody waits for.
    due: Vec<(FlowKey, Waiting)>,
    /// Until when flows are kept that are written already. It goes with what is written next.
    keep: HashMap<FlowKey, Timestamp>,
    /// Whether somebody waits for what is written.
    is_wanted: bool,
    /// When to look for what has waited long enough. There is always a time while something waits.
    look_at: Option<Instant>,
}

/// What is to be written now.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) messages: Vec<(FlowKey, Waiting)>,
    /// Until when flows are kept that are written already.
    pub(super) keep: Vec<(FlowKey, Timestamp)>,
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
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            flows: HashMap::new(),
            bytes: 0,
            due: Vec::new(),
            keep: HashMap::new(),
            is_wanted: false,
            look_at: None,
        }
    }

    pub(super) fn add(&mut self, key: FlowKey, until: Timestamp, message: Encoded) {
        match self.flows.entry(key) {
            Entry::Occupied(mut waiting) => {
                let longer = waiting.get_mut();
                let before = longer.messages.content.len();
                longer.messages.add(message);
                self.bytes += longer.messages.content.len() - before;
                longer.until = longer.until.max(until);
                if longer.messages.count >= ROW_MESSAGES
                    || longer.messages.content.len() >= ROW_BYTES
                {
                    self.due.push(waiting.remove_entry());
                }
            }
            Entry::Vacant(place) => {
                let since = Instant::now();
                let messages = EncodedRow::of(message);
                self.bytes += messages.content.len();
                self.look_at.get_or_insert(since + PATIENCE);
                place.insert(Waiting {
                    messages,
                    until,
                    since,
                });
            }
        }
    }

    /// What is written of `key` is to be kept until `until`.
    pub(super) fn keep(&mut self, key: FlowKey, until: Timestamp) {
        self.keep.insert(key, until);
        self.look_at.get_or_insert(Instant::now() + PATIENCE);
    }

    /// Somebody waits for the messages of `key`, or for all.
    pub(super) fn want(&mut self, key: Option<FlowKey>) {
        match key {
            Some(key) => self.due.extend(self.flows.remove_entry(&key)),
            None => self.due.extend(self.flows.drain()),
        }
        self.is_wanted = true;
    }

    pub(super) fn forget(&mut self, key: &FlowKey) {
        self.flows.remove(key);
        self.keep.remove(key);
        self.due.retain(|(due, _)| due != key);
    }

    /// When something will have waited long enough, if some wait.
    pub(super) fn due_at(&self) -> Option<Instant> {
        self.look_at
    }

    /// Takes out what is to be written now: what somebody waits for, what fills a row, and what has waited long enough.
    pub(super) fn due(&mut self) -> Due {
        if self.bytes > self.max_bytes {
            self.want(None);
            self.bytes = 0;
        }
        let mut due = std::mem::take(&mut self.due);
        let mut is_time = std::mem::take(&mut self.is_wanted) || !due.is_empty();
        let now = Instant::now();
        if self.look_at.is_some_and(|at| at <= now) {
            is_time = true;
            // What would be due before the next look, too.
            let enough = PATIENCE.saturating_sub(LOOK_EVERY);
            due.extend(
                self.flows
                    .extract_if(|_, waiting| now.duration_since(waiting.since) >= enough),
            );
            let waiting = self.flows.values();
            self.bytes = waiting.map(|waiting| waiting.messages.content.len()).sum();
            self.look_at = (!self.flows.is_empty()).then(|| now + LOOK_EVERY);
        }
        Due {
            messages: due,
            keep: if is_time {
                self.keep.drain().collect()
            } else {
                Vec::new()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::message::Message;
    use crate::flow::parts::{Answer, Request};
    use crate::flow::step::Step;

    fn message(number: usize) -> Encoded {
        let request = Request {
            method: "GET".to_owned(),
            url: format!("/me?{number}{}", "x".repeat(1000)),
            headers: Vec::new(),
            body: None,
        };
        let answer = Answer {
            status: 200,
            headers: Vec::new(),
            body: None,
        };
        let now = Timestamp::UNIX_EPOCH;
        let message = Message::of_visit(Step::Profile, request, answer, now, Duration::ZERO);
        Encoded::of(&message).unwrap()
    }

    fn key(number: usize) -> FlowKey {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&number.to_le_bytes());
        FlowKey(key)
    }

    #[test]
    fn no_more_than_so_many_bytes_wait() {
        let mut pending = Pending::new(1_000_000);
        let (mut most, mut written) = (0, 0);
        for number in 0..5000 {
            pending.add(key(number), Timestamp::UNIX_EPOCH, message(number));
            let due = pending.due();
            written += due.messages.len();
            let waiting = pending.flows.values();
            most = most.max(waiting.map(|waiting| waiting.messages.content.len()).sum());
        }
        assert!((500_000..=1_000_000).contains(&most), "{most}");
        assert_eq!(written + pending.flows.len(), 5000);
        pending.want(None);
        assert_eq!(written + pending.due().messages.len(), 5000);
    }

    #[test]
    fn what_waits_has_its_time() {
        let mut pending = Pending::new(1_000_000);
        for number in [1, 2] {
            pending.add(key(number), Timestamp::UNIX_EPOCH, message(number));
        }
        assert!(pending.due().messages.is_empty());
        assert!(pending.due_at().unwrap() <= Instant::now() + PATIENCE);
        // As if one of them had come earlier.
        pending.flows.get_mut(&key(1)).unwrap().since -= PATIENCE;
        pending.look_at = Some(Instant::now());
        assert_eq!(pending.due().messages.len(), 1);
        assert!(pending.bytes > 0 && pending.due_at().is_some());
        pending.flows.get_mut(&key(2)).unwrap().since -= PATIENCE;
        pending.look_at = Some(Instant::now());
        assert_eq!(pending.due().messages.len(), 1);
        assert_eq!((pending.bytes, pending.due_at()), (0, None));
    }

    #[test]
    fn what_is_kept_longer_goes_with_what_is_written_next() {
        let until = Timestamp::from_second(80).unwrap();
        let mut pending = Pending::new(1_000_000);
        pending.keep(key(1), until);
        assert!(pending.due_at().is_some());
        assert_eq!(pending.due().keep, []);
        pending.add(key(2), until, message(2));
        pending.want(Some(key(2)));
        assert_eq!(pending.due().keep, [(key(1), until)]);
        // Alone, and nobody waits.
        pending.keep(key(1), until);
        pending.look_at = Some(Instant::now());
        assert_eq!(pending.due().keep, [(key(1), until)]);
        assert_eq!(pending.due_at(), None);
        // Before the end.
        pending.keep(key(1), until);
        pending.want(None);
        assert_eq!(pending.due().keep, [(key(1), until)]);
        // Of what is erased, nothing.
        pending.keep(key(1), until);
        pending.forget(&key(1));
        pending.want(None);
        assert_eq!(pending.due().keep, []);
    }
}
