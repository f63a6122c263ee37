//! What the authorization server says when it sends the browser back without a code.

use super::refusal::printable;
use crate::masking::without_secrets;

/// The `error` of a callback (RFC 6749 section 4.1.2.1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizationError {
    /// `access_denied`: the person chose Deny.
    #[error("access_denied")]
    AccessDenied,
    /// `invalid_scope`: the app asks for a scope that Smartsheet doesn't know or doesn't give it.
    #[error("invalid_scope")]
    InvalidScope,
    /// `invalid_client`: the app is unknown or switched off.
    #[error("invalid_client")]
    InvalidClient,
    /// `invalid_request`: the authorization request lacks something.
    #[error("invalid_request")]
    InvalidRequest,
    /// `temporarily_unavailable`: the server is overloaded or under maintenance. It stands for 503, which a redirect can't be.
    #[error("temporarily_unavailable")]
    TemporarilyUnavailable,
    /// `server_error`: the server failed. It stands for 500, which a redirect can't be.
    #[error("server_error")]
    ServerError,
    /// Any other value, `unsupported_response_type` included.
    #[error("{error}")]
    Other {
        /// The `error` parameter, cut and without control characters.
        error: String,
        /// The `error_description` parameter, likewise.
        description: Option<String>,
    },
}

impl AuthorizationError {
    pub(super) fn new(error: &str, description: Option<&str>) -> Self {
        match error {
            "access_denied" => Self::AccessDenied,
            "invalid_scope" => Self::InvalidScope,
            "invalid_client" => Self::InvalidClient,
            "invalid_request" => Self::InvalidRequest,
            "temporarily_unavailable" => Self::TemporarilyUnavailable,
            "server_error" => Self::ServerError,
            _ => Self::Other {
                error: printable(&without_secrets(error, &[])),
                description: description.map(|text| printable(&without_secrets(text, &[]))),
            },
        }
    }

    /// Whether the server could not answer, which passes and is nobody's mistake here.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::TemporarilyUnavailable | Self::ServerError)
    }
}
