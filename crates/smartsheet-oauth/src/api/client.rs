//! Calls to the API.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Method, header};
use url::Url;

use super::error::Refused;
use super::{ApiError, Profile, Retry};
use crate::AccessToken;
use crate::transport::{Answer, Purpose, Transport, TransportError, Witness};

/// Smartsheet's API, version 2.0. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    base: Url,
    transport: Transport,
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

    /// The same API, with one more that sees its calls.
    #[must_use]
    pub fn watched_by(&self, witness: Arc<dyn Witness>) -> Self {
        Self {
            transport: self.transport.watched_by(witness),
            ..self.clone()
        }
    }

    /// Who the person is that `token` belongs to (`GET /users/me`). Needs no scope.
    ///
    /// # Errors
    ///
    /// [`ApiError`]; one that may pass was retried already.
    pub async fn current_user(&self, token: &AccessToken) -> Result<Profile, ApiError> {
        let users_me = (Purpose::CurrentUser, "users/me", None);
        self.get(users_me, token, Profile::parse).await
    }

    /// The same with the groups that the person is in (`GET /users/me?include=groups`). Needs no scope.
    ///
    /// # Errors
    ///
    /// As with [`Api::current_user`].
    pub async fn current_user_with_groups(&self, token: &AccessToken) -> Result<Profile, ApiError> {
        let users_me = (Purpose::CurrentUser, "users/me", Some("include=groups"));
        self.get(users_me, token, Profile::parse).await
    }

    /// Sends a GET and has its answer read, again where the error table says so. Only calls that change nothing are repeated.
    async fn get<T, E: Display>(
        &self,
        (purpose, path, query): (Purpose, &str, Option<&str>),
        token: &AccessToken,
        read: impl Fn(Vec<u8>) -> Result<T, E>,
    ) -> Result<T, ApiError> {
        let mut url = self.base.clone();
        url.set_path(&format!(
            "{}/{path}",
            self.base.path().trim_end_matches('/')
        ));
        if query.is_some() {
            url.set_query(query);
        }
        let started = Instant::now();
        let (mut attempt, mut tries) = (0, 0);
        loop {
            let answer = self.send(purpose, &mut attempt, &url, token).await?;
            tries += 1;
            let refused = if answer.status.is_success() {
                match read(answer.body.clone()) {
                    Ok(read) => return Ok(read),
                    Err(error) => Refused::told_with_success(&answer, token.expose())
                        .ok_or_else(|| ApiError::Malformed(error.to_string()))?,
                }
            } else {
                Refused::read(&answer, token.expose())
            };
            match self.wait(&refused, tries + 1, started) {
                Some(wait) => {
                    tracing::debug!(error = %refused.error, ?wait, "trying again");
                    tokio::time::sleep(wait).await;
                }
                None => return Err(refused.error),
            }
        }
    }

    /// Sends it once, or twice when a kept connection ended before the first byte of an answer. Counts in `attempt`.
    async fn send(
        &self,
        purpose: Purpose,
        attempt: &mut u32,
        url: &Url,
        token: &AccessToken,
    ) -> Result<Answer, TransportError> {
        let request = || {
            let request = self.transport.request(Method::GET, url.clone());
            request
                .bearer_auth(token.expose())
                .header(header::ACCEPT, "application/json")
        };
        *attempt += 1;
        let sent = self.transport.send(purpose, *attempt, request());
        match sent.await {
            Err(TransportError::Dropped(cause)) => {
                tracing::debug!(%cause, "a kept connection had ended: trying again");
                *attempt += 1;
                let again = self.transport.send_anew(purpose, *attempt, request());
                again.await
            }
            sent => sent,
        }
    }

    /// How long to wait before try number `next`. `None`: not again, or not while whoever asked is still there.
    fn wait(&self, refused: &Refused, next: u32, started: Instant) -> Option<Duration> {
        let asked = refused.retry_after;
        let wait = refused
            .may_pass
            .then(|| self.retry.wait_before(next, asked))??;
        let is_too_long = started.elapsed() + wait >= self.transport.patience();
        (asked.is_none() || !is_too_long).then_some(wait)
    }
}
