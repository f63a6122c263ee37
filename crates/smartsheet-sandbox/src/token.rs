//! The token endpoint: `POST /2.0/token` exchanges a code (RFC 6749 section 4.1.3) or refreshes (section 6);
//! `DELETE /2.0/token` revokes.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use super::{
    api_error::{ApiError, NO_CACHE},
    caller::Caller,
    grants::{Book, Change, Digest, Grant, Millis, Pair, millis},
    options::RegisteredApp,
    param_problems::BodyProblem,
    params::Params,
    shared::Shared,
};

/// A new pair of tokens, flat as Smartsheet's server sends it.
#[derive(Serialize)]
struct TokenAnswer {
    access_token: String,
    token_type: &'static str,
    refresh_token: String,
    /// Seconds.
    expires_in: u64,
}

/// The mark of a request whose proof of the app's secret is to be found wrong, whatever it is.
#[derive(Clone, Copy)]
pub(super) struct ProofIsWrong;

/// `POST /2.0/token`.
pub(super) async fn issue(
    State(sandbox): State<Arc<Shared>>,
    fault: Option<Extension<ProofIsWrong>>,
    params: Result<Params, BodyProblem>,
) -> Result<Response, ApiError> {
    let params = params?;
    params.check()?;
    let answer = match params.need("grant_type")? {
        "authorization_code" => exchange(&sandbox, &params, fault.is_none()).await?,
        "refresh_token" => refresh(&sandbox, &params, fault.is_none()).await?,
        _ => return Err(ApiError::unsupported_grant_type()),
    };
    Ok((NO_CACHE, Json(answer)).into_response())
}

async fn exchange(
    sandbox: &Shared,
    params: &Params,
    trusted: bool,
) -> Result<TokenAnswer, ApiError> {
    let (app, code) = authenticate(sandbox, params, "code", trusted)?;
    let redirect_uri = params.get("redirect_uri")?;
    let code = Digest::of(code);
    let now = sandbox.now();
    let fresh = FreshPair::new(sandbox, now);
    sandbox
        .ledger
        .commit(|book| {
            let grant = match of_app(book.by_code(&code), app) {
                Ok(grant) => grant,
                Err(error) => return (Vec::new(), Err(error)),
            };
            if grant.pair.is_some() || grant.revoked {
                // RFC 6749 section 4.1.2: a code used twice may have been stolen, so what it issued is revoked.
                let changes = revoke(grant).map(Change::put).into_iter().collect();
                return (changes, Err(ApiError::invalid_grant()));
            }
            if grant.code_expires_at <= now {
                return (Vec::new(), Err(ApiError::code_expired()));
            }
            if let Err(error) = check_redirect(grant, redirect_uri) {
                return (Vec::new(), Err(error));
            }
            let mut changes: Vec<_> = book.room_for_grant().into_iter().collect();
            changes.push(fresh.put_into(grant));
            (changes, Ok(()))
        })
        .await??;
    Ok(fresh.answer)
}

async fn refresh(
    sandbox: &Shared,
    params: &Params,
    trusted: bool,
) -> Result<TokenAnswer, ApiError> {
    let (app, token) = authenticate(sandbox, params, "refresh_token", trusted)?;
    let redirect_uri = params.get("redirect_uri")?;
    let token = Digest::of(token);
    let fresh = FreshPair::new(sandbox, sandbox.now());
    sandbox
        .ledger
        .commit(|book| {
            let verdict = of_app(book.by_refresh(&token), app).and_then(|grant| {
                if grant.revoked {
                    return Err(ApiError::revoked());
                }
                check_redirect(grant, redirect_uri)?;
                Ok(grant)
            });
            match verdict {
                // The old pair is replaced, and with that no longer valid.
                Ok(grant) => (vec![fresh.put_into(grant)], Ok(())),
                Err(error) => (Vec::new(), Err(error)),
            }
        })
        .await??;
    Ok(fresh.answer)
}

/// `DELETE /2.0/token`: revokes the grant of the bearer token, or with `deleteAllForApiClient=true` every grant that its
/// user gave its app.
pub(super) async fn delete(
    State(sandbox): State<Arc<Shared>>,
    caller: Caller,
    params: Result<Params, BodyProblem>,
) -> Result<Response, ApiError> {
    let params = params?;
    let all = params.flag("deleteAllForApiClient")?;
    sandbox
        .ledger
        .commit(|book| (revoke_of_caller(book, &caller, all), ()))
        .await?;
    let done = serde_json::json!({"resultCode": 0, "message": "SUCCESS"});
    Ok((NO_CACHE, Json(done)).into_response())
}

fn revoke_of_caller(book: &Book, caller: &Caller, all: bool) -> Vec<Change> {
    let Some(own) = book.by_access(&caller.token) else {
        return Vec::new();
    };
    let grants = if all {
        book.iter()
            .filter(|grant| grant.user == own.user && grant.client_id == own.client_id)
            .collect()
    } else {
        vec![own]
    };
    grants
        .into_iter()
        .filter_map(revoke)
        .map(Change::put)
        .collect()
}

/// The grant once it is revoked, when it isn't already.
pub(super) fn revoke(grant: &Grant) -> Option<Grant> {
    (!grant.revoked).then(|| Grant {
        revoked: true,
        ..grant.clone()
    })
}

/// Two tokens that are not yet anybody's.
struct FreshPair {
    answer: TokenAnswer,
    pair: Pair,
}

impl FreshPair {
    fn new(sandbox: &Shared, now: Millis) -> Self {
        let lifetime = sandbox.access_token_lifetime;
        let answer = TokenAnswer {
            access_token: sandbox.dice.token(),
            token_type: "bearer",
            refresh_token: sandbox.dice.token(),
            // One second less than it lives, as at Smartsheet: 604799.
            expires_in: lifetime.as_secs().saturating_sub(1),
        };
        let pair = Pair {
            access: Digest::of(&answer.access_token),
            access_expires_at: now.saturating_add_unsigned(millis(lifetime)),
            refresh: Digest::of(&answer.refresh_token),
        };
        Self { answer, pair }
    }

    fn put_into(&self, grant: &Grant) -> Change {
        Change::put(Grant {
            pair: Some(self.pair.clone()),
            ..grant.clone()
        })
    }
}

/// The app, and the code or refresh token that it sends, once it has proven to know its secret: by the secret itself,
/// or by the lower-case hex of SHA-256 over `{secret}|{code or refresh token}`. A proof that is not `trusted` is wrong even so.
fn authenticate<'a>(
    sandbox: &'a Shared,
    params: &'a Params,
    credential: &str,
    trusted: bool,
) -> Result<(&'a RegisteredApp, &'a str), ApiError> {
    let client_id = params.need("client_id")?;
    let app = sandbox
        .app(client_id)
        .ok_or_else(ApiError::unknown_client)?;
    match (params.get("hash")?, params.get("client_secret")?) {
        (None, None) => Err(ApiError::missing_client_authentication()),
        (Some(_), Some(_)) => Err(ApiError::two_client_authentications()),
        (None, Some(secret)) => {
            let credential = params.need(credential)?;
            (trusted && equal(secret, &app.client_secret))
                .then_some((app, credential))
                .ok_or_else(ApiError::wrong_secret)
        }
        (Some(hash), None) => {
            let credential = params.need(credential)?;
            let expected = Sha256::digest(format!("{}|{credential}", app.client_secret));
            (trusted && equal(hash, &hex::encode(expected)))
                .then_some((app, credential))
                .ok_or_else(ApiError::wrong_hash)
        }
    }
}

fn equal(given: &str, expected: &str) -> bool {
    given.as_bytes().ct_eq(expected.as_bytes()).into()
}

fn of_app<'a>(grant: Option<&'a Grant>, app: &RegisteredApp) -> Result<&'a Grant, ApiError> {
    grant
        .filter(|grant| grant.client_id == app.client_id)
        .ok_or_else(ApiError::invalid_grant)
}

/// It may be left out; what is sent must be where the code went (RFC 6749 section 4.1.3).
fn check_redirect(grant: &Grant, given: Option<&str>) -> Result<(), ApiError> {
    match given {
        Some(url) if url != grant.redirect_url => Err(ApiError::wrong_redirect()),
        _ => Ok(()),
    }
}
