//! Calls to the API.

use std::time::Duration;

use reqwest::{Method, header};
use url::Url;

use super::error::Refused;
use super::{ApiError, Profile, Retry};
use crate::oauth::AccessToken;
use crate::transport::Transport;

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

    /// Who the person is that `token` belongs to (`GET /users/me`). Needs no scope.
    ///
    /// # Errors
    ///
    /// [`ApiError`]; one that may pass was retried already.
    pub async fn current_user(&self, token: &AccessToken) -> Result<Profile, ApiError> {
        let body = self.get("users/me", token).await?;
        Profile::parse(body).map_err(|error| ApiError::Malformed(error.to_string()))
    }

    /// Sends a GET, again where the error table says so. Only calls that change nothing are repeated.
    async fn get(&self, path: &str, token: &AccessToken) -> Result<Vec<u8>, ApiError> {
        let mut url = self.base.clone();
        url.set_path(&format!(
            "{}/{path}",
            self.base.path().trim_end_matches('/')
        ));
        let mut tries = 1;
        loop {
            let request = self
                .transport
                .request(Method::GET, url.clone())
                .bearer_auth(token.expose())
                .header(header::ACCEPT, "application/json");
            let answer = self.transport.send(request).await?;
            if answer.status.is_success() {
                return Ok(answer.body);
            }
            let refused = Refused::read(&answer, token.expose());
            tries += 1;
            match self.wait(&refused, tries) {
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
