//! Entry points for the fuzz targets in `fuzz/`, to parsers that are private to their modules. Built with `--cfg fuzzing` only.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;

use crate::api::{ApiError, Refused};
use crate::transport::{self, Answer};
use crate::{OAuthError, Token};

/// Reads a successful answer of the token endpoint.
///
/// # Errors
///
/// [`OAuthError::Malformed`].
pub fn token(body: &[u8], requested_at: Timestamp) -> Result<Token, OAuthError> {
    Token::parse(body, requested_at)
}

/// Reads a refusal of the token endpoint to a request that carried `secrets`.
#[must_use]
pub fn token_refusal(status: StatusCode, body: &[u8], secrets: &[&str]) -> OAuthError {
    OAuthError::from_refusal(status, body, secrets)
}

/// Reads the refusal that a successful answer of the token endpoint tells of, if it does.
#[must_use]
pub fn token_refusal_told(status: StatusCode, body: &[u8], secrets: &[&str]) -> Option<OAuthError> {
    OAuthError::told_with_success(status, body, secrets)
}

/// Reads an error answer of the API to a request that carried `secret`, and says whether the call may be repeated.
#[must_use]
pub fn api_refusal(answer: &Answer, secret: &str) -> (ApiError, bool) {
    let refused = Refused::read(answer, secret);
    (refused.error, refused.may_pass)
}

/// Reads a `Retry-After`.
#[must_use]
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    transport::retry_after(value, now)
}
