//! One clock for the app and the sandbox, moved by the test.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use smartsheet_oauth_demo::clock::Clock;

/// The hands of the clock. Clones move the same one.
#[derive(Clone)]
pub(crate) struct TestClock {
    millis: Arc<AtomicI64>,
    /// Since when it runs, if it does.
    running: Option<Instant>,
}

impl TestClock {
    /// One that stands still but for the test.
    pub(crate) fn new() -> Self {
        // The first of January 2026.
        let millis = Arc::new(AtomicI64::new(1_767_225_600_000));
        Self {
            millis,
            running: None,
        }
    }

    /// One that runs, and that the test moves besides.
    pub(crate) fn running() -> Self {
        Self {
            running: Some(Instant::now()),
            ..Self::new()
        }
    }

    pub(crate) fn pass(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap();
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> Timestamp {
        let hands = Timestamp::from_millisecond(self.millis.load(Ordering::SeqCst)).unwrap();
        hands
            + self
                .running
                .map(|since| since.elapsed())
                .unwrap_or_default()
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
