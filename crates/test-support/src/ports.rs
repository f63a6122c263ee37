//! Ports for servers.

use std::net::{SocketAddr, TcpListener};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// An address of this machine that is free, and that no other test of this program is given. Below the ports that the
/// system gives to outgoing connections, so that it stays free.
#[must_use]
pub fn free_address() -> SocketAddr {
    static NEXT: OnceLock<AtomicU16> = OnceLock::new();
    let next = NEXT.get_or_init(|| AtomicU16::new(rand::random::<u16>() % 10_000));
    loop {
        let port = 20_000 + next.fetch_add(1, Ordering::SeqCst) % 12_000;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
