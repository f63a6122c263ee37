//! Where the app listens.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::parse::Expected;

/// How many bytes the path of a socket may have (`sun_path` of Linux, without the byte that ends it).
const MAX_PATH_BYTES: usize = 107;

/// `server.listen`: where the app listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// An address and a port. Port 0 is one that the system chooses.
    Tcp(SocketAddr),
    /// A socket in the file system, written `unix:/path`.
    Unix(PathBuf),
}

impl Listen {
    /// The port, where there is one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp(address) => Some(address.port()),
            Self::Unix(_) => None,
        }
    }

    /// Whether only this machine itself can connect.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }

    /// The path of the socket, where there is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(path) => Some(path),
        }
    }

    /// The scheme, host and port by which this machine itself reaches the app. By way of a socket the host says nothing.
    #[must_use]
    pub fn reachable(&self) -> String {
        match self {
            Self::Tcp(address) => format!("http://{}", reachable(*address)),
            Self::Unix(_) => "http://localhost".to_owned(),
        }
    }
}

impl fmt::Display for Listen {
    /// As it is written in the settings.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

/// An address and a port, or `unix:` and a path.
pub(super) fn parse(text: &str) -> Result<Listen, Expected> {
    let Some(path) = text.strip_prefix("unix:") else {
        return text.parse().map(Listen::Tcp).map_err(|_| {
            "expected an address and a port, such as 127.0.0.1:8080, or unix:/path/to/socket"
                .to_owned()
        });
    };
    if !cfg!(unix) {
        return Err("expected an address and a port: this system has no such sockets".to_owned());
    }
    let is_file = path.starts_with('/') && !path.ends_with('/');
    if !is_file || path.contains(char::is_control) {
        return Err("expected a whole path, such as unix:/run/demo/socket".to_owned());
    }
    if path.len() > MAX_PATH_BYTES {
        return Err(format!("expected a path of {MAX_PATH_BYTES} bytes at most"));
    }
    Ok(Listen::Unix(path.into()))
}

/// The port that platforms hand out in `PORT`: listened on at every address, because their proxies are elsewhere.
pub(super) fn parse_port(text: &str) -> Result<Listen, Expected> {
    let port: u16 = text
        .parse()
        .map_err(|_| "expected a port, such as 8080".to_owned())?;
    Ok(Listen::Tcp((Ipv4Addr::UNSPECIFIED, port).into()))
}

/// Where to reach a server of this machine that listens on `listen`: an unspecified address means all of them.
pub(super) fn reachable(mut listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    listen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_paths() {
        let tcp = parse("127.0.0.1:8080").unwrap();
        assert_eq!(tcp.port(), Some(8080));
        assert_eq!(parse("[::]:80").unwrap().reachable(), "http://[::1]:80");
        for text in ["127.0.0.1:8080", "[::1]:1", "unix:/run/demo/socket"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        let long = format!("unix:/{}", "a".repeat(MAX_PATH_BYTES));
        for wrong in [
            "",
            "8080",
            "unix:",
            "unix:socket",
            "unix:/run/",
            "unix:/a\nb",
            &long,
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn who_can_connect() {
        let is_local = |text| parse(text).unwrap().is_local();
        for local in [
            "127.0.0.1:1",
            "127.8.0.1:1",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
            "unix:/a",
        ] {
            assert!(is_local(local), "{local}");
        }
        for open in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1"] {
            assert!(!is_local(open), "{open}");
        }
    }
}
