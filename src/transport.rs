//! One HTTP request, one answer: bounded in time and in size, redirects refused.
//!
//! Both rooms that talk to Smartsheet ([`crate::oauth`] and [`crate::smartsheet`]) send through here, so that no call can
//! wait for ever, fill the memory or be led to another host.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use reqwest::{Request, RequestBuilder, StatusCode, header};
use url::{Host, Url};

mod gate;
mod local;

pub use gate::Gate;

/// How long a call may take and how much it may answer.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until the TCP and TLS handshakes are done.
    pub connect_timeout: Duration,
    /// From the first byte sent to the last byte received.
    pub total_timeout: Duration,
    /// Bytes of an answer's body. Longer answers are refused, not cut.
    pub max_answer_bytes: usize,
    /// How many calls may be under way at once.
    pub max_calls: usize,
    /// How long a call waits for others to end. What it waited it has less for itself.
    pub max_wait: Duration,
}

impl Default for Limits {
    /// 3 seconds to connect, 10 seconds in all (what the pages promise), 1 MiB; 256 calls at once, which others wait for 2
    /// seconds.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            total_timeout: Duration::from_secs(10),
            max_answer_bytes: 1024 * 1024,
            max_calls: 256,
            max_wait: Duration::from_secs(2),
        }
    }
}

/// How long a connection is kept for the next call.
const KEEP_IDLE: Duration = Duration::from_secs(50);

/// A pooled HTTP client with [`Limits`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Transport {
    http: reqwest::Client,
    limits: Limits,
    gate: Gate,
    witnesses: Vec<Arc<dyn Witness>>,
}

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A code for tokens: `POST /token` with `authorization_code`.
    CodeExchange,
    /// Tokens for new ones: `POST /token` with `refresh_token`.
    Refresh,
    /// Tokens given back: `DELETE /token`.
    Revocation,
    /// Who it is: `GET /users/me`.
    CurrentUser,
    /// Whether a host answers at all.
    Probe,
    /// A failure to be tried out, arranged with the sandbox.
    Arrangement,
}

/// Sees every call of a [`Transport`] when it has ended. For records and figures: it can't change anything, and must not
/// take long.
pub trait Witness: fmt::Debug + Send + Sync {
    /// Is told of `call`, with every secret that it carried: whoever keeps something of it must mask that.
    fn saw(&self, call: &Call<'_>);
}

/// One request and what came of it. Its `Debug` shows no content.
pub struct Call<'a> {
    /// What it was for.
    pub purpose: Purpose,
    /// 1 for the first try, 2 for the first repetition.
    pub attempt: u32,
    /// What was sent.
    pub request: &'a Request,
    /// What came back.
    pub outcome: Outcome<'a>,
    /// From the first byte sent to the last one received.
    pub duration: Duration,
}

/// How a [`Call`] ended.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'a> {
    /// With an answer, whatever its status.
    Answered(&'a Answer),
    /// Without one.
    Failed(&'a TransportError),
    /// The caller gave up waiting before anything else happened.
    Abandoned,
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Call({:?}, attempt {})",
            self.purpose, self.attempt
        )
    }
}

/// An answer whose body arrived whole.
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// What `Retry-After` asks for: a number of seconds, or the time until a date (RFC 9110 section 10.2.3).
    pub retry_after: Option<Duration>,
    /// The body, at most [`Limits::max_answer_bytes`] long.
    pub body: Vec<u8>,
}

impl fmt::Debug for Answer {
    /// Nothing of the content: a body may be made of tokens.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Answer({}, {} bytes)",
            self.status,
            self.body.len()
        )
    }
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
    /// Nothing was sent: [`Limits::max_calls`] others are under way, or the app stops and the answer might come too late to
    /// be stored. It passes within seconds.
    #[error("not sent: {0}")]
    Busy(&'static str),
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
        let mut builder = client(limits);
        if targets.iter().all(|url| is_loopback(url)) {
            builder = builder.no_proxy();
        }
        if targets.iter().all(|url| url.scheme() == "http") {
            // Nothing to verify: don't load the system's root certificates.
            builder = builder.tls_certs_only([]);
        }
        Ok(Self {
            http: builder.build()?,
            gate: Gate::new(limits.max_calls),
            limits,
            witnesses: Vec::new(),
        })
    }

    /// The same client, with one more that sees its calls.
    #[must_use]
    pub fn watched_by(&self, witness: Arc<dyn Witness>) -> Self {
        let mut watched = self.clone();
        watched.witnesses.push(witness);
        watched
    }

    /// What every call of this client and its clones passes on its way out.
    #[must_use]
    pub fn gate(&self) -> Gate {
        self.gate.clone()
    }

    /// Starts a request. Send it with [`Transport::send`].
    pub fn request(&self, method: reqwest::Method, url: Url) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// Sends `request` once and reads its answer whole. `attempt` is 1, and one more with every repetition.
    ///
    /// # Errors
    ///
    /// [`TransportError`] when no complete answer arrived; the request may have been processed all the same.
    pub async fn send(
        &self,
        purpose: Purpose,
        attempt: u32,
        request: RequestBuilder,
    ) -> Result<Answer, TransportError> {
        let mut request = request.build().map_err(|error| classify(&error))?;
        let asked = Instant::now();
        let _pass = self.gate.pass(purpose, self.limits.max_wait).await?;
        let left = self.limits.total_timeout.saturating_sub(asked.elapsed());
        *request.timeout_mut() = Some(left);
        let watch = Watch::begin(&self.witnesses, purpose, attempt, &request);
        let outcome = self.exchange(request).await;
        if let Some(watch) = watch {
            watch.end(match &outcome {
                Ok(answer) => Outcome::Answered(answer),
                Err(error) => Outcome::Failed(error),
            });
        }
        outcome
    }

    async fn exchange(&self, request: Request) -> Result<Answer, TransportError> {
        let sending = self.http.execute(request);
        let mut response = sending.await.map_err(|error| classify(&error))?;
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
            headers: std::mem::take(response.headers_mut()),
            body,
        })
    }
}

/// A call under way, as its witnesses will be told of it: when it ends, or when nobody waits for it any longer.
struct Watch<'a> {
    witnesses: &'a [Arc<dyn Witness>],
    purpose: Purpose,
    attempt: u32,
    request: Request,
    started: Instant,
}

impl<'a> Watch<'a> {
    /// `None` when there is nobody to tell.
    fn begin(
        witnesses: &'a [Arc<dyn Witness>],
        purpose: Purpose,
        attempt: u32,
        request: &Request,
    ) -> Option<Self> {
        if witnesses.is_empty() {
            return None;
        }
        Some(Self {
            witnesses,
            purpose,
            attempt,
            // Always there: a body of ours is bytes, and those can be cloned.
            request: request.try_clone()?,
            started: Instant::now(),
        })
    }

    fn end(mut self, outcome: Outcome<'_>) {
        self.tell(outcome);
        self.witnesses = &[];
    }

    fn tell(&self, outcome: Outcome<'_>) {
        let call = Call {
            purpose: self.purpose,
            attempt: self.attempt,
            request: &self.request,
            outcome,
            duration: self.started.elapsed(),
        };
        for witness in self.witnesses {
            witness.saw(&call);
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.tell(Outcome::Abandoned);
    }
}

/// What every client is: bounded in time, and nobody leads it elsewhere.
fn client(limits: Limits) -> reqwest::ClientBuilder {
    // Installing twice (several servers in one process, as in tests) is harmless: the first one stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(concat!(
            env!("CARGO_PKG_NAME"),
            "/",
            env!("CARGO_PKG_VERSION")
        ))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(limits.connect_timeout)
        // Shorter than servers keep a connection, so that none is closed under a request.
        .pool_idle_timeout(KEEP_IDLE)
        .timeout(limits.total_timeout)
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

pub(crate) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
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
