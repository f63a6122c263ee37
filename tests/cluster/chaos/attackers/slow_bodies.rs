//! Bodies that come byte by byte, so that each holds a connection for as long as the app lets it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};

use super::{Rounds, World};

/// How many bodies each instance is sent at the same time.
const BODIES: usize = 40;

const BETWEEN_BYTES: Duration = Duration::from_millis(250);

/// Sends bodies to `/logout` of an instance, and others when those are refused or cut off.
pub(super) async fn trickle(at: usize, world: Arc<World>) {
    join_all((0..BODIES).map(|_| trickle_again_and_again(at, &world))).await;
}

async fn trickle_again_and_again(at: usize, world: &World) {
    let mut rounds = Rounds::new(world, BETWEEN_BYTES);
    while rounds.next().await {
        let Ok(mut stream) = begin(world.addresses[at]).await else {
            continue;
        };
        world.tally.count("attacks: slow bodies");
        while rounds.next().await && stream.write_all(b"a").await.is_ok() {}
    }
}

async fn begin(address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, 6], 0)))?;
    let mut stream = socket.connect(address).await?;
    let head = "POST /logout HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    Ok(stream)
}
