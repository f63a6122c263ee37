//! The way out: how many calls may be under way at once, and which may still begin when the app stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{Purpose, TransportError};

/// What every call passes on its way out. Clones are the same gate.
#[derive(Debug, Clone)]
pub struct Gate {
    calls: Arc<Semaphore>,
    no_more_tokens: Arc<AtomicBool>,
}

impl Gate {
    pub(super) fn new(max_calls: usize) -> Self {
        Self {
            calls: Arc::new(Semaphore::new(max_calls.min(Semaphore::MAX_PERMITS))),
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
        let turn = timeout(patience, Arc::clone(&self.calls).acquire_owned()).await;
        // The semaphore is never closed, so the inner error can't occur.
        let Ok(Ok(turn)) = turn else {
            return Err(TransportError::Busy("too many calls are under way"));
        };
        let spends = matches!(purpose, Purpose::CodeExchange | Purpose::Refresh);
        if spends && self.no_more_tokens.load(Ordering::SeqCst) {
            return Err(TransportError::Busy("the app is stopping"));
        }
        Ok(turn)
    }
}
