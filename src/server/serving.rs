//! Accepting connections, as many as there is room for.
//!
//! When there is no room, those connections make it that have waited longest for their clients. So a flood of clients that
//! send nothing, or send it slowly, costs only itself: whoever sends a request is answered.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use futures_util::FutureExt as _;
use hyper::server::conn::http1;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ConnectionLimits;
use super::connection;
use super::handle::Handle;
use super::listener::{Listener, Stream};
use super::open::Open;
use crate::web::{App, is_any_of};

/// How long to wait before looking again for connections that can make room, or for files that can be opened.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How often the log says that there is no room.
const SAY_EVERY: Duration = Duration::from_mins(1);

/// hyper's own bound on a head, which [`ConnectionLimits::max_head_bytes`] comes before.
const BUFFER: usize = 64 * 1024;

/// How many connections a server has room for.
#[derive(Clone, Copy)]
pub(super) struct Room {
    pub(super) connections: usize,
    /// What the log says when that is not enough.
    pub(super) full: &'static str,
}

/// What all connections of a server share.
pub(super) struct Serving {
    pub(super) routes: Router,
    pub(super) app: Arc<App>,
    pub(super) limits: ConnectionLimits,
    pub(super) http: http1::Builder,
    /// Set when no more requests are taken.
    pub(super) closing: CancellationToken,
    room: Arc<Semaphore>,
    full: &'static str,
    open: Open,
    tasks: TaskTracker,
    last_said: Mutex<Option<Instant>>,
}

impl Serving {
    pub(super) fn new(
        routes: Router,
        app: Arc<App>,
        limits: ConnectionLimits,
        room: Room,
    ) -> Arc<Self> {
        let mut http = http1::Builder::new();
        // Time is kept by the connection, which tells waiting for a request from waiting for its end.
        http.header_read_timeout(None).max_buf_size(BUFFER);
        Arc::new(Self {
            routes,
            app,
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

    /// Accepts connections until [`Serving::closing`].
    pub(super) async fn accept(self: Arc<Self>, listener: Listener) {
        loop {
            tokio::select! {
                biased;
                () = self.closing.cancelled() => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        if !self.has_share(peer) {
                            continue;
                        }
                        let Some(room) = self.make_room().await else { break };
                        self.begin(stream, peer, room);
                    }
                    Err(error) => self.cannot_accept(&error).await,
                }
            }
        }
        // Whoever was connected by the system before the listener closes is served; closing it would turn them away.
        while let Some(Ok((stream, peer))) = listener.accept().now_or_never() {
            let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
                break;
            };
            self.begin(stream, peer, room);
        }
    }

    /// Waits until every connection has ended. Call it after [`Serving::accept`] has.
    pub(super) async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn begin(self: &Arc<Self>, stream: Stream, peer: SocketAddr, room: OwnedSemaphorePermit) {
        let handle = Arc::new(Handle::new());
        let ended = Ended {
            server: Arc::clone(self),
            number: self.open.insert(Arc::clone(&handle), self.counted(peer)),
            _room: room,
        };
        let server = Arc::clone(self);
        self.tasks.spawn(async move {
            connection::serve(stream, peer, handle, server).await;
            drop(ended);
        });
    }

    /// Whether the client at `peer` may have one more connection.
    fn has_share(&self, peer: SocketAddr) -> bool {
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
    fn counted(&self, peer: SocketAddr) -> Option<IpAddr> {
        let client = peer.ip().to_canonical();
        let is_exempt = client.is_loopback() || is_any_of(client, &self.app.trusted_proxies);
        (!is_exempt).then_some(client)
    }

    /// Room for one more connection, made if need be. `None` when the server closes meanwhile.
    async fn make_room(&self) -> Option<OwnedSemaphorePermit> {
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

    /// Some errors belong to one connection that is gone again; the others mean that the system has no room.
    async fn cannot_accept(&self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
        if matches!(
            error.kind(),
            ConnectionAborted | ConnectionRefused | ConnectionReset
        ) {
            return;
        }
        self.say(&format!(
            "a connection can't be accepted: {error}; connections that wait are closed for it"
        ));
        self.open.evict();
        // Without a pause this would go round and round.
        tokio::time::sleep(LOOK_AGAIN).await;
    }

    /// A warning, now and then.
    fn say(&self, what: &str) {
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

/// Takes a connection off the list when it has ended, however it did.
struct Ended {
    server: Arc<Serving>,
    number: u64,
    _room: OwnedSemaphorePermit,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.server.open.remove(self.number);
    }
}
