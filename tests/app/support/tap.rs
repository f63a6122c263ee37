//! A wire between the app and what it calls: passes every byte on, and remembers it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What was said, one entry for each direction of each connection.
type Heard = Arc<Mutex<Vec<Vec<u8>>>>;

pub(crate) struct Tap {
    /// Without a slash at its end.
    pub(crate) base: String,
    heard: Heard,
}

impl Tap {
    /// Passes on what comes to `address`.
    pub(crate) async fn to(address: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let heard = Heard::default();
        let list = Arc::clone(&heard);
        tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                // The far end may be gone: then this one goes, too.
                let Ok(far) = TcpStream::connect(address).await else {
                    continue;
                };
                let (from_near, to_near) = near.into_split();
                let (from_far, to_far) = far.into_split();
                tokio::spawn(pass_on(from_near, to_far, Arc::clone(&list)));
                tokio::spawn(pass_on(from_far, to_near, Arc::clone(&list)));
            }
        });
        Self { base, heard }
    }

    /// Everything that was said.
    pub(crate) fn heard(&self) -> String {
        let heard = self.heard.lock().unwrap();
        let texts = heard.iter().map(|bytes| String::from_utf8_lossy(bytes));
        texts.collect::<Vec<_>>().join("\n")
    }
}

async fn pass_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    heard: Heard,
) -> std::io::Result<()> {
    let index = {
        let mut heard = heard.lock().unwrap();
        heard.push(Vec::new());
        heard.len() - 1
    };
    let mut buffer = [0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        heard.lock().unwrap()[index].extend_from_slice(&buffer[..length]);
        to.write_all(&buffer[..length]).await?;
    }
}
