//! Permits that each of many has for itself, such as each session: whoever has all of its own waits for one.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// So many places for each `K`. Who has none and waits for none takes no memory. Clones share the places.
#[derive(Debug, Clone)]
pub(super) struct Permits<K: Hash + Eq> {
    places: usize,
    owners: Arc<Mutex<HashMap<K, Owner>>>,
}

/// Somebody who has places, or waits for one.
#[derive(Debug)]
struct Owner {
    places: Arc<Semaphore>,
    /// How many [`Permit`]s there are, those that wait included.
    permits: usize,
}

/// A permit. Whoever waits for it gets it when it is dropped.
#[derive(Debug)]
pub(super) struct Permit<K: Hash + Eq> {
    /// Before `_of` in this list, so that it is free again when its owner may be forgotten.
    _place: OwnedSemaphorePermit,
    _of: Wanted<K>,
}

/// That a place is wanted or taken.
#[derive(Debug)]
struct Wanted<K: Hash + Eq> {
    owner: K,
    permits: Permits<K>,
}

impl<K: Hash + Eq + Clone> Permits<K> {
    /// `places` for each.
    pub(super) fn new(places: usize) -> Self {
        Self {
            places: places.min(Semaphore::MAX_PERMITS),
            owners: Arc::default(),
        }
    }

    /// A place of `owner`'s, as soon as one is free. First come, first served.
    pub(super) async fn take(&self, owner: &K) -> Result<Permit<K>, AcquireError> {
        let places = {
            let mut owners = self.lock();
            let known = owners.entry(owner.clone()).or_insert_with(|| Owner {
                places: Arc::new(Semaphore::new(self.places)),
                permits: 0,
            });
            known.permits += 1;
            Arc::clone(&known.places)
        };
        let of = Wanted {
            owner: owner.clone(),
            permits: self.clone(),
        };
        let place = places.acquire_owned().await?;
        Ok(Permit {
            _place: place,
            _of: of,
        })
    }
}

impl<K: Hash + Eq> Permits<K> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Owner>> {
        // Nothing that is done with it panics.
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq> Drop for Wanted<K> {
    fn drop(&mut self) {
        let mut owners = self.permits.lock();
        let Some(owner) = owners.get_mut(&self.owner) else {
            return;
        };
        owner.permits -= 1;
        if owner.permits == 0 {
            owners.remove(&self.owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn now(permits: &Permits<u8>, owner: u8) -> Option<Permit<u8>> {
        permits.take(&owner).now_or_never().map(Result::unwrap)
    }

    #[test]
    fn each_has_its_own_places_and_nobody_leaves_anything_behind() {
        let permits = Permits::new(2);
        let first = now(&permits, 1).unwrap();
        let second = now(&permits, 1).unwrap();
        // Who gives up waiting leaves nothing either.
        assert!(now(&permits, 1).is_none());
        let other = now(&permits, 2).unwrap();
        drop(first);
        let third = now(&permits, 1).unwrap();
        assert_eq!(permits.lock().len(), 2);
        assert_eq!(permits.lock()[&1].permits, 2);
        drop((second, third, other));
        assert!(permits.lock().is_empty());
    }

    #[test]
    fn whoever_waits_first_is_served_first() {
        let permits = Permits::new(1);
        let first = now(&permits, 1).unwrap();
        let mut second = Box::pin(permits.take(&1));
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        assert!(now(&permits, 1).is_none());
        assert!(second.as_mut().now_or_never().is_some());
    }
}
