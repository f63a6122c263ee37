//! Bearer tokens (RFC 6750).

use axum::http::{HeaderMap, header::AUTHORIZATION};

use super::api_error::ApiError;

/// The token of the `Authorization` header (RFC 6750 section 2.1).
pub(super) fn bearer_token(headers: &HeaderMap) -> Result<&str, ApiError> {
    let value = headers
        .get(AUTHORIZATION)
        .ok_or_else(ApiError::token_required)?;
    let text = value.to_str().map_err(|_| ApiError::token_invalid())?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    match token.trim() {
        token if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() => Ok(token),
        _ => Err(ApiError::token_required()),
    }
}
