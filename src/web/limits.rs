//! What a request may look like: the length of its URL and of its body, and how soon the body must be there.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{StatusCode, Version, header};
use futures_util::StreamExt as _;
use http_body::Body as _;

use super::failure::Failure;
use crate::server::{BodyOverdue, MAX_URL_BYTES, Peer};

/// Bytes of a request's body. The forms have a few fields, or none.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// What becomes of a request's body before its page is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyIs {
    /// It is read whole.
    Read,
    /// It is of no interest, and nobody waits for it.
    Ignored,
    /// The page takes it as it comes, and bounds it.
    Streamed,
}

/// A request that is within the limits, with its body as the page wants it.
pub(super) async fn within(request: Request, body_is: BodyIs) -> Result<Request, Failure> {
    if length_of_target(&request) > MAX_URL_BYTES {
        return Err(refused(
            StatusCode::URI_TOO_LONG,
            "url-too-long",
            "The address is too long",
            format!("An address here has at most {MAX_URL_BYTES} characters."),
            "URL too long",
        ));
    }
    // RFC 9112 section 3.2. What did not come by a connection has none, and needs none.
    let hosts = request.headers().get_all(header::HOST).iter().count();
    let is_by_connection = request.extensions().get::<Peer>().is_some();
    let may_lack = request.version() < Version::HTTP_11 || !is_by_connection;
    if hosts > 1 || (hosts == 0 && !may_lack) {
        return Err(unreadable("not one Host header"));
    }
    if request.body().is_end_stream() || body_is == BodyIs::Streamed {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    if body_is == BodyIs::Ignored {
        return Ok(Request::from_parts(parts, Body::empty()));
    }
    let body = read(body).await?;
    Ok(Request::from_parts(parts, Body::from(body)))
}

fn length_of_target(request: &Request) -> usize {
    let target = request.uri();
    target.path().len() + target.query().map_or(0, |query| query.len() + 1)
}

/// Reads a body whole. What says that it is too long is not read at all.
async fn read(body: Body) -> Result<Bytes, Failure> {
    let too_long = || {
        refused(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-long",
            "That is too much",
            format!("A request here has at most {MAX_BODY_BYTES} bytes."),
            "body too long",
        )
    };
    if body.size_hint().lower() > MAX_BODY_BYTES as u64 {
        return Err(too_long());
    }
    let mut whole = Vec::new();
    let mut stream = body.into_data_stream();
    while let Some(part) = stream.next().await {
        let part = part.map_err(|error| broken(&error))?;
        if whole.len() + part.len() > MAX_BODY_BYTES {
            return Err(too_long());
        }
        whole.extend_from_slice(&part);
    }
    Ok(whole.into())
}

/// Why a body did not come to its end.
pub(super) fn broken(error: &(dyn std::error::Error + 'static)) -> Failure {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<BodyOverdue>() {
            return refused(
                StatusCode::REQUEST_TIMEOUT,
                "request-slow",
                "The request took too long",
                "It did not arrive whole in the time that it may take.".to_owned(),
                "body too slow",
            );
        }
        cause = error.source();
    }
    unreadable("body broken off or not HTTP")
}

fn unreadable(reason: &str) -> Failure {
    refused(
        StatusCode::BAD_REQUEST,
        "bad-request",
        "The request can’t be read",
        "This app does not understand what the browser sent.".to_owned(),
        reason,
    )
}

fn refused(
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    explanation: String,
    reason: &str,
) -> Failure {
    Failure {
        reason: reason.to_owned(),
        ..Failure::plain(status, kind, title, explanation)
    }
}
