//! Calls to the API.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Method, header};
use url::Url;

use super::Retry;
use super::error::Refused;
use crate::AccessToken;
use crate::transport::{Answer, Observer, Over, Purpose, Transport, TransportError};

/// Smartsheet's API, version 2.0. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    base: Url,
    pub(super) transport: Transport,
    retry: Retry,
}

impl Api {
    /// The API at `base` (such as `https://api.smartsheet.com/2.0`), called through `transport`.
    #[must_use]
    pub fn new(base: Url, transport: Transport, retry: Retry) -> Self {
        Self {
            base,
            transport,
            retry,
        }
    }

    /// The address of the API, such as `https://api.smartsheet.com/2.0`.
    #[must_use]
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The same API, with one more that sees its calls.
    #[must_use]
    pub fn observed_by(&self, observer: Arc<dyn Observer>) -> Self {
        Self {
            transport: self.transport.observed_by(observer),
            ..self.clone()
        }
    }

    /// The same API, for answers of up to `bytes`.
    pub(super) fn taking(&self, bytes: usize) -> Self {
        Self {
            transport: self.transport.taking(bytes),
            ..self.clone()
        }
    }

    /// Where `path` of the API is.
    pub(super) fn address(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!(
            "{}/{path}",
            self.base.path().trim_end_matches('/')
        ));
        url
    }

    /// Sends it once, or twice when a kept connection ended before the first byte of an answer. Counts in `attempt`.
    pub(super) async fn send<T, E: Display>(
        &self,
        purpose: Purpose,
        attempt: &mut u32,
        url: &Url,
        token: &AccessToken,
        read: impl Fn(&Answer) -> Result<T, E>,
    ) -> Result<Result<T, E>, TransportError> {
        let request = || {
            let request = self.transport.request(Method::GET, url.clone());
            request
                .bearer_auth(token.expose())
                .header(header::ACCEPT, "application/json")
        };
        *attempt += 1;
        let sent = self
            .transport
            .send_and_read(Over::Any, purpose, *attempt, request(), &read);
        match sent.await {
            Err(TransportError::Dropped(cause)) => {
                tracing::debug!(%cause, "a kept connection had ended: trying again");
                *attempt += 1;
                let again =
                    self.transport
                        .send_and_read(Over::New, purpose, *attempt, request(), &read);
                again.await
            }
            sent => sent,
        }
    }

    /// How long to wait before try number `next`. `None`: not again, or not while whoever asked is still there.
    pub(super) fn wait(&self, refused: &Refused, next: u32, started: Instant) -> Option<Duration> {
        let asked = refused.retry_after;
        let wait = refused
            .may_pass
            .then(|| self.retry.wait_before(next, asked))??;
        let is_too_long = started.elapsed() + wait >= self.transport.patience();
        (asked.is_none() || !is_too_long).then_some(wait)
    }

    /// The same for a call that found no connection.
    pub(super) fn pause(&self, next: u32, started: Instant) -> Option<Duration> {
        let wait = self.retry.wait_before(next, None)?;
        (started.elapsed() + wait < self.transport.patience()).then_some(wait)
    }
}
