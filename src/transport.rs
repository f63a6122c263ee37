//! One HTTP request, one answer: bounded in time and in size, redirects refused.
//!
//! Both rooms that talk to Smartsheet ([`crate::oauth`] and [`crate::smartsheet`]) send through here, so that no call can
//! wait for ever, fill the memory or be led to another host.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::{RequestBuilder, StatusCode, header};
use url::{Host, Url};

/// How long a call may take and how much it may answer.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until the TCP and TLS handshakes are done.
    pub connect_timeout: Duration,
    /// From the first byte sent to the last byte received.
    pub total_timeout: Duration,
    /// Bytes of an answer's body. Longer answers are refused, not cut.
    pub max_answer_bytes: usize,
}

impl Default for Limits {
    /// 3 seconds to connect, 10 seconds in all (what the pages promise), 1 MiB.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            total_timeout: Duration::from_secs(10),
            max_answer_bytes: 1024 * 1024,
        }
    }
}

/// A pooled HTTP client with [`Limits`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Transport {
    http: reqwest::Client,
    limits: Limits,
}

/// An answer whose body arrived whole.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// What `Retry-After` asks for: a number of seconds, or the time until a date (RFC 9110 section 10.2.3).
    pub retry_after: Option<Duration>,
    /// The body, at most [`Limits::max_answer_bytes`] long.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TransportError {
    /// No connection, or it broke before the answer was complete. Says what the network said.
    #[error("unreachable: {0}")]
    Unreachable(Arc<str>),
    /// No complete answer within [`Limits::connect_timeout`] or [`Limits::total_timeout`].
    #[error("no answer in time")]
    Timeout,
    /// An answer longer than [`Limits::max_answer_bytes`].
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

impl Transport {
    /// A client for the hosts of `targets`.
    ///
    /// Redirects are never followed: neither the token endpoint nor the API has any, and following one would send
    /// credentials to whoever it names. Proxies of the environment (`HTTPS_PROXY`) are honoured but for loopback targets.
    ///
    /// # Errors
    ///
    /// When TLS can't be set up, for example because the machine has no root certificates.
    pub fn new(targets: &[&Url], limits: Limits) -> Result<Self, reqwest::Error> {
        // Installing twice (several servers in one process, as in tests) is harmless: the first one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!(
                env!("CARGO_PKG_NAME"),
                "/",
                env!("CARGO_PKG_VERSION")
            ))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(limits.connect_timeout)
            .timeout(limits.total_timeout);
        if targets.iter().all(|url| is_loopback(url)) {
            builder = builder.no_proxy();
        }
        if targets.iter().all(|url| url.scheme() == "http") {
            // Nothing to verify: don't load the system's root certificates.
            builder = builder.tls_certs_only([]);
        }
        Ok(Self {
            http: builder.build()?,
            limits,
        })
    }

    /// Starts a request. Send it with [`Transport::send`].
    pub fn request(&self, method: reqwest::Method, url: Url) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// Sends `request` once and reads its answer whole.
    ///
    /// # Errors
    ///
    /// [`TransportError`] when no complete answer arrived; the request may have been processed all the same.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, TransportError> {
        let mut response = request.send().await.map_err(|error| classify(&error))?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))? {
            if body.len() + chunk.len() > self.limits.max_answer_bytes {
                return Err(TransportError::TooLong(self.limits.max_answer_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: response.status(),
            retry_after: response
                .headers()
                .get(header::RETRY_AFTER)
                .and_then(|value| retry_after(value.to_str().ok()?.trim(), Timestamp::now())),
            body,
        })
    }
}

/// Whether `url` points at this machine: `localhost`, 127.0.0.0/8 or `[::1]`.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    // A date that has passed asks for no wait.
    Some(date.duration_since(now).try_into().unwrap_or_default())
}

fn classify(error: &reqwest::Error) -> TransportError {
    if error.is_timeout() {
        return TransportError::Timeout;
    }
    // The innermost cause says it best ("Connection refused"); the outer layers repeat the URL.
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    TransportError::Unreachable(cause.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_in_seconds_or_as_a_date() {
        let now = "1994-11-06T08:49:30Z".parse().unwrap();
        let seconds = |value| retry_after(value, now).map(|wait| wait.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(7));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:00 GMT"), Some(0));
        assert_eq!(seconds("soon"), None);
        assert_eq!(seconds("-1"), None);
    }
}
