//! A connection's socket, which knows what the bytes belong to and how many of them a request's head may have.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::MAX_URL_BYTES;
use super::handle::{Handle, Phase};
use super::listener::Stream;

/// How much a client must take within the time that it may take for an answer, in bytes. A page is shorter; of what is longer, such
/// as an answer that is passed on, the time then begins anew.
const PROGRESS: usize = 256 * 1024;

pub(super) struct Socket {
    stream: Stream,
    handle: Arc<Handle>,
    max_head_bytes: usize,
    /// What has come of the present request's head.
    head_bytes: usize,
    /// How much of that is the request line, and whether that is complete.
    line_bytes: usize,
    line_ended: bool,
    refusal: Option<StatusCode>,
    /// What the client has taken since it stopped taking all, in bytes.
    taken: Option<usize>,
}

impl Socket {
    pub(super) fn new(stream: Stream, handle: Arc<Handle>, max_head_bytes: usize) -> Self {
        Self {
            stream,
            handle,
            max_head_bytes,
            head_bytes: 0,
            line_bytes: 0,
            line_ended: false,
            refusal: None,
            taken: None,
        }
    }

    /// The stream, and what the request is to be refused with whose head was too long.
    pub(super) fn into_parts(self) -> (Stream, Option<StatusCode>) {
        (self.stream, self.refusal)
    }

    /// The client took so many bytes, or none for now.
    fn sent(&mut self, polled: &Poll<io::Result<usize>>) {
        match polled {
            Poll::Pending => {
                self.taken.get_or_insert(0);
                self.handle.stall();
            }
            Poll::Ready(sent) => {
                let sent = sent.as_ref().map_or(0, |bytes| *bytes);
                self.taken = self.taken.map(|taken| taken + sent);
                if self.taken >= Some(PROGRESS) {
                    self.taken = None;
                    self.handle.flow();
                }
            }
        }
    }

    fn received(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        match self.handle.phase() {
            Phase::Silent | Phase::Idle => {
                self.handle.begin(Phase::Head);
                self.head_bytes = 0;
                self.line_bytes = 0;
                self.line_ended = false;
            }
            Phase::Head => {}
            Phase::Busy | Phase::Body => return,
        }
        self.head_bytes += bytes.len();
        if !self.line_ended {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            self.line_bytes += end.unwrap_or(bytes.len());
            self.line_ended = end.is_some();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Whoever reads on has not found the end of the head in what came before.
        if self.handle.phase() == Phase::Head && self.head_bytes >= self.max_head_bytes {
            self.refusal = Some(if self.line_bytes > MAX_URL_BYTES {
                StatusCode::URI_TOO_LONG
            } else {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            });
            return Poll::Ready(Err(io::Error::other("the request's head is too long")));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.received(&buffer.filled()[before..]);
        polled
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.sent(&polled);
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.sent(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when it has nothing left to write.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.taken = None;
        self.handle.flow();
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Left to the end of the connection, which may have to say something or to listen first.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use tokio::io::AsyncReadExt as _;
    use tokio::net::{TcpListener, TcpStream};
    use tokio_util::either::Either;

    use super::super::ConnectionLimits;
    use super::*;

    /// hyper flushes when it has nothing left, which with an answer that is passed on as fast as it is taken may be never.
    #[tokio::test]
    async fn whoever_takes_a_long_answer_bit_by_bit_is_not_late() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let handle = Arc::new(Handle::new());
        handle.begin(Phase::Busy);
        let mut socket = Socket::new(Either::Left(stream), Arc::clone(&handle), 1000);
        let limits = ConnectionLimits {
            send_timeout: Duration::ZERO,
            ..ConnectionLimits::default()
        };
        let part = vec![b'x'; 64 * 1024];
        let mut scrap = vec![0; PROGRESS];
        for _ in 0..3 {
            // As much as the system holds, and then the client is waited for.
            while poll_fn(|cx| Pin::new(&mut socket).poll_write(cx, &part))
                .now_or_never()
                .is_some()
            {}
            assert!(handle.deadline(&limits, false).is_some());
            let mut taken = 0;
            while handle.deadline(&limits, false).is_some() {
                client.read_exact(&mut scrap[..part.len()]).await.unwrap();
                let sent = poll_fn(|cx| Pin::new(&mut socket).poll_write(cx, &part));
                taken += sent.now_or_never().map_or(0, Result::unwrap);
                tokio::task::yield_now().await;
            }
            assert!(taken >= PROGRESS, "{taken}");
        }
    }
}
