//! The way out: how many calls may be under way at once, and which may still begin when the app stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{Limits, Purpose, TransportError};

/// Which part of the calls is kept for token requests. When Smartsheet is slow, visits take all the others; people can
/// still sign in and out, and tokens are refreshed in time.
const RESERVED_PART: usize = 8;

/// What every call passes on its way out. Clones are the same gate.
#[derive(Debug, Clone)]
pub struct Gate {
    /// The calls that may begin, whatever they are for.
    calls: Arc<Semaphore>,
    /// Those that only token requests may be.
    reserve: Arc<Semaphore>,
    /// Answers that are passed on as they come. Their calls have left: a slow reader must not keep others from beginning one.
    streams: Arc<Semaphore>,
    no_more_tokens: Arc<AtomicBool>,
}

impl Gate {
    pub(super) fn new(limits: &Limits) -> Self {
        let max_calls = limits.max_calls.min(Semaphore::MAX_PERMITS);
        let reserved = max_calls / RESERVED_PART;
        Self {
            calls: Arc::new(Semaphore::new(max_calls - reserved)),
            reserve: Arc::new(Semaphore::new(reserved)),
            streams: Arc::new(Semaphore::new(
                limits.max_streams.min(Semaphore::MAX_PERMITS),
            )),
            no_more_tokens: Arc::default(),
        }
    }

    /// From now on, no code is exchanged and no token refreshed: the answer could come when nobody can store it any more,
    /// and what was spent for it would be lost. Calls under way go on.
    pub fn stop_token_requests(&self) {
        self.no_more_tokens.store(true, Ordering::SeqCst);
    }

    /// Waits for its turn, for `patience` at most. The call is over when what is given back is dropped.
    pub(super) async fn pass(
        &self,
        purpose: Purpose,
        patience: Duration,
    ) -> Result<OwnedSemaphorePermit, TransportError> {
        let turn = timeout(patience, self.turn(purpose)).await;
        // The semaphores are never closed, so the inner error can't occur.
        let Ok(Ok(turn)) = turn else {
            return Err(TransportError::Busy("too many calls are under way"));
        };
        let spends = matches!(purpose, Purpose::CodeExchange | Purpose::Refresh);
        if spends && self.no_more_tokens.load(Ordering::SeqCst) {
            return Err(TransportError::Busy("the app is stopping"));
        }
        Ok(turn)
    }

    /// Waits for room for one more answer that is passed on, for `patience` at most. It is over when what is given back is dropped.
    pub(super) async fn stream(
        &self,
        patience: Duration,
    ) -> Result<OwnedSemaphorePermit, TransportError> {
        let streams = Arc::clone(&self.streams);
        match timeout(patience, streams.acquire_owned()).await {
            Ok(Ok(stream)) => Ok(stream),
            _ => Err(TransportError::Busy("too many answers are passed on")),
        }
    }

    async fn turn(&self, purpose: Purpose) -> Result<OwnedSemaphorePermit, AcquireError> {
        let calls = Arc::clone(&self.calls).acquire_owned();
        let is_token_request = matches!(
            purpose,
            Purpose::CodeExchange | Purpose::Refresh | Purpose::Revocation
        );
        if !is_token_request {
            return calls.await;
        }
        let reserve = Arc::clone(&self.reserve).acquire_owned();
        tokio::select! {
            biased;
            turn = calls => turn,
            turn = reserve => turn,
        }
    }
}
