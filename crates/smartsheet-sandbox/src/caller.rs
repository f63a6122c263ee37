//! Who calls the API: the extractor that every endpoint behind a bearer token starts with.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};

use super::{
    api_error::ApiError,
    bearer::bearer_token,
    grants::Digest,
    scopes::{Scope, ScopeSet},
    shared::Shared,
    users::User,
};

/// The owner of a valid access token (RFC 6750 section 2.1). Extracting it answers 401 with errorCode 1001, 1002 or 1003,
/// and 429 with 4003 when there is a rate limit and it is reached.
pub(super) struct Caller {
    /// Of the access token.
    pub(super) token: Digest,
    pub(super) user: &'static User,
    scopes: ScopeSet,
}

impl Caller {
    /// Refuses (403, errorCode 1004) a user whose plan has no API access.
    pub(super) fn may_use_api(&self) -> Result<(), ApiError> {
        if self.user.api_access {
            Ok(())
        } else {
            Err(ApiError::not_authorized())
        }
    }

    /// Refuses (403, errorCode 1004) a call whose scope was not granted, or whose user has no API access.
    pub(super) fn needs(&self, scope: Scope) -> Result<(), ApiError> {
        self.may_use_api()?;
        if self.scopes.contains(scope) {
            Ok(())
        } else {
            Err(ApiError::not_authorized())
        }
    }
}

impl FromRequestParts<Arc<Shared>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        sandbox: &Arc<Shared>,
    ) -> Result<Self, ApiError> {
        let token = Digest::of(bearer_token(&parts.headers)?);
        let now = sandbox.now();
        let caller = sandbox.ledger.read(|book| {
            let grant = book.by_access(&token).filter(|grant| !grant.revoked);
            let grant = grant.ok_or_else(ApiError::token_invalid)?;
            match &grant.pair {
                Some(pair) if pair.access_expires_at > now => Ok(Self {
                    token,
                    user: grant.user,
                    scopes: grant.scopes,
                }),
                _ => Err(ApiError::token_expired()),
            }
        })?;
        sandbox.limiter.take(&token, now)?;
        Ok(caller)
    }
}
