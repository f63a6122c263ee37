//! Where the time comes from: the system, or a test that moves it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

/// The current time, asked for wherever expiry depends on it. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system's clock.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is where all others ask")]
    pub fn system() -> Self {
        Self::from_fn(Timestamp::now)
    }

    /// A clock that asks `now`, for tests that move the time instead of sleeping.
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Clock({})", self.now())
    }
}

/// `from` plus `span`; at the end of the calendar, the last instant there is.
#[must_use]
pub fn after(from: Timestamp, span: Duration) -> Timestamp {
    from.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// `from` minus `span`; at the start of the calendar, the first instant there is.
#[must_use]
pub fn before(from: Timestamp, span: Duration) -> Timestamp {
    from.checked_sub(span).unwrap_or(Timestamp::MIN)
}
