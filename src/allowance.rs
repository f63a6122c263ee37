//! How often each of many may do something: a minute's worth at once, and then as the minute goes by. In bounded memory, whoever comes.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::{Clock, after, before};

/// How many are remembered: a few megabytes. Those who have done nothing for a minute need not be.
pub(crate) const MAX_REMEMBERED: usize = 50_000;

/// What an allowance is for.
pub(crate) const MINUTE: Duration = Duration::from_mins(1);

/// Counts what each `K` does.
#[derive(Debug)]
pub(crate) struct Allowances<K> {
    clock: Clock,
    /// When all that one has done will be forgotten. Later than now plus a minute is too much.
    clear_at: Mutex<HashMap<K, Timestamp>>,
}

impl<K: Hash + Eq> Allowances<K> {
    /// Nobody has done anything yet.
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            clear_at: Mutex::default(),
        }
    }

    /// Counts something that is done by all of `keys` at once, of each with how long it takes to be forgotten there: a minute by how
    /// often it is allowed.
    ///
    /// # Errors
    ///
    /// How long to wait with it, for the first of `keys` that has to. What has to wait is counted nowhere.
    pub(crate) fn admit(
        &self,
        keys: impl IntoIterator<Item = (K, Duration)>,
    ) -> Result<(), Duration> {
        let now = self.clock.now();
        let mut remembered = self.clear_at.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counted = Vec::new();
        for (key, cost) in keys {
            let clear_at = remembered.get(&key).copied().unwrap_or(now);
            let would_be_clear_at = after(clear_at.max(now), cost);
            let wait = before(would_be_clear_at, MINUTE).duration_since(now);
            if wait.is_positive() {
                return Err(wait.unsigned_abs());
            }
            counted.push((key, would_be_clear_at));
        }
        make_room(&mut remembered, counted.len(), now);
        remembered.extend(counted);
        Ok(())
    }

    /// How many are remembered.
    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.clear_at.lock().unwrap().len()
    }
}

/// Makes room for `more`: forgets those who did nothing within a minute. When that is not enough, it forgets the half that did
/// least: they lose little, and whoever has used up an allowance stays remembered, however many others come.
fn make_room<K: Hash + Eq>(remembered: &mut HashMap<K, Timestamp>, more: usize, now: Timestamp) {
    let most = MAX_REMEMBERED.saturating_sub(more);
    if remembered.len() <= most {
        return;
    }
    remembered.retain(|_, clear_at| *clear_at > now);
    if remembered.len() > most {
        let mut times: Vec<Timestamp> = remembered.values().copied().collect();
        let (_, middle, later) = times.select_nth_unstable(remembered.len() / 2);
        // Many may have done the same. Of those in the middle only as many stay as there is room for.
        let middle = *middle;
        let surely = later.iter().filter(|time| **time > middle).count();
        let mut room = (most / 2).saturating_sub(surely);
        remembered.retain(|_, clear_at| {
            let stays = *clear_at > middle || (*clear_at == middle && room > 0);
            room -= usize::from(stays && *clear_at == middle);
            stays
        });
    }
}
