//! What arrived at the API, for tests that count requests. It holds no secret.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use axum::http::{Method, StatusCode};
use serde::Serialize;

const ENTRIES: usize = 10_000;
const PATH_LENGTH: usize = 200;

/// The latest requests, oldest first; beyond 10,000 the oldest are forgotten.
#[derive(Default)]
pub(super) struct RequestLog(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    list: VecDeque<Entry>,
    /// The number of the first in `list`.
    first: u64,
}

/// One request, as `GET /control/requests` tells it.
#[derive(Clone, Serialize)]
pub(super) struct Entry {
    method: String,
    /// Without the query and without the prefix that the sandbox is mounted under.
    path: String,
    /// 0 as long as there is no answer: it is being made, the client went away, or the connection was reset.
    status: u16,
    /// For token requests of one of the two known grant types.
    #[serde(skip_serializing_if = "Option::is_none")]
    grant_type: Option<&'static str>,
}

impl RequestLog {
    /// Notes a request that arrived; the number is for [`RequestLog::answered`].
    pub(super) fn arrived(
        &self,
        method: &Method,
        path: &str,
        grant_type: Option<&'static str>,
    ) -> u64 {
        let entry = Entry {
            method: method.as_str().chars().take(PATH_LENGTH).collect(),
            path: path.chars().take(PATH_LENGTH).collect(),
            status: 0,
            grant_type,
        };
        let mut entries = self.lock();
        if entries.list.len() == ENTRIES {
            entries.list.pop_front();
            entries.first += 1;
        }
        entries.list.push_back(entry);
        entries.first + entries.list.len() as u64 - 1
    }

    /// Notes what the request was answered with.
    pub(super) fn answered(&self, number: u64, status: StatusCode) {
        let mut entries = self.lock();
        let place = number.checked_sub(entries.first);
        let place = place.and_then(|place| usize::try_from(place).ok());
        if let Some(entry) = place.and_then(|place| entries.list.get_mut(place)) {
            entry.status = status.as_u16();
        }
    }

    /// A copy of the list.
    pub(super) fn list(&self) -> Vec<Entry> {
        self.lock().list.iter().cloned().collect()
    }

    /// Empties the list. A request that is still being answered does not come back.
    pub(super) fn clear(&self) {
        let mut entries = self.lock();
        entries.first += entries.list.len() as u64;
        entries.list.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_outlive_clearing_and_overflow() {
        let log = RequestLog::default();
        let before = log.arrived(&Method::GET, "/2.0/a", None);
        log.clear();
        let number = log.arrived(&Method::GET, "/2.0/b", None);
        log.answered(before, StatusCode::IM_A_TEAPOT);
        log.answered(number, StatusCode::OK);
        assert_eq!(log.list()[0].status, 200);
        for _ in 0..ENTRIES + 5 {
            log.arrived(&Method::GET, &"x".repeat(5_000), None);
        }
        log.answered(number, StatusCode::IM_A_TEAPOT);
        assert_eq!(log.list().len(), ENTRIES);
        assert!(
            log.list()
                .iter()
                .all(|entry| entry.path.len() == PATH_LENGTH)
        );
    }
}
