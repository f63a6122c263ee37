//! Places to listen at, taken first and opened last.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

use super::StartError;
use super::handed_over::HandedOver;
use crate::config::{Listen, Settings};
use crate::server::{At, BACKLOG, Listener};

/// A place that is taken, so that a second start fails at once, but not listened at yet: a port that is open means that the app
/// can serve.
pub(super) struct Bound<'a> {
    place: Place,
    settings: &'a Settings,
    name: &'static str,
}

enum Place {
    Tcp(TcpSocket, SocketAddr),
    #[cfg(unix)]
    File(crate::server::SocketFile),
    /// Somebody else listens already, for this process: connections wait until they are accepted.
    HandedOver(Listener),
}

impl<'a> Bound<'a> {
    /// Takes what `server.listen` says, or what was handed over instead.
    pub(super) async fn take(
        settings: &'a Settings,
        handed_over: Option<HandedOver>,
    ) -> Result<Self, StartError> {
        let name = "server.listen";
        let place = match (handed_over, &settings.server.listen) {
            (Some(handed_over), _) => Place::HandedOver(handed_over.listener()?),
            (None, Listen::Tcp(address)) => return Self::take_address(settings, name, *address),
            #[cfg(unix)]
            (None, Listen::Unix(path)) => {
                let file = crate::server::SocketFile::take(path).await;
                Place::File(file.map_err(|problem| cannot_listen(settings, name, &problem))?)
            }
            #[cfg(not(unix))]
            (None, Listen::Unix(_)) => {
                let problem = "this system has no such sockets; expected an address and a port";
                return Err(cannot_listen(settings, name, problem));
            }
        };
        Ok(Self {
            place,
            settings,
            name,
        })
    }

    /// Takes `address`, which the setting `name` says.
    pub(super) fn take_address(
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
            let address = socket.local_addr()?;
            Ok(Place::Tcp(socket, address))
        });
        let place = bound
            .map_err(|error| cannot_listen(settings, name, &cannot_listen_on(address, &error)))?;
        Ok(Self {
            place,
            settings,
            name,
        })
    }

    /// Where it is: the port is the real one.
    pub(super) fn at(&self) -> Listen {
        match &self.place {
            Place::Tcp(_, address) => Listen::Tcp(*address),
            #[cfg(unix)]
            Place::File(file) => Listen::Unix(file.path().to_owned()),
            Place::HandedOver(listener) => match listener.at() {
                At::Port(address) => Listen::Tcp(*address),
                At::File(path) => Listen::Unix(path.clone()),
            },
        }
    }

    pub(super) fn listen(self) -> Result<Listener, StartError> {
        let Self {
            place,
            settings,
            name,
        } = self;
        let listener = match place {
            Place::Tcp(socket, address) => socket
                .listen(BACKLOG)
                .map(|listener| Listener::tcp(listener, address))
                .map_err(|error| cannot_listen_on(address, &error)),
            #[cfg(unix)]
            Place::File(file) => file.listen(),
            Place::HandedOver(listener) => Ok(listener),
        };
        listener.map_err(|problem| cannot_listen(settings, name, &problem))
    }
}

fn cannot_listen_on(address: SocketAddr, error: &std::io::Error) -> String {
    format!(
        "can't listen on {address}: {error}; expected an address of this machine with a free port"
    )
}

fn cannot_listen(settings: &Settings, name: &'static str, problem: &str) -> StartError {
    StartError(format!("{name} ({}): {problem}", settings.origin(name)))
}
