//! What the authorization server says when it sends the browser back without a code.

use std::borrow::Cow;

use super::refusal::printable;
use crate::masking::{hide_runs, without_secrets};

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

/// An error that nobody knows, as it can be logged. The callback is anybody's to make up, so what does not look like one is
/// treated as a text that may have a token in it.
fn unknown_code(error: &str) -> Cow<'_, str> {
    let looks_like_one = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    if error.bytes().all(looks_like_one) {
        return Cow::Borrowed(error);
    }
    Cow::Owned(hide_runs(&without_secrets(error, &[])).into_owned())
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
                error: printable(&unknown_code(error)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_nobody_knows_is_said_without_tokens() {
        for (error, said) in [
            ("unsupported_response_type", "unsupported_response_type"),
            ("Bearer ll352u9jujauoqz4gstvsae05", "Bearer ll35…"),
            (
                "access_token=ll352u9jujauoqz4gstvsae05",
                "access_token=ll35…",
            ),
            ("Out of order", "Out of order"),
        ] {
            assert_eq!(AuthorizationError::new(error, None).to_string(), said);
        }
    }
}
