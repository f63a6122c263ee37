//! An answer of Smartsheet's, as a page or a back end gets it.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use http_body::{Frame, SizeHint};

use super::api_failures::{Refused, unreadable_answer};
use crate::transport::{StreamedAnswer, StreamedBody, TransportError};
use crate::web::rendered::PassedOn;
use crate::web::shares::StreamShare;

/// Should a browser be led to show it as a page, nothing in it runs.
const POLICY: &str = "default-src 'none'; sandbox";

/// `answer` with its body as it comes, as long as `share` is kept.
pub(super) fn passed(answer: StreamedAnswer, share: StreamShare) -> Result<Response, Refused> {
    if answer.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(unreadable_answer("it changes the protocol".to_owned()));
    }
    let mut response = Response::new(Body::new(Passing {
        body: answer.body,
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
    _share: StreamShare,
}

impl http_body::Body for Passing {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Err(error))) = &frame {
            tracing::info!(%error, "an answer that is passed on broke off");
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
