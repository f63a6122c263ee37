//! Whom a sandbox answers: by which names it may be asked, and who may steer it.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
};

use axum::http::uri::Authority;

/// The other end of the connection that a request came by. Whoever serves a sandbox puts it into the request's extensions;
/// without it, a request counts as one of another machine.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Whom a sandbox answers. `Access::default()` is for one that runs alone: everybody.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The names and addresses, without a port, by which it may be asked, besides those of the loopback interface. A
    /// request with another `Host` is answered 421: a page of another site may have made its own name lead here (DNS
    /// rebinding). `None`: by any.
    pub hosts: Option<Vec<String>>,
    /// Who may use the control endpoints. A page of another site never may (403).
    pub control: ControlAccess,
}

/// Who may use the control endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlAccess {
    /// Whoever reaches the sandbox.
    #[default]
    Anybody,
    /// Whoever reaches the sandbox; other machines together so many times a minute (429, errorCode 4003).
    Limited(NonZeroU32),
    /// This machine itself, by a loopback address and without a proxy in between; others are answered 403.
    ThisMachine,
}

/// What a `Host` header names, however it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HostName {
    Address(IpAddr),
    /// In lower case, without a dot at its end.
    Domain(String),
}

impl HostName {
    /// Reads `host`, `host:port` or `[address]:port`. `None` for what is none of these.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let authority = Authority::try_from(text).ok()?;
        if authority.as_str().contains('@') {
            return None;
        }
        let host = authority.host();
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        if let Some(address) = bare {
            let address = address.parse::<Ipv6Addr>().ok()?;
            return Some(Self::Address(IpAddr::from(address).to_canonical()));
        }
        // One dot at the end ends the name; more, or nothing before it, make none.
        let host = host.strip_suffix('.').unwrap_or(host);
        if host.is_empty() || host.ends_with('.') {
            return None;
        }
        Some(match host.parse() {
            Ok(address) => Self::Address(address),
            Err(_) => Self::Domain(host.to_ascii_lowercase()),
        })
    }

    /// Whether it can mean nothing but this machine. Browsers look up `localhost` and what ends in it nowhere else (RFC 6761
    /// section 6.3).
    pub(super) fn is_loopback(&self) -> bool {
        match self {
            Self::Address(address) => address.is_loopback(),
            Self::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_loopback(text: &str) -> Option<bool> {
        HostName::read(text.as_bytes()).map(|name| name.is_loopback())
    }

    #[test]
    fn loopback_by_every_name() {
        for name in [
            "localhost",
            "LOCALHOST:8080",
            "localhost.",
            "app.localhost:1",
            "127.0.0.1:8080",
            "127.9.9.9",
            "127.0.0.1.",
            "[::1]:8080",
            "[::1]",
            "[::ffff:127.0.0.1]:80",
        ] {
            assert_eq!(is_loopback(name), Some(true), "{name}");
        }
        for name in [
            "localhost.example",
            "evil-localhost",
            "127.0.0.1.example",
            "0.0.0.0",
            "192.0.2.1:8080",
            "[2001:db8::1]",
        ] {
            assert_eq!(is_loopback(name), Some(false), "{name}");
        }
        for name in [
            "",
            "evil@localhost",
            "localhost/x",
            "[::1",
            "[localhost]",
            "a b",
            ".",
            "localhost..",
        ] {
            assert_eq!(is_loopback(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_a_name_becomes_stays_so(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Some(HostName::Domain(name)) = HostName::read(&text) {
                prop_assert_eq!(HostName::read(name.as_bytes()), Some(HostName::Domain(name)));
            }
        }
    }
}
