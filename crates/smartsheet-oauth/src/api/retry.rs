//! Trying again: how often, and how long to wait.

use std::time::Duration;

use rand::RngExt as _;

/// How calls are repeated that Smartsheet says may pass. Bounded, exponential, jittered; `Retry-After` makes a wait longer, never
/// shorter.
///
/// Smartsheet's own SDKs go on for 15 to 30 seconds; a person looking at a page does not, so this is a few quick tries.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// How often a call is sent at most.
    pub tries: u32,
    /// The longest wait before the second try; doubled before each further one.
    pub first_wait: Duration,
    /// The longest `Retry-After` that is waited for. When Smartsheet asks for more, it is the caller's to pass on.
    pub longest_wait: Duration,
}

impl Default for Retry {
    /// 4 tries: at once, then after at most 0.2, 0.4 and 0.8 seconds, or as long as `Retry-After` asks, up to 3 seconds.
    fn default() -> Self {
        Self {
            tries: 4,
            first_wait: Duration::from_millis(200),
            longest_wait: Duration::from_secs(3),
        }
    }
}

impl Retry {
    /// How long to wait before try number `next` (2 is the first repetition). `None`: don't try again.
    pub(super) fn wait_before(&self, next: u32, retry_after: Option<Duration>) -> Option<Duration> {
        if next > self.tries {
            return None;
        }
        let asked = retry_after.unwrap_or_default();
        if asked > self.longest_wait {
            return None;
        }
        let factor = 2_u32.saturating_pow(next.saturating_sub(2));
        let longest = self.first_wait.saturating_mul(factor);
        // Between half and all of it, so that clients that failed together don't come back together.
        let ours = longest.mul_f64(rand::rng().random_range(0.5..=1.0));
        // Servers also send 0, and dates that have just passed.
        Some(asked.max(ours))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end() {
        let retry = Retry::default();
        for (next, longest) in [(2, 200), (3, 400), (4, 800)] {
            let longest = Duration::from_millis(longest);
            for _ in 0..100 {
                let wait = retry.wait_before(next, None).unwrap();
                assert!(wait >= longest / 2 && wait <= longest, "{wait:?}");
            }
        }
        assert_eq!(retry.wait_before(5, None), None);
    }

    #[test]
    fn retry_after_is_honoured_or_passed_on() {
        let retry = Retry::default();
        let second = Duration::from_secs(1);
        assert_eq!(retry.wait_before(2, Some(second)), Some(second));
        assert_eq!(retry.wait_before(2, Some(60 * second)), None);
        assert!(retry.wait_before(4, Some(Duration::ZERO)) >= Some(retry.first_wait * 2));
        assert_eq!(retry.wait_before(5, Some(second)), None);
    }
}
