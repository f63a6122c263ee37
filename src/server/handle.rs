//! What a connection is doing and since when, for whoever watches the time or needs room.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::ConnectionLimits;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing has come yet.
    Silent,
    /// A request was answered, and no other has begun.
    Idle,
    /// A request's head is arriving.
    Head,
    /// A request is being answered. How long that may take is the pages' business.
    Busy,
    /// A request is being answered, and whoever answers it waits for more of its body. How long that may take, the body
    /// knows itself.
    Body,
}

/// How many bits a [`Phase`] takes.
const PHASE_BITS: u32 = 3;

/// How little time a request's head has left when the server stops.
const HEAD_WHILE_CLOSING: Duration = Duration::from_millis(500);

/// One connection, as the rest of the server sees it. Written by the connection's own task alone.
#[derive(Debug)]
pub(super) struct Handle {
    opened: Instant,
    /// The phase in the lowest [`PHASE_BITS`]; above them the milliseconds from `opened` until it began. In one number, so that
    /// nobody sees the one without the other, at the price of no lock.
    state: AtomicU64,
    /// Milliseconds from `opened` until the client stopped taking what is sent to it; 0 while it takes it.
    stalled: AtomicU64,
    /// Whether a request's body was given up before its end, so that more of it may be on its way.
    body_left: AtomicBool,
    evict: Notify,
}

impl Handle {
    pub(super) fn new() -> Self {
        Self {
            opened: Instant::now(),
            state: AtomicU64::new(Phase::Silent as u64),
            stalled: AtomicU64::new(0),
            body_left: AtomicBool::new(false),
            evict: Notify::new(),
        }
    }

    pub(super) fn begin(&self, phase: Phase) {
        self.set(phase, self.age());
    }

    /// Whoever answers the request waits for its body, whose head ended at `since`. However many bytes come in between, the
    /// client has kept the app waiting from then on, as it does with a head.
    pub(super) fn wait_for_body(&self, since: Instant) {
        self.set(Phase::Body, millis(since.duration_since(self.opened)));
    }

    /// What the request's reader waited for has come, or is waited for no more.
    pub(super) fn go_on(&self) {
        if self.phase() == Phase::Body {
            self.begin(Phase::Busy);
        }
    }

    fn set(&self, phase: Phase, at: u64) {
        let state = at << PHASE_BITS | phase as u64;
        self.state.store(state, Ordering::Relaxed);
    }

    /// Milliseconds since the connection was opened.
    fn age(&self) -> u64 {
        millis(self.opened.elapsed())
    }

    /// The client takes nothing of what is sent to it.
    pub(super) fn stall(&self) {
        if self.stalled.load(Ordering::Relaxed) == 0 {
            self.stalled.store(self.age().max(1), Ordering::Relaxed);
        }
    }

    /// The client has taken all that was sent to it.
    pub(super) fn flow(&self) {
        self.stalled.store(0, Ordering::Relaxed);
    }

    fn stalled_since(&self) -> Option<Instant> {
        let millis = self.stalled.load(Ordering::Relaxed);
        (millis > 0).then(|| self.opened + Duration::from_millis(millis))
    }

    /// Since when the connection has waited for its client. `None` while it is the client who waits.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        match self.now() {
            (Phase::Busy, _) => self.stalled_since(),
            (_, since) => Some(since),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.now().0
    }

    /// The phase, and when it began.
    fn now(&self) -> (Phase, Instant) {
        let state = self.state.load(Ordering::Relaxed);
        let phase = match state & ((1 << PHASE_BITS) - 1) {
            0 => Phase::Silent,
            1 => Phase::Idle,
            2 => Phase::Head,
            3 => Phase::Busy,
            _ => Phase::Body,
        };
        let since = Duration::from_millis(state >> PHASE_BITS);
        (phase, self.opened + since)
    }

    /// When the client has taken too long for what it is about. `None`: it is not the client who is waited for.
    pub(super) fn deadline(&self, limits: &ConnectionLimits, closing: bool) -> Option<Instant> {
        let (phase, since) = self.now();
        let header_timeout = if closing {
            limits.header_timeout.min(HEAD_WHILE_CLOSING)
        } else {
            limits.header_timeout
        };
        let stalled = self
            .stalled_since()
            .map(|since| since + limits.send_timeout);
        let late = match phase {
            Phase::Silent | Phase::Head => Some(since + header_timeout),
            Phase::Idle => Some(since + limits.idle_timeout),
            Phase::Busy | Phase::Body => None,
        };
        late.into_iter().chain(stalled).min()
    }

    /// Asks the connection to make room for another, unless its client has begun to wait by then.
    pub(super) fn evict(&self) {
        self.evict.notify_one();
    }

    pub(super) async fn evicted(&self) {
        loop {
            self.evict.notified().await;
            if self.waiting_since().is_some() {
                return;
            }
        }
    }

    pub(super) fn leave_body(&self) {
        self.body_left.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_left_body(&self) -> bool {
        self.body_left.load(Ordering::Relaxed)
    }
}

/// Milliseconds, of which a connection's life has fewer than there are.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX >> PHASE_BITS)
}
