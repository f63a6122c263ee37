//! The bodies of requests and answers, as they pass between hyper and the pages.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use super::BodyOverdue;
use super::handle::{Handle, Phase};

/// A request's body, which must have arrived in time. While somebody waits for more of it, the connection waits for its client.
pub(super) struct RequestBody {
    body: Incoming,
    /// Whether its end was seen: a chunked body does not say by itself that it has been read.
    ended: bool,
    /// When the head ended, and the wait for the body began.
    since: Instant,
    overdue: Pin<Box<Sleep>>,
    handle: Arc<Handle>,
}

impl RequestBody {
    pub(super) fn new(body: Incoming, within: Duration, handle: Arc<Handle>) -> Self {
        let since = Instant::now();
        Self {
            body,
            ended: false,
            since,
            overdue: Box::pin(tokio::time::sleep_until(since + within)),
            handle,
        }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.ended |= frame.is_none();
            self.handle.go_on();
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        if self.overdue.as_mut().poll(cx).is_ready() {
            self.handle.go_on();
            return Poll::Ready(Some(Err(BodyOverdue.into())));
        }
        self.handle.wait_for_body(self.since);
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.handle.go_on();
        if !self.is_end_stream() {
            self.handle.leave_body();
        }
    }
}

/// An answer's body. When hyper has taken all of it, the connection is idle.
pub(super) struct ResponseBody {
    body: Body,
    handle: Arc<Handle>,
}

impl ResponseBody {
    pub(super) fn new(body: Body, handle: Arc<Handle>) -> Self {
        Self { body, handle }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        self.handle.begin(Phase::Idle);
    }
}
