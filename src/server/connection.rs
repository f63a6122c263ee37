//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep_until, timeout};
use tower::Service as _;

use super::Peer;
use super::bodies::{RequestBody, ResponseBody};
use super::handle::{Handle, Phase};
use super::listener::{self, Stream};
use super::serving::Serving;
use super::socket::Socket;

/// For how long, and how much of, what a client still sends is read after it was refused. Closing at once would make its
/// system throw away the answer that says why (RFC 9112 section 9.6).
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 256 * 1024;

/// Why a connection ended.
enum End {
    /// Both sides are done, or the client sent what is no HTTP and was told so.
    Finished(hyper::Result<()>),
    /// Its time was up in this phase.
    Overdue(Phase),
    /// Another connection needs the room.
    Evicted,
}

pub(super) async fn serve(
    stream: Stream,
    peer: SocketAddr,
    handle: Arc<Handle>,
    server: Arc<Serving>,
) {
    if says_something(&stream, &handle, &server).await {
        // In a box, so that a connection that says nothing does not have the room for more.
        Box::pin(talk(stream, peer, handle, server)).await;
    }
}

async fn talk(stream: Stream, peer: SocketAddr, handle: Arc<Handle>, server: Arc<Serving>) {
    // Answers are small: waiting to fill a packet would only delay them.
    listener::send_at_once(&stream);
    let socket = Socket::new(stream, Arc::clone(&handle), server.limits.max_head_bytes);
    let service = service_fn(|request| {
        // At once, not when the answer is first asked for: from here on, what comes in is no head.
        handle.begin(Phase::Busy);
        answer(request, peer, Arc::clone(&handle), &server)
    });
    let mut connection = server.http.serve_connection(TokioIo::new(socket), service);

    let end = {
        let mut closing = pin!(server.closing.cancelled());
        let mut is_closing = false;
        let mut evicted = pin!(handle.evicted());
        let mut timer = pin!(sleep_until(Instant::now() + server.limits.header_timeout));
        loop {
            tokio::select! {
                biased;
                result = &mut connection => break End::Finished(result),
                () = &mut closing, if !is_closing => {
                    is_closing = true;
                    // A request whose head is on its way is still answered, and ends the connection by itself.
                    if matches!(handle.phase(), Phase::Idle | Phase::Busy | Phase::Body) {
                        std::pin::Pin::new(&mut connection).graceful_shutdown();
                    }
                    timer.as_mut().reset(Instant::now());
                }
                () = &mut evicted => break End::Evicted,
                () = &mut timer => {
                    let now = Instant::now();
                    // A head may begin at any time, so nothing is slept through that it could be late for.
                    let look_again = now + server.limits.header_timeout;
                    match handle.deadline(&server.limits, is_closing) {
                        Some(deadline) if deadline <= now => break End::Overdue(handle.phase()),
                        Some(deadline) => timer.as_mut().reset(deadline.min(look_again)),
                        None => timer.as_mut().reset(look_again),
                    }
                }
            }
        }
    };

    let (stream, too_long) = connection.into_parts().io.into_inner().into_parts();
    let refusal = match &end {
        // Nothing is said and nothing listened to: somebody else waits for the room.
        End::Evicted => return,
        End::Overdue(Phase::Head) => Some(StatusCode::REQUEST_TIMEOUT),
        _ => too_long,
    };
    let is_malformed = match &end {
        End::Finished(Err(error)) if error.is_parse() => {
            tracing::info!(client = %peer.ip(), %error, "not HTTP");
            true
        }
        _ => false,
    };
    // In a box, so that not every connection's task has room for it.
    if let Some(status) = refusal {
        let answer = (server.hooks.refuse)(peer.ip(), status);
        Box::pin(part(stream, &answer, &handle)).await;
    } else if is_malformed || handle.has_left_body() {
        Box::pin(part(stream, b"", &handle)).await;
    }
}

/// Waits for the first byte, before anything is set up to read it.
async fn says_something(stream: &Stream, handle: &Handle, server: &Serving) -> bool {
    let patience = server.limits.header_timeout;
    let closing = async {
        server.closing.cancelled().await;
        // It may have been accepted this moment, with its request on the way.
        let deadline = handle.deadline(&server.limits, true);
        sleep_until(deadline.unwrap_or_else(Instant::now)).await;
    };
    tokio::select! {
        biased;
        readable = timeout(patience, listener::readable(stream)) => matches!(readable, Ok(Ok(()))),
        () = handle.evicted() => false,
        () = closing => false,
    }
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    handle: Arc<Handle>,
    server: &Serving,
) -> Result<Response<ResponseBody>, Infallible> {
    let mut request = request.map(|body| {
        if body.is_end_stream() {
            Body::empty()
        } else {
            let within = server.limits.body_timeout;
            Body::new(RequestBody::new(body, within, Arc::clone(&handle)))
        }
    });
    request.extensions_mut().insert(Peer(peer.ip()));
    let mut response = server.routes.clone().call(request).await?;
    // Whoever keeps connections open takes the next request elsewhere: the app stops, or it won't read to this one's end,
    // and a request that is sent to a connection about to close is lost (RFC 9112 section 9.6).
    if server.hooks.stopping.is_cancelled() || handle.has_left_body() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    Ok(response.map(|body| ResponseBody::new(body, handle)))
}

/// Says `last`, and listens for a while to what the client was still saying.
async fn part(mut stream: Stream, last: &[u8], handle: &Handle) {
    let parting = async {
        stream.write_all(last).await?;
        stream.shutdown().await?;
        let mut scrap = vec![0; 4096];
        let mut read = 0;
        while read < LINGER_BYTES {
            match stream.read(&mut scrap).await? {
                0 => break,
                bytes => read += bytes,
            }
        }
        std::io::Result::Ok(())
    };
    // However this goes, the connection is over.
    tokio::select! {
        _ = timeout(LINGER, parting) => {}
        () = handle.evicted() => {}
    }
}
