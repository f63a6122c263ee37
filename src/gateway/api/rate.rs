//! How often one person may call: not each address, because a site's back end has one address for all of its people.

use std::time::Duration;

use crate::allowance::{Allowances, MINUTE};
use crate::clock::Clock;

/// How many calls a person may make a minute: what Smartsheet lets each token make.
const A_MINUTE: u32 = 300;

/// Counts the calls of each person. A minute's worth may be made at once, and then as the minute goes by.
#[derive(Debug)]
pub struct PersonRate(Allowances<String>);

impl PersonRate {
    /// Nobody has called yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self(Allowances::new(clock))
    }

    /// Counts a call of `person`.
    ///
    /// # Errors
    ///
    /// How long to wait with it. What has to wait is not counted.
    pub fn admit(&self, person: &str) -> Result<(), Duration> {
        self.0.admit([(person.to_owned(), MINUTE / A_MINUTE)])
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use jiff::Timestamp;

    use super::*;
    use crate::allowance::MAX_REMEMBERED;

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
        assert!(rate.0.remembered() <= MAX_REMEMBERED);
    }
}
