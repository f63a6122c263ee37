//! What headers say of the host and the scheme of a request: bytes, until they are proven to be more.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use url::Host;

/// The longest host that is looked at, in bytes: a name of 253 (RFC 1035 section 2.3.4), a dot and a port.
const MAX_HOST: usize = 260;

/// A host as `Host` names it.
pub(super) struct Authority {
    /// In small letters, without a dot at its end.
    pub(super) name: String,
    pub(super) port: Option<u16>,
    /// Whether there was a dot at its end.
    pub(super) has_dot: bool,
}

impl Authority {
    /// `bytes` as a name or address with or without a port (RFC 9110 section 7.2), and nothing else.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_HOST {
            return None;
        }
        let text = std::str::from_utf8(bytes).ok()?;
        // Behind the last bracket, where addresses of IPv6 have colons of their own.
        let end_of_address = text.rfind(']').map_or(0, |index| index + 1);
        let (name, port) = match text[end_of_address..].find(':') {
            None => (text, None),
            Some(index) => {
                let (name, port) = text.split_at(end_of_address + index);
                let digits = &port[1..];
                let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
                (name, Some(is_number.then(|| digits.parse().ok())??))
            }
        };
        let (name, has_dot) = match name.strip_suffix('.') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let is_name = !name.is_empty() && name.bytes().all(is_part_of_host);
        is_name.then(|| Self {
            name: name.to_ascii_lowercase(),
            port,
            has_dot,
        })
    }

    /// Whether it is this machine by one of its own names.
    pub(super) fn is_loopback(&self) -> bool {
        match Host::parse(&self.name) {
            Ok(Host::Domain(name)) => name == "localhost",
            Ok(Host::Ipv4(address)) => address.is_loopback(),
            Ok(Host::Ipv6(address)) => address.is_loopback(),
            Err(_) => false,
        }
    }
}

/// What names and addresses are made of.
pub(super) fn is_part_of_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte)
}

/// The one value of `name`, if there is any. `None` when there are several: whoever reads another one is led astray.
#[allow(
    clippy::option_option,
    reason = "no such header, and no way to tell, are two things"
)]
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Option<&'a [u8]>> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    match values.next() {
        None => Some(value.map(HeaderValue::as_bytes)),
        Some(_) => None,
    }
}

/// Whether a scheme is that of TLS. Some proxies name a WebSocket's.
pub(super) fn is_https_by(scheme: &[u8]) -> Option<bool> {
    match scheme.to_ascii_lowercase().as_slice() {
        b"https" | b"wss" => Some(true),
        b"http" | b"ws" => Some(false),
        _ => None,
    }
}
