//! One clock for the app and the sandbox, moved by the test.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use smartsheet_oauth_demo::clock::Clock;

/// The hands of the clock. Clones move the same one.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub(crate) fn new() -> Self {
        // The first of January 2026.
        Self(Arc::new(AtomicI64::new(1_767_225_600_000)))
    }

    pub(crate) fn pass(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap();
        self.0.fetch_add(millis, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
    }

    /// As the app takes it.
    pub(crate) fn for_app(&self) -> Clock {
        let hands = self.clone();
        Clock::from_fn(move || hands.now())
    }

    /// As the sandbox takes it.
    pub(crate) fn for_sandbox(&self) -> Arc<dyn Fn() -> Timestamp + Send + Sync> {
        let hands = self.clone();
        Arc::new(move || hands.now())
    }
}
