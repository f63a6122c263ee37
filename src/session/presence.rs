//! Whether instances are there. Each shows itself to the others every second, by a row that beats; who holds a lease and has not
//! done so for some seconds is not waited for.
//!
//! That is judged by the database's clock, and only by an instance that has itself reached the database all the while: when the
//! database was away, nobody could show anything.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often an instance shows itself.
pub(super) const EVERY: Duration = Duration::from_secs(1);

/// An instance that has not shown itself for so long is gone, or as good as gone.
pub(super) const GONE_AFTER: Duration = Duration::from_secs(4);

/// This instance, as others see it. Cheap to clone; all clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Presence {
    id: i64,
    shown: Arc<Mutex<Shown>>,
}

#[derive(Debug, Default)]
struct Shown {
    /// When it was last shown.
    last: Option<Instant>,
    /// Since when without a gap.
    since: Option<Instant>,
}

impl Default for Presence {
    fn default() -> Self {
        Self {
            id: rand::random(),
            shown: Arc::default(),
        }
    }
}

impl Presence {
    /// The number that others know this instance by.
    pub(super) fn id(&self) -> i64 {
        self.id
    }

    /// The same, if they see it at present.
    pub(super) fn seen_as(&self, now: Instant) -> Option<i64> {
        let last = self.lock().last?;
        (now - last < 2 * EVERY).then_some(self.id)
    }

    /// Whether `instance` is this one.
    pub(super) fn is(&self, instance: i64) -> bool {
        self.id == instance
    }

    /// Notes how it went to show itself at `started`.
    pub(super) fn note(&self, started: Instant, is_done: bool) {
        let mut shown = self.lock();
        if !is_done {
            *shown = Shown::default();
            return;
        }
        let is_gapless = |last: Instant| started - last < 3 * EVERY;
        if !shown.last.is_some_and(is_gapless) {
            shown.since = Some(started);
        }
        shown.last = Some(started);
    }

    /// Whether this instance has reached the database for long enough to judge others.
    pub(super) fn may_judge(&self, now: Instant) -> bool {
        let shown = self.lock();
        let is_current = shown.last.is_some_and(|last| now - last < 3 * EVERY);
        is_current && shown.since.is_some_and(|since| now - since > GONE_AFTER)
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        // Each critical section leaves it whole, so a panic elsewhere does not make it unusable.
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_reached_the_database_all_the_while_judges() {
        let presence = Presence::default();
        let mut now = Instant::now();
        let mut show = |seconds: u64, is_done: bool| {
            now += Duration::from_secs(seconds);
            presence.note(now, is_done);
            (presence.seen_as(now).is_some(), presence.may_judge(now))
        };
        for _ in 0..5 {
            assert_eq!(show(1, true), (true, false));
        }
        assert_eq!(show(1, true), (true, true));
        // The database was away, or this instance stood still.
        assert_eq!(show(1, false), (false, false));
        for _ in 0..5 {
            assert_eq!(show(1, true), (true, false));
        }
        assert_eq!(show(1, true), (true, true));
        assert_eq!(show(3, true), (true, false));
    }
}
