//! Who the client is: the peer of the connection, or whom a trusted proxy names.

use std::net::{IpAddr, SocketAddr};

use axum::extract::Request;
use axum::http::HeaderMap;
use ipnet::IpNet;

use crate::server::{Peer, is_any_of};

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Whom a request came from, in the request's extensions if it came by a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClientAddress(pub(super) IpAddr);

impl ClientAddress {
    /// The client of `request`, if it came by a connection.
    pub(super) fn of(request: &Request, trusted: &[IpNet]) -> Option<Self> {
        let Peer(peer) = request.extensions().get()?;
        Some(Self(client(request.headers(), *peer, trusted)))
    }
}

/// The address that the last trusted proxy saw. Each proxy adds, at the end of `X-Forwarded-For`, whom it was called by; what
/// stands before the first address that no trusted proxy added, anybody may have made up, and it is not looked at. When what
/// a trusted proxy added can't be read, that proxy is the farthest that is known.
fn client(headers: &HeaderMap, peer: IpAddr, trusted: &[IpNet]) -> IpAddr {
    let mut client = peer.to_canonical();
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    // As bytes: a client may have sent any before a proxy added its own.
    let mut entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    while is_any_of(client, trusted) {
        let Some(address) = entries.next().and_then(address) else {
            break;
        };
        client = address;
    }
    client
}

/// An address, with or without a port, which some proxies add.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry.trim_ascii()).ok()?;
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse::<IpAddr>();
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
    let address = address.or_else(|_| with_port()).ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    /// Whom a request is from, with these lines of `X-Forwarded-For`, when `10.0.0.0/8` and `::1` are trusted.
    fn from(peer: &str, lines: &[&str]) -> String {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        from_bytes(peer, &lines)
    }

    fn from_bytes(peer: &str, lines: &[&[u8]]) -> String {
        let trusted = ["10.0.0.0/8", "::1/128"].map(|network| network.parse().unwrap());
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line).unwrap());
        }
        client(&headers, peer.parse().unwrap(), &trusted).to_string()
    }

    #[test]
    fn who_is_not_trusted_is_not_believed() {
        assert_eq!(from("192.0.2.1", &["203.0.113.7"]), "192.0.2.1");
        assert_eq!(from("::ffff:192.0.2.1", &["203.0.113.7"]), "192.0.2.1");
        assert_eq!(from("2001:db8::1", &["::1"]), "2001:db8::1");
    }

    #[test]
    fn the_first_from_the_right_that_is_no_proxy() {
        for peer in ["10.0.0.5", "::ffff:10.0.0.5", "::1"] {
            assert_eq!(from(peer, &["203.0.113.7"]), "203.0.113.7");
            assert_eq!(from(peer, &["1.2.3.4, 203.0.113.7"]), "203.0.113.7");
            assert_eq!(
                from(peer, &["1.2.3.4", "203.0.113.7, 10.9.9.9"]),
                "203.0.113.7"
            );
            assert_eq!(from(peer, &["203.0.113.7", "10.9.9.9"]), "203.0.113.7");
            assert_eq!(from(peer, &["not an address, 203.0.113.7"]), "203.0.113.7");
        }
    }

    #[test]
    fn ports_and_brackets() {
        assert_eq!(from("::1", &["203.0.113.7:4711"]), "203.0.113.7");
        assert_eq!(from("::1", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(from("::1", &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(from("::1", &["::ffff:203.0.113.7"]), "203.0.113.7");
    }

    #[test]
    fn inside_the_house_it_is_the_farthest() {
        assert_eq!(from("::1", &["10.1.1.1, 10.2.2.2"]), "10.1.1.1");
        assert_eq!(from("10.0.0.5", &[]), "10.0.0.5");
    }

    #[test]
    fn what_a_client_wrote_before_is_not_looked_at() {
        for before in [
            b"\xff".as_slice(),
            b"",
            b",",
            b"unknown",
            b"\xe2\x80\xa8",
            b"\t",
        ] {
            let line = [before, b", 203.0.113.7"].concat();
            assert_eq!(from_bytes("10.0.0.5", &[&line]), "203.0.113.7");
            assert_eq!(
                from_bytes("10.0.0.5", &[before, b"203.0.113.7"]),
                "203.0.113.7"
            );
            // Whoever is called by a trusted address and sends this is counted as that address, and not as the proxy.
            let line = [before, b", 10.9.9.9"].concat();
            assert_eq!(from_bytes("10.0.0.5", &[&line]), "10.9.9.9");
        }
    }

    #[test]
    fn what_can_not_be_read_leaves_the_peer() {
        for line in [
            "",
            ",",
            "unknown",
            "203.0.113.7, unknown",
            "203.0.113.7,",
            "999.1.1.1",
            "\u{e9}",
        ] {
            assert_eq!(from("10.0.0.5", &[line]), "10.0.0.5", "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_the_untrusted_stay_who_they_are(line in "[ -~]{0,60}") {
            prop_assert_eq!(from("192.0.2.1", &[&line]), "192.0.2.1");
            from("10.0.0.5", &[&line]);
        }

        #[test]
        fn no_bytes_before_it_hide_whom_the_proxy_saw(
            before in proptest::collection::vec(prop_oneof![Just(b'\t'), 0x20_u8..=0x7e, 0x80_u8..], 0..60),
        ) {
            let line = [before.as_slice(), b", 203.0.113.7"].concat();
            prop_assert_eq!(from_bytes("10.0.0.5", &[&line]), "203.0.113.7");
        }
    }
}
