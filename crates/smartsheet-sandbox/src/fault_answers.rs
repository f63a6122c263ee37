//! What a fault answers.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{Html, IntoResponse, Response},
};

use super::{
    api_error::ApiError,
    faults::{Fault, Order},
    paths::TOKEN_PATH,
};

/// The failing answer. `None` for a fault whose answer comes from the endpoint itself.
pub(super) fn answer(order: &Order, path: &str) -> Option<Response> {
    let error = match order.fault {
        Fault::RateLimit => ApiError::rate_limited(),
        Fault::Maintenance => ApiError::maintenance(),
        Fault::ServerError => ApiError::unexpected(),
        Fault::Timeout => ApiError::timeout(),
        Fault::PleaseRetry => ApiError::please_retry(),
        Fault::InvalidToken => ApiError::token_invalid(),
        Fault::ExpiredToken => ApiError::token_expired(),
        Fault::UnavailableHtml => return Some(unavailable_html()),
        Fault::Malformed => return Some(malformed(path)),
        Fault::Reset => return Some(broken()),
        Fault::NotFound => ApiError::not_found(),
        Fault::ValueRefused => ApiError::cell_value_refused(),
        Fault::Slow | Fault::WrongSecret | Fault::LostAnswer | Fault::ChangedMeanwhile => {
            return None;
        }
    };
    Some(error.retry_after(order.retry_after).into_response())
}

/// Closes the connection instead of answering.
pub(super) fn broken() -> Response {
    Body::new(BrokenBody).into_response()
}

fn unavailable_html() -> Response {
    let page = "<!DOCTYPE html>\n<html><head><title>503 Service Temporarily Unavailable</title></head>\n\
        <body><h1>503 Service Temporarily Unavailable</h1></body></html>\n";
    (StatusCode::SERVICE_UNAVAILABLE, Html(page)).into_response()
}

/// JSON that breaks off, in the shape that belongs to the path.
fn malformed(path: &str) -> Response {
    let text = if path == TOKEN_PATH {
        r#"{"token_type": "bearer", "expires_in": 604799, "access_tok"#
    } else {
        r#"{"id": 91876543210987, "email": "grace.hop"#
    };
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}

/// A body that fails before its first byte. The server then closes the connection and sends nothing, not even the head.
pub(super) struct BrokenBody;

impl HttpBody for BrokenBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        Poll::Ready(Some(Err(std::io::Error::from(
            std::io::ErrorKind::ConnectionReset,
        ))))
    }
}
