//! The socket that systemd listens at for the app, and hands over on start (`sd_listen_fds`).

use std::io;
use std::net::TcpListener;

use super::StartError;
use crate::server::Listener;

/// A socket that somebody else listens at for this process.
#[derive(Debug)]
pub struct HandedOver(Socket);

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener),
}

impl HandedOver {
    /// The socket that `LISTEN_FDS` and `LISTEN_PID` say this process has got, if any.
    ///
    /// Call it once, before there are other threads: it takes both out of the environment, so that no child takes them for its
    /// own.
    ///
    /// # Errors
    ///
    /// [`StartError`] when it is no socket that listens for streams, or more than one.
    #[cfg(unix)]
    pub fn take() -> Result<Option<Self>, StartError> {
        let mut sockets = listenfd::ListenFd::from_env();
        match sockets.len() {
            0 => return Ok(None),
            1 => {}
            count => {
                return Err(StartError(format!(
                    "LISTEN_FDS: systemd hands over {count} sockets; expected one, with one ListenStream"
                )));
            }
        }
        let fail = |error: io::Error| {
            StartError(format!(
                "LISTEN_FDS: what systemd hands over can't be used: {error}; expected a socket that listens (ListenStream, \
                 Accept=no)"
            ))
        };
        // A socket of the other kind stays in the list, for the next question.
        if let Ok(Some(unix)) = sockets.take_unix_listener(0) {
            return Ok(Some(Self(Socket::Unix(unix))));
        }
        let tcp = sockets.take_tcp_listener(0).map_err(fail)?;
        Ok(tcp.map(|tcp| Self(Socket::Tcp(tcp))))
    }

    /// Elsewhere there is no systemd.
    ///
    /// # Errors
    ///
    /// None.
    #[cfg(not(unix))]
    pub fn take() -> Result<Option<Self>, StartError> {
        Ok(None)
    }

    /// The socket as the server uses it. Call it within the runtime.
    pub(super) fn listener(self) -> Result<Listener, StartError> {
        let listener = match self.0 {
            Socket::Tcp(socket) => tcp(socket),
            #[cfg(unix)]
            Socket::Unix(socket) => unix(socket),
        };
        listener.map_err(|error| {
            StartError(format!(
                "LISTEN_FDS: what systemd hands over can't be used: {error}"
            ))
        })
    }
}

fn tcp(socket: TcpListener) -> io::Result<Listener> {
    socket.set_nonblocking(true)?;
    let address = socket.local_addr()?;
    let socket = tokio::net::TcpListener::from_std(socket)?;
    Ok(Listener::tcp(socket, address))
}

/// The file is systemd's, which goes on to listen.
#[cfg(unix)]
fn unix(socket: std::os::unix::net::UnixListener) -> io::Result<Listener> {
    socket.set_nonblocking(true)?;
    let address = socket.local_addr()?;
    let path = address
        .as_pathname()
        .ok_or_else(|| io::Error::other("the socket has no path"))?;
    let socket = tokio::net::UnixListener::from_std(socket)?;
    Ok(Listener::unix(socket, path, None))
}
