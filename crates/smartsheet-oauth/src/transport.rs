//! One HTTP request, one answer: bounded in time and in size, redirects refused.
//!
//! The protocol ([`Client`](crate::Client)) and the API ([`Api`](crate::api::Api)) send through here, so that no call can wait
//! for ever, fill the memory or be led to another host.

use std::convert::Infallible;
use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, Request, RequestBuilder, header};
use url::{Host, Url};

mod answer;
mod decoding;
mod gate;
mod kept;
mod limits;
mod local;
mod observer;
mod retry_after;
mod streamed;
mod upload;

pub use answer::Answer;
pub use gate::Gate;
pub use limits::Limits;
pub use observer::{Call, Observer, Outcome, Purpose};
pub(crate) use retry_after::retry_after;
pub use streamed::{StreamedAnswer, StreamedBody};
pub use upload::{KEPT_FOR_REPETITION, Upload, UploadError};

use kept::Kept;
use observer::Watch;

/// Over which connection a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// One that was kept, or a new one.
    Any,
    /// One of its own. For the repetition of a call that a kept connection dropped, as the others may have ended as well; and for
    /// what must not be lost in one that ends.
    New,
}

/// The header that names the integration.
const INTEGRATION_SOURCE: HeaderName = HeaderName::from_static("smartsheet-integration-source");

/// How long a connection is kept for the next call.
const KEEP_IDLE: Duration = Duration::from_secs(50);

/// A pooled HTTP client with [`Limits`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Transport {
    http: Client,
    /// The same, but with a new connection for every call.
    http_anew: Client,
    kept: Kept,
    limits: Limits,
    gate: Gate,
    observers: Vec<Arc<dyn Observer>>,
    integration_source: Option<HeaderValue>,
}

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection, or it broke before the answer was complete. Says what the network said.
    #[error("unreachable: {0}")]
    Unreachable(Arc<str>),
    /// No connection could be made, so nothing was sent. Says what the network said.
    #[error("unreachable: {0}")]
    NotConnected(Arc<str>),
    /// The same as [`TransportError::Unreachable`], on a connection that was kept from an earlier call and ended before the
    /// first byte of an answer. It tells nothing of the server: a call that may be repeated is worth another try, on a
    /// connection made for it ([`Over::New`]).
    #[error("unreachable: {0}")]
    Dropped(Arc<str>),
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
    /// The answer's body is encoded in a way that nobody asked for, or damaged.
    #[error("the answer can't be decoded")]
    Undecodable,
}

impl Transport {
    /// A client for the hosts of `targets`, which `user_agent` tells them of (as `my-app/1.0`).
    ///
    /// Redirects are never followed: neither the token endpoint nor the API has any, and following one would send
    /// credentials to whoever it names. Proxies of the environment (`HTTPS_PROXY`) are honoured but for loopback targets.
    ///
    /// # Errors
    ///
    /// When TLS can't be set up, for example because the machine has no root certificates, and for a `user_agent` that is no
    /// value of a header.
    pub fn new(targets: &[&Url], user_agent: &str, limits: Limits) -> Result<Self, reqwest::Error> {
        Self::built(|| client_for(targets, user_agent, limits), limits)
    }

    /// With clients made by `builder`.
    fn built(builder: impl Fn() -> ClientBuilder, limits: Limits) -> Result<Self, reqwest::Error> {
        Ok(Self {
            http: builder().build()?,
            http_anew: builder().pool_max_idle_per_host(0).build()?,
            kept: Kept::default(),
            gate: Gate::new(&limits),
            limits,
            observers: Vec::new(),
            integration_source: None,
        })
    }

    /// The same client, whose every request says which integration it comes from (`smartsheet-integration-source`,
    /// Smartsheet's documentation, "Integration source").
    #[must_use]
    pub fn identified_by(&self, integration_source: HeaderValue) -> Self {
        Self {
            integration_source: Some(integration_source),
            ..self.clone()
        }
    }

    /// The same client, for answers of up to `bytes`.
    #[must_use]
    pub fn taking(&self, bytes: usize) -> Self {
        let mut taking = self.clone();
        taking.limits.max_answer_bytes = bytes;
        taking
    }

    /// The same client, with one more that sees its calls.
    #[must_use]
    pub fn observed_by(&self, observer: Arc<dyn Observer>) -> Self {
        let mut watched = self.clone();
        watched.observers.push(observer);
        watched
    }

    /// What every call of this client and its clones passes on its way out.
    #[must_use]
    pub fn gate(&self) -> Gate {
        self.gate.clone()
    }

    /// How long a call may take in all.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.limits.total_timeout
    }

    /// How long an answer may be, in bytes.
    pub(crate) fn max_answer_bytes(&self) -> usize {
        self.limits.max_answer_bytes
    }

    /// Starts a request. Send it with [`Transport::send`].
    ///
    /// It asks for gzip or no coding at all: without `Accept-Encoding`, any would do (RFC 9110 section 12.5.3).
    pub fn request(&self, method: reqwest::Method, url: Url) -> RequestBuilder {
        let mut request = self.http.request(method, url);
        if let Some(source) = &self.integration_source {
            request = request.header(INTEGRATION_SOURCE, source);
        }
        request.header(header::ACCEPT_ENCODING, "gzip")
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
        let unread = |_: &Answer| Ok::<_, Infallible>(());
        let sent = self.send_by(Over::Any, purpose, attempt, request, unread);
        Ok(sent.await?.0)
    }

    /// The same, and makes of the answer what `read` does. Observers are told after that, so that they know of an answer with the
    /// status of a success whether it was of use.
    ///
    /// # Errors
    ///
    /// As for [`Transport::send`]; within, as `read` says.
    pub async fn send_and_read<T, E: Display>(
        &self,
        over: Over,
        purpose: Purpose,
        attempt: u32,
        request: RequestBuilder,
        read: impl FnOnce(&Answer) -> Result<T, E>,
    ) -> Result<Result<T, E>, TransportError> {
        let sent = self.send_by(over, purpose, attempt, request, read);
        Ok(sent.await?.1)
    }

    async fn send_by<T, E: Display>(
        &self,
        over: Over,
        purpose: Purpose,
        attempt: u32,
        request: RequestBuilder,
        read: impl FnOnce(&Answer) -> Result<T, E>,
    ) -> Result<(Answer, Result<T, E>), TransportError> {
        let mut request = request.build().map_err(|error| classify(&error))?;
        let asked = Instant::now();
        let _pass = self.gate.pass(purpose, self.limits.max_wait).await?;
        let left = self.limits.total_timeout.saturating_sub(asked.elapsed());
        *request.timeout_mut() = Some(left);
        let watch = Watch::begin(&self.observers, purpose, attempt, &request);
        let http = match over {
            Over::Any => &self.http,
            Over::New => &self.http_anew,
        };
        let outcome = self.exchange(http, request).await;
        let took = watch.as_ref().map(Watch::elapsed).unwrap_or_default();
        let tell = |outcome: Outcome<'_>| {
            if let Some(watch) = watch {
                watch.end(took, outcome);
            }
        };
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => {
                tell(Outcome::Failed(&error));
                return Err(error);
            }
        };
        let made = read(&answer);
        match &made {
            Err(why) if answer.status.is_success() => {
                tell(Outcome::Unusable(&answer, &why.to_string()));
            }
            _ => tell(Outcome::Answered(&answer)),
        }
        Ok((answer, made))
    }

    async fn exchange(&self, http: &Client, request: Request) -> Result<Answer, TransportError> {
        let response = http.execute(request).await;
        let response = response.map_err(|error| self.why(&error))?;
        self.kept.answered(&response);
        Answer::read(response, self.limits.max_answer_bytes).await
    }

    /// Why no answer began.
    fn why(&self, error: &reqwest::Error) -> TransportError {
        let is_dropped = self.kept.ended(error);
        match classify(error) {
            TransportError::Unreachable(cause) if is_dropped => TransportError::Dropped(cause),
            error => error,
        }
    }
}

/// A client for the hosts of `targets`, to be completed.
fn client_for(targets: &[&Url], user_agent: &str, limits: Limits) -> ClientBuilder {
    let mut builder = client(user_agent, limits);
    if targets.iter().all(|url| is_loopback(url)) {
        builder = builder.no_proxy();
    }
    if targets.iter().all(|url| url.scheme() == "http") {
        // Nothing to verify: don't load the system's root certificates.
        builder = builder.tls_certs_only([]);
    }
    builder
}

/// What every client is: bounded in time, and nobody leads it elsewhere.
fn client(user_agent: &str, limits: Limits) -> ClientBuilder {
    // Installing twice (several servers in one process, as in tests) is harmless: the first one stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(user_agent)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(limits.connect_timeout)
        // Shorter than servers keep a connection, so that few are closed under a request.
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

fn classify(error: &reqwest::Error) -> TransportError {
    if error.is_timeout() {
        return TransportError::Timeout;
    }
    // The innermost cause says it best ("Connection refused"); the outer layers repeat the URL.
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let cause = cause.to_string().into();
    if error.is_connect() {
        return TransportError::NotConnected(cause);
    }
    TransportError::Unreachable(cause)
}
