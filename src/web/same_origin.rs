//! Requests that change something must come from a page of ours, not from another site's form.
//!
//! `SameSite=Lax` keeps the cookie out of other sites' POSTs already; this also covers the browsers and the sibling
//! hosts that it doesn't, and says so instead of acting on no session.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::App;
use super::failure::{Action, Failure};

/// Around routes that also show what they change: asks that of what is no `GET` or `HEAD`.
pub(super) async fn require_of_changes(
    app: State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    require(app, request, next).await
}

pub(super) async fn require(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let origin = app.settings.base_url.origin().ascii_serialization();
    if is_of(&origin, true, request.headers()) {
        return next.run(request).await;
    }
    refused().into_response()
}

/// 403: it came from another site.
pub(super) fn refused() -> Failure {
    Failure {
        status: StatusCode::FORBIDDEN,
        kind: "cross-site",
        title: "Request from another site refused",
        explanation: "Another site tried to do something here in your name. Nothing was done."
            .to_owned(),
        said: None,
        why: "Browsers bring along who you are, whichever site makes them ask. So what changes something must come from a \
              page of this app, and this app looks where a request comes from.",
        checks: &[],
        advice: "If it was you, do it from a page of this app.",
        action: Action::GoHome,
        reason: "cross-site request refused".to_owned(),
        retry_after: None,
    }
}

/// Whether a page of `ours`, an origin, sent a request with `headers`, or no page at all did. With `by_any_name`, the host counts by
/// the name that the request has for it, too.
///
/// Every header that is there must speak for us: `Sec-Fetch-Site`, which browsers set and pages can't, and `Origin`.
///
/// Old browsers send no `Sec-Fetch-Site`, and no browser does without https. There `Origin` decides alone. It is that of a page
/// because our pages have the referrer policy `strict-origin`; with `no-referrer` it would be `null` (Fetch standard, "append a
/// request Origin header"), as it is for sandboxed frames of other sites. A client that sends neither header is no browser, and
/// nobody can make it send requests.
pub(super) fn is_of(ours: &str, by_any_name: bool, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let fetch_site = text("sec-fetch-site");
    let site_is_ours = match fetch_site {
        None | Some("same-origin" | "none") => true,
        Some(_) => false,
    };
    let origin_is_ours = match text(header::ORIGIN.as_str()) {
        None => true,
        Some("null") => fetch_site.is_some(),
        Some(origin) => {
            let host = text(header::HOST.as_str()).unwrap_or("");
            // By another name of this host, such as 127.0.0.1 for localhost, it is still the page's own origin.
            let is_this_host = |from: &str| by_any_name && from == host;
            // A proxy may speak TLS where the app does not know of it; nobody speaks less than the app says.
            let is_as_safe = |scheme: &str| {
                scheme == "https" || (scheme == "http" && !ours.starts_with("https:"))
            };
            origin == ours
                || origin
                    .split_once("://")
                    .is_some_and(|(scheme, from)| is_as_safe(scheme) && is_this_host(from))
        }
    };
    site_is_ours && origin_is_ours
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn an_origin_is_as_safe_as_the_app() {
        for (ours, host, origin, is_ours) in [
            (
                "https://app.example",
                "app.example",
                "https://app.example",
                true,
            ),
            (
                "https://app.example",
                "app.example",
                "http://app.example",
                false,
            ),
            (
                "https://app.example",
                "app.example",
                "ftp://app.example",
                false,
            ),
            ("https://app.example", "app.example", "null", false),
            (
                "https://app.example",
                "app:8080",
                "https://app.example",
                true,
            ),
            (
                "https://app.example",
                "app:8080",
                "https://evil.example",
                false,
            ),
            (
                "http://localhost:8080",
                "127.0.0.1:8080",
                "http://127.0.0.1:8080",
                true,
            ),
            (
                "http://localhost:8080",
                "localhost:8443",
                "https://localhost:8443",
                true,
            ),
            (
                "http://localhost:8080",
                "localhost:8080",
                "http://localhost:3000",
                false,
            ),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static(host));
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            assert_eq!(is_of(ours, true, &headers), is_ours, "{origin} at {ours}");
        }
    }
}
