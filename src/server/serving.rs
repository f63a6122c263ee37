//! What all connections of a server share: as many as there is room for.
//!
//! When there is no room, those connections make it that have waited longest for their clients. So a flood of clients that
//! send nothing, or send it slowly, costs only itself: whoever sends a request is answered.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::open::Open;
use super::{ConnectionLimits, Hooks, Room, is_any_of};

/// How long to wait before looking again for connections that can make room, or for files that can be opened.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How often the log says that there is no room.
const SAY_EVERY: Duration = Duration::from_mins(1);

/// hyper's own bound on a head, which [`ConnectionLimits::max_head_bytes`] comes before.
const BUFFER: usize = 64 * 1024;

/// What all connections of a server share.
pub(super) struct Serving {
    pub(super) routes: Router,
    pub(super) hooks: Hooks,
    pub(super) limits: ConnectionLimits,
    pub(super) http: http1::Builder,
    /// Set when no more requests are taken.
    pub(super) closing: CancellationToken,
    pub(super) room: Arc<Semaphore>,
    full: &'static str,
    pub(super) open: Open,
    pub(super) tasks: TaskTracker,
    last_said: Mutex<Option<Instant>>,
}

impl Serving {
    pub(super) fn new(
        routes: Router,
        hooks: Hooks,
        limits: ConnectionLimits,
        room: Room,
    ) -> Arc<Self> {
        let mut http = http1::Builder::new();
        // Time is kept by the connection, which tells waiting for a request from waiting for its end.
        http.header_read_timeout(None).max_buf_size(BUFFER);
        Arc::new(Self {
            routes,
            hooks,
            limits,
            http,
            closing: CancellationToken::new(),
            room: Arc::new(Semaphore::new(room.connections)),
            full: room.full,
            open: Open::new(room.connections),
            tasks: TaskTracker::new(),
            last_said: Mutex::default(),
        })
    }

    /// Waits until every connection has ended. Call it after the task that accepts has.
    pub(super) async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Whether the client at `peer` may have one more connection.
    pub(super) fn has_share(&self, peer: SocketAddr) -> bool {
        let has_share = self
            .counted(peer)
            .is_none_or(|client| self.open.admits(client));
        if !has_share {
            let client = peer.ip();
            self.say(&format!(
                "{client} has its share of the connections and waits for an answer on each: more of it are closed"
            ));
        }
        has_share
    }

    /// The client whose connections are counted. Not those of a proxy, who brings many clients, nor of this machine, on which
    /// there may be a proxy that nobody listed.
    pub(super) fn counted(&self, peer: SocketAddr) -> Option<IpAddr> {
        let client = peer.ip().to_canonical();
        let is_exempt = client.is_loopback() || is_any_of(client, &self.hooks.proxies);
        (!is_exempt).then_some(client)
    }

    /// Room for one more connection, made if need be. `None` when the server closes meanwhile.
    pub(super) async fn make_room(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(room) = Arc::clone(&self.room).try_acquire_owned() {
            return Some(room);
        }
        self.say(self.full);
        loop {
            self.open.evict();
            tokio::select! {
                room = Arc::clone(&self.room).acquire_owned() => return room.ok(),
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                () = self.closing.cancelled() => return None,
            }
        }
    }

    /// A warning, now and then.
    pub(super) fn say(&self, what: &str) {
        let mut last = self
            .last_said
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() > SAY_EVERY) {
            *last = Some(Instant::now());
            tracing::warn!("{what}");
        }
    }
}
