//! Something in between the app and PostgreSQL: it counts round trips, and can drop a part of what the app says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// How long the head of a message is: its type, and its length without the type.
const HEAD: usize = 5;

/// What PostgreSQL ends each round trip with.
const READY_FOR_QUERY: u8 = b'Z';

pub(crate) struct Between {
    address: SocketAddr,
    rounds: Arc<AtomicUsize>,
}

impl Between {
    /// In front of a server. Of what clients say, `dropped` is blanked out.
    pub(crate) async fn start(port: u16, dropped: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let rounds = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&rounds);
        tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else {
                    continue;
                };
                let (from_near, to_near) = near.into_split();
                let (from_far, to_far) = far.into_split();
                tokio::spawn(say(from_near, to_far, dropped));
                tokio::spawn(answer(from_far, to_near, Arc::clone(&count)));
            }
        });
        Self { address, rounds }
    }

    /// `url`, through this.
    pub(crate) fn through(&self, url: &str) -> String {
        let database = url.rsplit_once('/').unwrap().1;
        format!("postgres://app@{}/{database}", self.address)
    }

    /// How many round trips there were.
    pub(crate) fn rounds(&self) -> usize {
        self.rounds.load(Ordering::SeqCst)
    }
}

async fn say(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, dropped: Option<&str>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let said = &mut buffer[..count];
        if let Some(dropped) = dropped {
            let place = said
                .windows(dropped.len())
                .position(|part| part == dropped.as_bytes());
            if let Some(start) = place {
                said[start..start + dropped.len()].fill(b' ');
            }
        }
        if to.write_all(said).await.is_err() {
            return;
        }
    }
}

async fn answer(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, rounds: Arc<AtomicUsize>) {
    let mut buffer = vec![0; 64 * 1024];
    let mut said = Vec::new();
    // The answer to the question for TLS is one byte, and no message.
    let mut has_begun = false;
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
        said.extend_from_slice(&buffer[..count]);
        if !has_begun && said[0] == b'N' {
            said.remove(0);
        }
        has_begun = true;
        while let Some(head) = said.first_chunk::<HEAD>() {
            let [kind, length @ ..] = *head;
            let length = 1 + u32::from_be_bytes(length) as usize;
            if said.len() < length {
                break;
            }
            said.drain(..length);
            if kind == READY_FOR_QUERY {
                rounds.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}
