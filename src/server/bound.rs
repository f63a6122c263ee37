//! Addresses to listen on, taken first and opened last.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

use super::StartError;
use crate::config::Settings;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// An address that is taken, so that a second start fails at once, but not listened on yet: a port that is open means that
/// the app can serve.
pub(super) struct Bound<'a> {
    socket: TcpSocket,
    settings: &'a Settings,
    name: &'static str,
    address: SocketAddr,
}

impl<'a> Bound<'a> {
    /// Takes `address`, which the setting `name` says.
    pub(super) fn take(
        settings: &'a Settings,
        name: &'static str,
        address: SocketAddr,
    ) -> Result<Self, StartError> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        };
        let bound = socket.and_then(|socket| {
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            Ok(socket)
        });
        let socket = bound.map_err(|error| cannot_listen(settings, name, address, &error))?;
        Ok(Self {
            socket,
            settings,
            name,
            address,
        })
    }

    pub(super) fn listen(self) -> Result<TcpListener, StartError> {
        let Self {
            socket,
            settings,
            name,
            address,
        } = self;
        let listener = socket.listen(BACKLOG);
        listener.map_err(|error| cannot_listen(settings, name, address, &error))
    }
}

fn cannot_listen(
    settings: &Settings,
    name: &'static str,
    address: SocketAddr,
    error: &std::io::Error,
) -> StartError {
    StartError(format!(
        "{name} ({}): can't listen on {address}: {error}; expected an address of this machine with a free port",
        settings.origin(name)
    ))
}
