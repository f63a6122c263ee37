//! Which tokens and codes a request presents, and which one an order of the control endpoints names. Both are kept as
//! digests alone.

use axum::http::HeaderMap;
use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected},
};

use super::{bearer::bearer_token, grants::Digest, params::Params};

/// The access token, the refresh token and the code that a request carries.
#[derive(Debug, Default)]
pub(super) struct Presented(Vec<Digest>);

impl Presented {
    /// The bearer token, when there is one.
    pub(super) fn in_headers(headers: &HeaderMap) -> Self {
        Self(bearer_token(headers).map(Digest::of).into_iter().collect())
    }

    /// Adds those of a token request.
    pub(super) fn add(&mut self, params: &Params) {
        let values = ["code", "refresh_token"]
            .into_iter()
            .filter_map(|name| params.get(name).ok()?);
        self.0.extend(values.map(Digest::of));
    }

    pub(super) fn includes(&self, token: &Digest) -> bool {
        self.0.contains(token)
    }
}

/// Reads an optional `"token"`. One that is there must be text: an order that was meant for one person and names nobody,
/// because of a `null` or an empty text, would otherwise reach everyone.
///
/// # Errors
///
/// When it is no text, or empty.
pub(super) fn named<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Digest>, D::Error> {
    let token = String::deserialize(source)?;
    if token.is_empty() {
        let expected = &"a token, or no token field at all";
        return Err(D::Error::invalid_value(Unexpected::Str(""), expected));
    }
    Ok(Some(Digest::of(&token)))
}
