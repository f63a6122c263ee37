//! An answer of Smartsheet's, as a page or a back end gets it.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use http_body::{Frame, SizeHint};

use super::api_failures::{Refused, unreadable_answer};
use crate::transport::{StreamedAnswer, StreamedBody, TransportError};
use crate::web::rendered::PassedOn;
use crate::web::shares::StreamShare;

/// Should a browser be led to show it as a page, nothing in it runs.
const POLICY: &str = "default-src 'none'; sandbox";

/// `answer` to a call by `method`, with its body as it comes, as long as `share` is kept.
pub(super) fn passed(
    answer: StreamedAnswer,
    method: &Method,
    share: StreamShare,
) -> Result<Response, Refused> {
    if answer.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(unreadable_answer("it changes the protocol".to_owned()));
    }
    let mut response = Response::new(Body::new(Passing {
        body: answer.body,
        is_left_out: *method == Method::HEAD,
        broken: None,
        _share: share,
    }));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    response.extensions_mut().insert(PassedOn);
    Ok(response)
}

/// The body, and its person's share of those that are passed on.
struct Passing {
    body: StreamedBody,
    /// Whether nobody gets it, so that its length says nothing of the answer (RFC 9110 section 8.6).
    is_left_out: bool,
    /// Why it broke off, until that is told.
    broken: Option<TransportError>,
    _share: StreamShare,
}

impl http_body::Body for Passing {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        if let Some(error) = self.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Err(error))) = frame {
            tracing::info!(%error, "an answer that is passed on broke off");
            // hyper sends what it has when it has to wait, and drops it when the body fails. The client is to get the head, and what
            // has come of the body.
            self.broken = Some(error);
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.broken.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_left_out {
            return SizeHint::default();
        }
        self.body.size_hint()
    }
}
