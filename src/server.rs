//! Serving connections: how many there may be, how long each may take, and an end in good order.
//!
//! It gets routes, limits and hooks, and knows nothing of what the routes do. So it can be read, tested and taken alone.

mod accepting;
mod bodies;
mod client;
mod connection;
mod handle;
mod limits;
mod listener;
mod open;
#[cfg(unix)]
mod removed_file;
mod serving;
mod socket;
#[cfg(unix)]
mod socket_file;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use ipnet::IpNet;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) use client::network;
pub use client::{Peer, client_network, is_any_of};
pub use limits::{BodyOverdue, ConnectionLimits, MAX_URL_BYTES};
pub use listener::{At, BACKLOG, Listener};
use serving::Serving;
#[cfg(unix)]
pub(crate) use socket_file::SocketFile;

/// How many connections a server has room for.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// As many as this at a time, one at least.
    pub connections: usize,
    /// What the log says when that is not enough.
    pub full: &'static str,
}

/// What a server asks of whom it serves.
#[derive(Clone)]
pub struct Hooks {
    /// Peers that bring the requests of many clients. Their connections are not counted as one client's.
    pub proxies: Vec<IpNet>,
    /// The bytes to send to a client at this address whose request was too long (431, or 414) or too slow (408) to become one.
    pub refuse: Arc<dyn Fn(IpAddr, StatusCode) -> Vec<u8> + Send + Sync>,
    /// Set when every answer is to end its connection, since the process is about to stop.
    pub stopping: CancellationToken,
}

/// A server at work, until [`Server::close`] or [`Server::abort`].
pub struct Server {
    serving: Arc<Serving>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Serves `routes` to whoever comes to `listener`. Each request has its [`Peer`] among its extensions. Call it within a
    /// runtime.
    #[must_use]
    pub fn start(
        listener: Listener,
        routes: Router,
        hooks: Hooks,
        limits: ConnectionLimits,
        room: Room,
    ) -> Self {
        let serving = Serving::new(routes, hooks, limits, room);
        let accepting = tokio::spawn(accepting::accept(Arc::clone(&serving), listener));
        Self { serving, accepting }
    }

    /// Takes no more connections than those that came already. Requests under way are answered, and end theirs.
    pub fn close(&self) {
        self.serving.closing.cancel();
    }

    /// Waits until every connection has ended. Call it after [`Server::close`].
    pub async fn ended(&mut self) {
        // The task ends by itself; should it have panicked, nothing is accepted any more either.
        let _ = (&mut self.accepting).await;
        self.serving.ended().await;
    }

    /// Ends it at once, without an answer to requests under way.
    pub fn abort(&self) {
        self.serving.closing.cancel();
        self.accepting.abort();
    }
}
