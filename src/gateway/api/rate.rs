//! How often one person may call: not each address, because a site's back end has one address for all of its people.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::{Clock, after, before};

/// How many calls a person may make a minute: what Smartsheet lets each token make.
const A_MINUTE: u32 = 300;

const MINUTE: Duration = Duration::from_mins(1);

/// How many people are remembered. Those who have not called for a minute need not be.
const MAX_REMEMBERED: usize = 50_000;

/// Counts the calls of each person. A minute's worth may be made at once, and then as the minute goes by.
#[derive(Debug)]
pub struct PersonRate {
    clock: Clock,
    /// When all that a person has called will be forgotten. Later than now plus a minute is too much.
    clear_at: Mutex<HashMap<String, Timestamp>>,
}

impl PersonRate {
    /// Nobody has called yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            clear_at: Mutex::default(),
        }
    }

    /// Counts a call of `person`.
    ///
    /// # Errors
    ///
    /// How long to wait with it. What has to wait is not counted.
    pub fn admit(&self, person: &str) -> Result<(), Duration> {
        let now = self.clock.now();
        let mut remembered = self.clear_at.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MAX_REMEMBERED && !remembered.contains_key(person) {
            remembered.retain(|_, clear_at| *clear_at > now);
            if remembered.len() >= MAX_REMEMBERED {
                // So many signed-in people within a minute: better to forget them all than to turn one away.
                remembered.clear();
            }
        }
        let clear_at = remembered.get(person).copied().unwrap_or(now).max(now);
        let would_be_clear_at = after(clear_at, MINUTE / A_MINUTE);
        let wait = before(would_be_clear_at, MINUTE).duration_since(now);
        if wait.is_positive() {
            return Err(wait.unsigned_abs());
        }
        remembered.insert(person.to_owned(), would_be_clear_at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[test]
    fn each_person_has_a_minutes_worth() {
        let millis = Arc::new(AtomicI64::new(1_700_000_000_000));
        let now = Arc::clone(&millis);
        let clock = Clock::from_fn(move || {
            Timestamp::from_millisecond(now.load(Ordering::Relaxed)).unwrap()
        });
        let rate = PersonRate::new(clock);
        let passed = |person: &str| (0..400).filter(|_| rate.admit(person).is_ok()).count();
        assert_eq!((passed("1"), passed("2")), (300, 300));
        assert_eq!(rate.admit("1"), Err(Duration::from_millis(200)));
        millis.fetch_add(1000, Ordering::Relaxed);
        assert_eq!(passed("1"), 5);
        millis.fetch_add(60_000, Ordering::Relaxed);
        assert_eq!(passed("1"), 300);
        for person in 0..MAX_REMEMBERED * 2 {
            assert!(rate.admit(&format!("p{person}")).is_ok());
        }
        assert!(rate.clear_at.lock().unwrap().len() <= MAX_REMEMBERED);
    }
}
