//! Whom a connection is from, and whose connections are counted together.

use std::net::IpAddr;

use ipnet::IpNet;

/// The other end of the connection that a request came by. It is among each request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// Whether `address` is, or is in, one of `networks`.
#[must_use]
pub fn is_any_of(address: IpAddr, networks: &[IpNet]) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// What one client has: an address, or in IPv6 a network of 64 bits, all of whose addresses are the same client's to use
/// (RFC 4291 section 2.5.1).
#[must_use]
pub fn client_network(address: IpAddr) -> IpNet {
    network(address, 32, 64)
}

/// The network of `address`: the first `bits` of it in IPv4, `bits_of_6` in IPv6.
pub(crate) fn network(address: IpAddr, bits: u8, bits_of_6: u8) -> IpNet {
    let address = address.to_canonical();
    let bits = if address.is_ipv4() { bits } else { bits_of_6 };
    IpNet::new(address, bits).map_or_else(|_| address.into(), |network| network.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_an_address_or_a_network_of_64_bits() {
        for (address, client) in [
            ("192.0.2.1", "192.0.2.1/32"),
            ("::ffff:192.0.2.1", "192.0.2.1/32"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ] {
            let network = client_network(address.parse().unwrap());
            assert_eq!(network.to_string(), client);
        }
    }
}
