//! The sign-ins that this process is finishing. One that is noted as under way in the store and is not among them was
//! interrupted, or is another instance's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::rows::RowKey;

/// The states whose sign-ins this process is finishing, each with the number of callbacks that are at it. Cheap to clone; all
/// clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct UnderWay(Arc<Mutex<HashMap<RowKey, usize>>>);

/// A place among them. Left when it is dropped, even by a panic.
#[derive(Debug)]
pub(super) struct Entry {
    all: UnderWay,
    state: RowKey,
}

impl UnderWay {
    /// Enters `state`.
    pub(super) fn enter(&self, state: RowKey) -> Arc<Entry> {
        *self.lock().entry(state).or_default() += 1;
        Arc::new(Entry {
            all: self.clone(),
            state,
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<RowKey, usize>> {
        // Each critical section leaves the map whole, so a panic elsewhere does not make it unusable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        if let Some(callbacks) = all.get_mut(&self.state) {
            *callbacks -= 1;
            if *callbacks == 0 {
                all.remove(&self.state);
            }
        }
    }
}
