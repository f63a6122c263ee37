//! A client that writes bytes.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::PATIENCE;

pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The status line and the header fields, in small letters.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Raw {
    pub(crate) async fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).await.unwrap();
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// The answer to `request`, which is sent by a connection of its own.
    pub(crate) async fn ask(to: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
        let mut raw = Self::connect(to).await;
        raw.send(request).await;
        raw.answer().await.expect("an answer")
    }

    /// Sends what the server is willing to take.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // Whoever is refused in the middle of it can't send the rest.
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Sends `bytes` one by one until the server answers or hangs up.
    pub(crate) async fn drip(&mut self, bytes: &[u8], pause: Duration) {
        for byte in bytes.iter().cycle() {
            if self.stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            if timeout(pause, self.stream.readable()).await.is_ok() {
                return;
            }
        }
    }

    /// The next answer; `None` when the connection ends before there is one.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        let reading = async {
            loop {
                if let Some(answer) = self.take() {
                    return Some(answer);
                }
                let mut more = [0; 4096];
                match self.stream.read(&mut more).await {
                    Ok(0) | Err(_) => return None,
                    Ok(bytes) => self.buffer.extend_from_slice(&more[..bytes]),
                }
            }
        };
        let answer = timeout(PATIENCE, reading).await;
        answer.expect("an answer or the end, in time")
    }

    /// Waits for the end of the connection and says what came before.
    pub(crate) async fn end(&mut self) -> Vec<u8> {
        let reading = async {
            let mut more = [0; 4096];
            while let Ok(bytes @ 1..) = self.stream.read(&mut more).await {
                self.buffer.extend_from_slice(&more[..bytes]);
            }
        };
        timeout(PATIENCE, reading).await.expect("the end, in time");
        std::mem::take(&mut self.buffer)
    }

    /// Takes a complete answer off the buffer.
    fn take(&mut self) -> Option<Answer> {
        let end = self
            .buffer
            .windows(4)
            .position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8(self.buffer[..end].to_vec()).unwrap();
        let head = head.to_ascii_lowercase();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let length = lines
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse::<usize>().unwrap());
        let whole = end + 4 + length;
        if self.buffer.len() < whole {
            return None;
        }
        let answer = Answer {
            status: status.parse().unwrap(),
            body: String::from_utf8_lossy(&self.buffer[end + 4..whole]).into_owned(),
            head,
        };
        self.buffer.drain(..whole);
        Some(answer)
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines();
        lines
            .filter_map(|line| line.split_once(": "))
            .find(|(known, _)| *known == name)
            .map_or("", |(_, value)| value)
    }

    /// Asserts what every answer carries.
    #[track_caller]
    pub(crate) fn is_hardened(&self) {
        assert_eq!(self.header("x-content-type-options"), "nosniff", "{self:?}");
        assert_eq!(self.header("cache-control"), "no-store", "{self:?}");
        for name in [
            "content-security-policy",
            "x-request-id",
            "permissions-policy",
        ] {
            assert!(!self.header(name).is_empty(), "no {name} in {self:?}");
        }
    }
}
