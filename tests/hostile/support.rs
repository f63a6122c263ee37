//! What the tests are made of: the app in this process with lowered limits, the real program, clients that write bytes, and a
//! user who must not notice any of it.

mod app;
mod person;
mod program;
mod raw;
mod upstream;

use std::net::{IpAddr, UdpSocket};

pub(crate) use app::TestApp;
pub(crate) use person::{Bystander, Person, comes_back, http};
pub(crate) use program::Program;
pub(crate) use raw::{Answer, Raw};
pub(crate) use test_support::PATIENCE;
pub(crate) use upstream::{Manner, Upstream};

/// An address of this machine that is not loopback.
pub(crate) fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent: this asks the routing table alone.
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback()).then_some(address)
}
