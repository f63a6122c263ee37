//! What connections come from: a port, or a socket in the file system.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};
use tokio_util::either::Either;

/// How many connections may wait to be accepted.
pub const BACKLOG: u32 = 1024;

/// A connection, by either way.
#[cfg(unix)]
pub(super) type Stream = Either<TcpStream, UnixStream>;
#[cfg(not(unix))]
pub(super) type Stream = Either<TcpStream, TcpStream>;

/// Who comes by a socket's file has no address. Nobody but this machine itself can.
const THIS_MACHINE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Where connections come in.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    at: At,
    /// Removes the file when nobody listens any more.
    #[cfg(unix)]
    _file: Option<super::removed_file::Removed>,
}

/// Where a listener is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// At a port of this machine.
    Port(SocketAddr),
    /// At a socket in the file system.
    File(std::path::PathBuf),
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl Listener {
    /// Connections to a port; `address` is where that is.
    #[must_use]
    pub fn tcp(listener: TcpListener, address: SocketAddr) -> Self {
        Self {
            socket: Socket::Tcp(listener),
            at: At::Port(address),
            #[cfg(unix)]
            _file: None,
        }
    }

    /// Connections to the socket at `path`, which is removed with `file`, if that is given.
    #[cfg(unix)]
    pub(crate) fn unix(
        listener: UnixListener,
        path: &std::path::Path,
        file: Option<super::removed_file::Removed>,
    ) -> Self {
        Self {
            socket: Socket::Unix(listener),
            at: At::File(path.to_owned()),
            _file: file,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn at(&self) -> &At {
        &self.at
    }

    /// The next connection, and whom it is from.
    pub(super) async fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Either::Left(stream), peer))
            }
            #[cfg(unix)]
            Socket::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Either::Right(stream), THIS_MACHINE))
            }
        }
    }
}

/// Waits until there is something to read, or the connection has ended.
pub(super) async fn readable(stream: &Stream) -> io::Result<()> {
    match stream {
        Either::Left(stream) => stream.readable().await,
        Either::Right(stream) => stream.readable().await,
    }
}

/// Has the system send each write at once instead of waiting for more (`TCP_NODELAY`). A socket in the file system never waits.
pub(super) fn send_at_once(stream: &Stream) {
    if let Either::Left(stream) = stream {
        // Without it answers arrive all the same, some milliseconds later.
        let _ = stream.set_nodelay(true);
    }
}
