//! The connections that are open: whose they are, and which of them can make room.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use tokio::time::Instant;

use super::client_network;
use super::handle::Handle;

/// Which part of the connections makes room at once. Finding those that waited longest means looking at all.
const EVICT_PART: usize = 256;

/// How long a connection waits for its client before it may have to make room.
const GRACE: Duration = Duration::from_millis(250);

/// Which part of all connections one client may have. A part and no number, so that whoever sets the one has set the other.
const CLIENT_PART: usize = 4;

/// What a client may have however few there are in all: a browser opens six, and a few people may share an address.
const CLIENT_LEAST: usize = 16;

/// Connections, by the order in which they came.
pub(super) struct Open {
    /// How many of them one client may have.
    for_client: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    connections: HashMap<u64, Connection>,
    /// How many each client has. Clients without any are not in it.
    counts: HashMap<IpNet, usize>,
}

struct Connection {
    handle: Arc<Handle>,
    /// `None` for those that are not counted.
    client: Option<IpNet>,
}

impl Open {
    /// None yet, of at most `connections`.
    pub(super) fn new(connections: usize) -> Self {
        Self {
            for_client: (connections / CLIENT_PART).max(CLIENT_LEAST),
            inner: Mutex::default(),
        }
    }

    /// Whether `client` may have one more. When it has all that it may, the one of its own that has waited longest for it is
    /// closed for that. Without any that waits: no.
    pub(super) fn admits(&self, client: IpAddr) -> bool {
        let open = self.lock();
        let client = client_network(client);
        let count = open.counts.get(&client).copied().unwrap_or_default();
        if count < self.for_client {
            return true;
        }
        // Those that were told to close a moment ago are still there. So it is as many as there are too many, and not one.
        let excess = count + 1 - self.for_client;
        let own = open.connections.values();
        let own = own.filter(|connection| connection.client == Some(client));
        let mut own: Vec<_> = waiting(own).collect();
        if own.len() < excess {
            return false;
        }
        own.sort_unstable_by_key(|(since, _)| *since);
        for (_, handle) in &own[..excess] {
            handle.evict();
        }
        true
    }

    /// Notes a connection, of a `client` that is counted unless it is `None`, and gives it a number.
    pub(super) fn insert(&self, handle: Arc<Handle>, client: Option<IpAddr>) -> u64 {
        let mut open = self.lock();
        let client = client.map(client_network);
        if let Some(client) = client {
            *open.counts.entry(client).or_default() += 1;
        }
        let number = open.next;
        open.next += 1;
        open.connections
            .insert(number, Connection { handle, client });
        number
    }

    /// Forgets a connection, which has ended.
    pub(super) fn remove(&self, number: u64) {
        let mut open = self.lock();
        let Some(Connection { client, .. }) = open.connections.remove(&number) else {
            return;
        };
        if let Some(client) = client
            && let Some(count) = open.counts.get_mut(&client)
        {
            *count -= 1;
            if *count == 0 {
                open.counts.remove(&client);
            }
        }
    }

    /// Closes the connections that have waited longest for their clients.
    pub(super) fn evict(&self) {
        let (mut waiting, count) = {
            let open = self.lock();
            let waiting: Vec<_> = waiting(open.connections.values())
                .map(|(since, handle)| (since, Arc::clone(handle)))
                .collect();
            (waiting, open.connections.len() / EVICT_PART + 1)
        };
        if waiting.len() > count {
            waiting.select_nth_unstable_by_key(count, |(since, _)| *since);
            waiting.truncate(count);
        }
        for (_, handle) in waiting {
            handle.evict();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that is done with it panics.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those of `connections` that have waited for their clients long enough, with since when.
fn waiting<'a>(
    connections: impl Iterator<Item = &'a Connection>,
) -> impl Iterator<Item = (Instant, &'a Arc<Handle>)> {
    let now = Instant::now();
    connections.filter_map(move |Connection { handle, .. }| {
        let since = handle.waiting_since()?;
        (now.duration_since(since) > GRACE).then_some((since, handle))
    })
}
