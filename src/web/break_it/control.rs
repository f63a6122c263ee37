//! Tells the sandbox what to do to one person's tokens, by its control endpoints.

use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};
use url::Url;

use super::failures::{Fault, Order, api_of_board};
use crate::oauth::{RefreshToken, Token};
use crate::transport::{Purpose, Transport, TransportError};

/// The control endpoints of the sandbox that plays Smartsheet.
#[derive(Debug, Clone)]
pub struct Control {
    /// Up to and including `control`.
    base: Url,
    transport: Transport,
}

/// Why the sandbox was not told.
#[derive(Debug, thiserror::Error)]
pub(super) enum ControlError {
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error("the sandbox answered {0}")]
    Refused(StatusCode),
}

impl Control {
    /// The control endpoints beside the API at `api_url`, called through `transport`.
    #[must_use]
    pub fn beside(api_url: &Url, transport: Transport) -> Self {
        let mut base = api_url.clone();
        let path = api_url.path().trim_end_matches('/').to_owned();
        let root = path.strip_suffix("/2.0").unwrap_or(&path);
        base.set_path(&format!("{root}/control"));
        Self { base, transport }
    }

    /// Gives `order` for the grant of `token`.
    pub(super) async fn give(&self, order: &Order, token: &Token) -> Result<(), ControlError> {
        let access_token = token.access_token.expose();
        let refresh_token = token.refresh_token.as_ref().map(RefreshToken::expose);
        match order {
            Order::Expire => {
                let body = json!({ "what": "access_tokens", "token": access_token });
                self.post("expire", &body).await
            }
            Order::Revoke => self.post("revoke", &json!({ "token": access_token })).await,
            Order::FailProfile(fault) => {
                let body = with_token(fault, "/2.0/users/me", access_token);
                self.post("faults", &body).await
            }
            Order::FailSheet(fault) => {
                let path = api_of_board();
                // The form is made of the next call.
                let first = with_token(&Fault::named("slow", 1), &path, access_token);
                self.post("faults", &first).await?;
                let body = with_token(fault, &path, access_token);
                self.post("faults", &body).await
            }
            Order::FailSaving(fault) => {
                let path = format!("{}/rows", api_of_board());
                let body = with_token(fault, &path, access_token);
                self.post("faults", &body).await
            }
            Order::FailRefresh(fault) => {
                let body = with_token(fault, "/2.0/token", refresh_token.unwrap_or_default());
                self.post("faults", &body).await
            }
        }
    }

    async fn post(&self, endpoint: &str, body: &Value) -> Result<(), ControlError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{endpoint}", self.base.path()));
        let request = self
            .transport
            .request(Method::POST, url)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.to_string());
        let answer = self
            .transport
            .send(Purpose::Other("arrangement"), 1, request)
            .await?;
        if answer.status.is_success() {
            Ok(())
        } else {
            Err(ControlError::Refused(answer.status))
        }
    }
}

fn with_token(fault: &Fault, path: &str, token: &str) -> Value {
    let mut body = json!({
        "path": path,
        "fault": fault.name,
        "times": fault.times,
        "delay_ms": fault.delay_ms,
        "token": token,
    });
    if let Some(seconds) = fault.retry_after {
        body["retry_after"] = seconds.into();
    }
    body
}
