//! Calls to the API.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, header};
use url::Url;

use super::error::Refused;
use super::{ApiError, Profile, Retry};
use crate::oauth::AccessToken;
use crate::transport::{Purpose, Transport, Witness};

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
        let body = self.get(Purpose::CurrentUser, "users/me", token).await?;
        Profile::parse(body).map_err(|error| ApiError::Malformed(error.to_string()))
    }

    /// Sends a GET, again where the error table says so. Only calls that change nothing are repeated.
    async fn get(
        &self,
        purpose: Purpose,
        path: &str,
        token: &AccessToken,
    ) -> Result<Vec<u8>, ApiError> {
        let mut url = self.base.clone();
        url.set_path(&format!(
            "{}/{path}",
            self.base.path().trim_end_matches('/')
        ));
        let mut attempt = 1;
        loop {
            let request = self
                .transport
                .request(Method::GET, url.clone())
                .bearer_auth(token.expose())
                .header(header::ACCEPT, "application/json");
            let answer = self.transport.send(purpose, attempt, request).await?;
            if answer.status.is_success() {
                return Ok(answer.body);
            }
            let refused = Refused::read(&answer, token.expose());
            attempt += 1;
            match self.wait(&refused, attempt) {
                Some(wait) => {
                    tracing::debug!(error = %refused.error, ?wait, "trying again");
                    tokio::time::sleep(wait).await;
                }
                None => return Err(refused.error),
            }
        }
    }

    fn wait(&self, refused: &Refused, next: u32) -> Option<Duration> {
        refused
            .may_pass
            .then(|| self.retry.wait_before(next, refused.retry_after))?
    }
}
