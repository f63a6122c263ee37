//! Accepting connections and serving each, until the server closes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::OwnedSemaphorePermit;

use super::connection;
use super::handle::Handle;
use super::listener::{Listener, Stream};
use super::serving::{LOOK_AGAIN, Serving};

/// Accepts connections until [`Serving::closing`].
pub(super) async fn accept(serving: Arc<Serving>, listener: Listener) {
    loop {
        tokio::select! {
            biased;
            () = serving.closing.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    if !serving.has_share(peer) {
                        continue;
                    }
                    let Some(room) = serving.make_room().await else { break };
                    begin(&serving, stream, peer, room);
                }
                Err(error) => cannot_accept(&serving, &error).await,
            }
        }
    }
    // Whoever was connected by the system before the listener closes is served; closing it would turn them away.
    while let Some(Ok((stream, peer))) = listener.accept().now_or_never() {
        let Ok(room) = Arc::clone(&serving.room).try_acquire_owned() else {
            break;
        };
        begin(&serving, stream, peer, room);
    }
}

fn begin(serving: &Arc<Serving>, stream: Stream, peer: SocketAddr, room: OwnedSemaphorePermit) {
    let handle = Arc::new(Handle::new());
    let ended = Ended {
        server: Arc::clone(serving),
        number: serving
            .open
            .insert(Arc::clone(&handle), serving.counted(peer)),
        _room: room,
    };
    let server = Arc::clone(serving);
    serving.tasks.spawn(async move {
        connection::serve(stream, peer, handle, server).await;
        drop(ended);
    });
}

/// Some errors belong to one connection that is gone again; the others mean that the system has no room.
async fn cannot_accept(serving: &Serving, error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    ) {
        return;
    }
    serving.say(&format!(
        "a connection can't be accepted: {error}; connections that wait are closed for it"
    ));
    serving.open.evict();
    // Without a pause this would go round and round.
    tokio::time::sleep(LOOK_AGAIN).await;
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
