//! Reading lists of hosts and of networks.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use url::Host;

use super::parse::{Expected, words};

/// Names and addresses of hosts, without a port, separated by spaces or commas. Each as a browser writes it in `Host`.
pub(super) fn hosts(text: &str) -> Result<Vec<String>, Expected> {
    words(text)
        .map(|word| {
            let unbracketed = word.parse::<Ipv6Addr>().map(Host::Ipv6);
            let host = unbracketed.or_else(|_| Host::parse(word));
            host.map(|host| host.to_string()).map_err(|_| {
                "expected host names without a scheme or a port, such as demo.example.com"
                    .to_owned()
            })
        })
        .collect()
}

/// Addresses and networks, separated by spaces or commas. Those of IPv4 that are written in IPv6 (`::ffff:127.0.0.1`, RFC 4291
/// section 2.5.5.2) are given as IPv4.
pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, Expected> {
    words(text)
        .map(|word| {
            let address = word.parse::<IpAddr>().map(IpNet::from);
            let network = address.or_else(|_| word.parse::<IpNet>()).map_err(|_| {
                "expected addresses and networks, such as 10.0.0.5, 10.1.0.0/16 or ::1".to_owned()
            })?;
            Ok(canonical(network))
        })
        .collect()
}

/// How many bits of an IPv6 address say that it is one of IPv4.
const MAPPED_BITS: u8 = 96;

fn canonical(network: IpNet) -> IpNet {
    let address = network.addr().to_canonical();
    match network.prefix_len().checked_sub(MAPPED_BITS) {
        Some(bits) if address.is_ipv4() && network.addr().is_ipv6() => {
            IpNet::new(address, bits).unwrap_or(network)
        }
        _ => network,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hosts_as_browsers_write_them() {
        let read = hosts("Demo.Example.com, bücher.example ::1,[2001:db8::1] 192.0.2.1");
        let expected = [
            "demo.example.com",
            "xn--bcher-kva.example",
            "[::1]",
            "[2001:db8::1]",
            "192.0.2.1",
        ];
        assert_eq!(read, Ok(expected.map(str::to_owned).to_vec()));
        assert_eq!(hosts(""), Ok(vec![]));
        for wrong in [
            "demo.example.com:8080",
            "https://demo.example.com",
            "a b/",
            "*.example.com*/",
            "me@example.com",
        ] {
            assert!(hosts(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn networks_of_ipv4_are_given_as_such_however_they_are_written() {
        for (text, network) in [
            ("::ffff:127.0.0.1", "127.0.0.1/32"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("::/0", "::/0"),
            ("2001:db8::/32", "2001:db8::/32"),
        ] {
            let read = networks(text).unwrap();
            assert_eq!(read, [network.parse::<IpNet>().unwrap()], "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_value_panics(text in "\\PC{0,40}") {
            let _ = (hosts(&text), networks(&text));
        }
    }
}
