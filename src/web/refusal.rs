//! Answers to what never became a request, because it was too long or too slow.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

use super::App;
use super::headers;
use super::request_log;

/// An answer of `status` as it goes over the wire, hardened like every other; it also writes the log's line. Plain text:
/// whoever is answered like this has not said yet what it reads.
#[must_use]
pub fn refusal(app: &App, client: IpAddr, status: StatusCode) -> Vec<u8> {
    let text = match status {
        StatusCode::URI_TOO_LONG => "The address is too long.\n",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            "The headers are too long. Deleting this site's cookies may help.\n"
        }
        _ => "The request did not arrive in time.\n",
    };
    let id = request_log::new_id();
    request_log::refused(&id, client, status);

    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(header::CONTENT_LENGTH, text.len().into());
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(request_log::REQUEST_ID, id);
    }
    headers::apply(&mut headers, app);

    let mut answer = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for (name, value) in &headers {
        answer.extend_from_slice(name.as_str().as_bytes());
        answer.extend_from_slice(b": ");
        answer.extend_from_slice(value.as_bytes());
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(b"\r\n");
    answer.extend_from_slice(text.as_bytes());
    answer
}
