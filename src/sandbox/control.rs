//! The endpoints by which a test steers the sandbox. Anyone who reaches the sandbox may use them.

use std::sync::Arc;

use axum::{Json, body::Body, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Shared,
    api_error::ApiError,
    grants::{Book, Change, Grant, Millis, Pair},
    params::{BODY_LIMIT, read_body},
    request_log::Entry,
    token::revoke,
};

/// `GET /control/requests`: the API requests since the last `DELETE`.
pub(super) async fn requests(State(sandbox): State<Arc<Shared>>) -> Json<Vec<Entry>> {
    Json(sandbox.log.list())
}

/// `DELETE /control/requests`.
pub(super) async fn clear_requests(State(sandbox): State<Arc<Shared>>) -> Json<Value> {
    sandbox.log.clear();
    Json(json!({"requests": 0}))
}

/// `POST /control/faults`: the next requests to a path fail.
pub(super) async fn order_fault(
    State(sandbox): State<Arc<Shared>>,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let order = read_json(body).await?;
    let waiting = sandbox
        .faults
        .order(order)
        .map_err(|why| ApiError::unparsable(&why))?;
    Ok(Json(json!({"faults": waiting})))
}

/// `DELETE /control/faults`.
pub(super) async fn clear_faults(State(sandbox): State<Arc<Shared>>) -> Json<Value> {
    sandbox.faults.clear();
    Json(json!({"faults": 0}))
}

/// The body of `POST /control/expire`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expire {
    what: Expiring,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Expiring {
    AccessTokens,
    Codes,
}

/// `POST /control/expire`: the access tokens or codes issued so far have expired from now on.
pub(super) async fn expire(
    State(sandbox): State<Arc<Shared>>,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let Expire { what } = read_json(body).await?;
    let now = sandbox.now();
    let expired = sandbox
        .ledger
        .commit(|book| {
            let changes = change_all(book, |grant| match what {
                Expiring::AccessTokens => expire_access_token(grant, now),
                Expiring::Codes => expire_code(grant, now),
            });
            let count = changes.len();
            (changes, count)
        })
        .await?;
    Ok(Json(json!({"expired": expired})))
}

/// `POST /control/revoke`: every grant is revoked, and no code that waits can be exchanged.
pub(super) async fn revoke_all(
    State(sandbox): State<Arc<Shared>>,
) -> Result<Json<Value>, ApiError> {
    let revoked = sandbox
        .ledger
        .commit(|book| {
            let changes: Vec<_> = book.iter().flat_map(revoke).collect();
            let count = changes.len();
            (changes, count)
        })
        .await?;
    Ok(Json(json!({"revoked": revoked})))
}

fn change_all(book: &Book, change: impl Fn(&Grant) -> Option<Grant>) -> Vec<Change> {
    book.iter().filter_map(change).map(Change::put).collect()
}

fn expire_access_token(grant: &Grant, now: Millis) -> Option<Grant> {
    let pair = grant.pair.as_ref()?;
    (pair.access_expires_at > now).then(|| Grant {
        pair: Some(Pair {
            access_expires_at: now,
            ..pair.clone()
        }),
        ..grant.clone()
    })
}

fn expire_code(grant: &Grant, now: Millis) -> Option<Grant> {
    (grant.pair.is_none() && grant.code_expires_at > now).then(|| Grant {
        code_expires_at: now,
        ..grant.clone()
    })
}

async fn read_json<T: serde::de::DeserializeOwned>(body: Body) -> Result<T, ApiError> {
    let body = read_body(body, BODY_LIMIT).await?;
    serde_json::from_slice(&body).map_err(|error| ApiError::unparsable(&error.to_string()))
}
