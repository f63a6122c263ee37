//! Rate limits: so many calls a minute, as Smartsheet's for one access token.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use super::{api_error::ApiError, grants::Millis};

const WINDOW: Millis = 60_000;
/// How many callers are counted; with more, finished minutes are forgotten, and all of them when that is not enough.
const CALLERS: usize = 20_000;

/// Counts the calls of each caller within a minute. Without a limit it counts nothing.
pub(super) struct Limiter<K> {
    limit: Option<u32>,
    windows: Mutex<HashMap<K, Window>>,
}

struct Window {
    since: Millis,
    calls: u32,
}

impl<K: Copy + Eq + Hash> Limiter<K> {
    pub(super) fn new(limit: Option<u32>) -> Self {
        Self {
            limit,
            windows: Mutex::default(),
        }
    }

    /// Counts a call, or refuses it (429, errorCode 4003) and tells when the next minute starts.
    pub(super) fn take(&self, caller: &K, now: Millis) -> Result<(), ApiError> {
        let Some(limit) = self.limit else {
            return Ok(());
        };
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= CALLERS && !windows.contains_key(caller) {
            windows.retain(|_, window| window.is_open(now));
            if windows.len() >= CALLERS {
                windows.clear();
            }
        }
        let window = windows.entry(*caller).or_insert(Window {
            since: now,
            calls: 0,
        });
        if !window.is_open(now) {
            *window = Window {
                since: now,
                calls: 0,
            };
        }
        if window.calls >= limit {
            let left = (window.since + WINDOW - now).max(0);
            let seconds = u32::try_from(left.unsigned_abs().div_ceil(1000)).ok();
            return Err(ApiError::rate_limited().retry_after(seconds));
        }
        window.calls += 1;
        Ok(())
    }
}

impl Window {
    fn is_open(&self, now: Millis) -> bool {
        (self.since..self.since.saturating_add(WINDOW)).contains(&now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::Digest;

    #[test]
    fn so_many_a_minute_and_token() {
        let limiter = Limiter::new(Some(2));
        let (one, other) = (Digest::of("one"), Digest::of("other"));
        assert!(limiter.take(&one, 0).is_ok());
        assert!(limiter.take(&one, 59_999).is_ok());
        assert_eq!(limiter.take(&one, 59_999).unwrap_err().code, 4003);
        assert!(limiter.take(&other, 59_999).is_ok());
        assert!(limiter.take(&one, 60_000).is_ok());
    }

    #[test]
    fn many_tokens_take_bounded_memory() {
        let limiter = Limiter::new(Some(1));
        for number in 0..3 * CALLERS {
            limiter.take(&Digest::of(&number.to_string()), 0).unwrap();
        }
        assert!(limiter.windows.lock().unwrap().len() <= CALLERS);
    }
}
