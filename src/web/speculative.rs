//! Requests that nobody made: a browser that fetches what may be clicked next, and a program that looks where a link leads.
//!
//! Where a `GET` does something, neither may do it. A callback that is fetched ahead would use up its `state` and its code,
//! and the person's own request a moment later would be refused.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::App;

/// What says that a request is speculative: a header, and the word in it. The first is the Fetch standard's ("Sec-Purpose");
/// the others are those of older browsers.
const SIGNS: [(HeaderName, &str); 4] = [
    (HeaderName::from_static("sec-purpose"), "prefetch"),
    (HeaderName::from_static("purpose"), "prefetch"),
    (HeaderName::from_static("x-purpose"), "preview"),
    (HeaderName::from_static("x-moz"), "prefetch"),
];

/// The methods that a route takes where a `GET` does something, for [`leave_alone`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Allow(pub(super) &'static str);

/// Around routes where a `GET` does something, and outside of all that reads cookies or counts: a speculative request is
/// answered with 204, and `HEAD` with 405, without the page.
pub(super) async fn leave_alone(
    State((app, Allow(methods))): State<(Arc<App>, Allow)>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = if request.method() == Method::HEAD {
        StatusCode::METHOD_NOT_ALLOWED.into_response()
    } else if request.method() == Method::GET && is_speculative(request.headers()) {
        app.metrics.speculative_request();
        tracing::debug!("a speculative request is left alone");
        // No error, and not to be kept for the person's own request.
        let no_store = [(header::CACHE_CONTROL, "no-store")];
        return (StatusCode::NO_CONTENT, no_store).into_response();
    } else {
        next.run(request).await
    };
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        // Where there is `GET`, axum adds `HEAD` unless it is said otherwise.
        let methods = HeaderValue::from_static(methods);
        response.headers_mut().insert(header::ALLOW, methods);
    }
    response
}

/// Whether any of [`SIGNS`] is there. A value is a word with parameters, such as `prefetch;prerender` (RFC 9651), or a list of
/// these.
fn is_speculative(headers: &HeaderMap) -> bool {
    SIGNS.iter().any(|(name, sign)| {
        let lines = headers.get_all(name).iter();
        let mut words = lines.flat_map(|line| line.as_bytes().split(|byte| b",;".contains(byte)));
        words.any(|word| word.trim_ascii().eq_ignore_ascii_case(sign.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(name: &'static str, value: &[u8]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_bytes(value).unwrap());
        is_speculative(&headers)
    }

    #[test]
    fn what_says_so() {
        for value in [
            b"prefetch".as_slice(),
            b"prefetch;prerender",
            b"prefetch; anonymous-client-ip",
            b"prerender;prefetch",
            b" Prefetch ",
            b"\xff, prefetch",
        ] {
            assert!(says("sec-purpose", value), "{value:?}");
            assert!(says("purpose", value), "{value:?}");
            assert!(says("x-moz", value), "{value:?}");
        }
        assert!(says("x-purpose", b"preview"));
    }

    #[test]
    fn what_does_not() {
        for value in [
            b"".as_slice(),
            b"prefetched",
            b"no-prefetch",
            b"\xff",
            b"navigate",
        ] {
            assert!(!says("sec-purpose", value), "{value:?}");
        }
        assert!(!says("accept", b"prefetch"));
        assert!(!is_speculative(&HeaderMap::new()));
    }
}
