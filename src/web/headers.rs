//! The headers that harden every answer.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use url::{Host, Url};

use super::App;
use super::at::At;
use crate::transport::is_loopback;

/// What every answer of an app at `base_url` carries unless it says otherwise, when Smartsheet asks people at `authorize_url`.
#[must_use]
pub fn hardening(base_url: &Url, authorize_url: &Url) -> HeaderMap {
    // With room for those that answers add.
    let mut headers = HeaderMap::with_capacity(24);
    for (name, value) in HARDENING {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        content_security_policy(authorize_url),
    );
    if base_url.scheme() == "http" && !is_loopback(base_url) {
        // Ignored without https, and each page would complain of it in the browser's console.
        headers.remove(OPENER_POLICY);
    }
    if base_url.scheme() == "https" {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=63072000; includeSubDomains"),
        );
    }
    headers
}

/// The Content-Security-Policy of every answer: nothing but the stylesheet, the script and the icon of this host. Nothing
/// inline, so no injected text can run.
///
/// Browsers hold the redirects after a form to `form-action`, too, and a form of somebody who turns out to be signed out
/// ends at Smartsheet: so that is allowed beside this host. Nothing here connects to anything, but tools that judge a page
/// fetch `/robots.txt` in its name.
fn content_security_policy(authorize_url: &Url) -> HeaderValue {
    let smartsheet = match authorize_url.host() {
        // The policy's grammar has no addresses of IPv6 (CSP 3, section 2.3.1). Only the sandbox is ever at one.
        Some(Host::Ipv6(_)) => format!("{}:", authorize_url.scheme()),
        _ => authorize_url.origin().ascii_serialization(),
    };
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self' {smartsheet}; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

const HARDENING: [(HeaderName, &str); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // The callback's address holds a code: it must not travel on. Pages, whose forms have to say where they come from, tell their
    // origin and no more (`templates/base.html`).
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (OPENER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    // Pages are somebody's own. Assets say themselves how long they may be kept.
    (header::CACHE_CONTROL, "no-store"),
];

/// Adds what an answer does not say itself. The pages of the mounted sandbox have a policy of their own: their forms lead
/// back to the app.
pub(super) async fn harden(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    // Its path is without what it is mounted at, which no site has.
    if At::of(&app, &request).site().is_some() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let mut response = next.run(request).await;
    apply(response.headers_mut(), &app);
    response
}

/// Adds to `headers` what every answer carries.
pub(super) fn apply(headers: &mut HeaderMap, app: &App) {
    // A copy of a few headers is quicker than looking up each among those of the answer. What the answer says itself
    // replaces what is in it.
    let own = std::mem::replace(headers, app.settings.hardening.clone());
    headers.extend(own);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_may_lead_to_where_people_are_asked() {
        for (authorize_url, source) in [
            (
                "https://app.smartsheet.com/b/authorize",
                " https://app.smartsheet.com; ",
            ),
            (
                "http://127.0.0.1:8080/sandbox/b/authorize",
                " http://127.0.0.1:8080; ",
            ),
            ("http://[::1]:8080/sandbox/b/authorize", " http:; "),
        ] {
            let policy = content_security_policy(&Url::parse(authorize_url).unwrap());
            let policy = policy.to_str().unwrap();
            let wanted = format!("form-action 'self'{source}base-uri");
            assert!(policy.contains(&wanted), "{policy}");
        }
    }

    #[test]
    fn the_opener_policy_is_left_out_where_browsers_complain_of_it() {
        for (base_url, has_opener_policy) in [
            ("https://demo.example.com", true),
            ("http://localhost:8080", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://192.168.1.5:8080", false),
            ("http://demo.example.com", false),
        ] {
            let base_url = Url::parse(base_url).unwrap();
            let headers = hardening(&base_url, &base_url);
            let is_there = headers.contains_key(OPENER_POLICY);
            assert_eq!(is_there, has_opener_policy, "{base_url}");
        }
    }
}
