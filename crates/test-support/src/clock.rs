//! A clock that tests move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use smartsheet_oauth_demo::clock::Clock;

/// One clock for the app and the sandbox. Clones move the same one.
#[derive(Debug, Clone)]
pub struct TestClock {
    millis: Arc<AtomicI64>,
    /// Since when it runs, if it does.
    running: Option<Instant>,
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl TestClock {
    /// One that stands still but for the test, at the first of January 2026.
    #[must_use]
    pub fn new() -> Self {
        Self::at(1_767_225_600_000)
    }

    /// The system's, which a browser goes by as well, until the test moves it.
    #[must_use]
    pub fn real() -> Self {
        Self {
            running: Some(Instant::now()),
            ..Self::at(Timestamp::now().as_millisecond())
        }
    }

    fn at(millis: i64) -> Self {
        Self {
            millis: Arc::new(AtomicI64::new(millis)),
            running: None,
        }
    }

    /// One that runs from there, and that the test moves besides.
    #[must_use]
    pub fn running() -> Self {
        Self {
            running: Some(Instant::now()),
            ..Self::new()
        }
    }

    /// Moves it.
    pub fn pass(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap();
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let hands = Timestamp::from_millisecond(self.millis.load(Ordering::SeqCst)).unwrap();
        hands
            + self
                .running
                .map(|since| since.elapsed())
                .unwrap_or_default()
    }

    /// As the app takes it.
    #[must_use]
    pub fn for_app(&self) -> Clock {
        let hands = self.clone();
        Clock::from_fn(move || hands.now())
    }

    /// As the sandbox takes it.
    #[must_use]
    pub fn for_sandbox(&self) -> Arc<dyn Fn() -> Timestamp + Send + Sync> {
        let hands = self.clone();
        Arc::new(move || hands.now())
    }
}
