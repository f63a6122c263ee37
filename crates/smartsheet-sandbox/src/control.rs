//! The endpoints by which a test steers the sandbox. Who may use them is decided in `guard.rs`.

use std::sync::Arc;

use axum::{Json, body::Body, extract::State};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    api_error::ApiError,
    grants::{Book, Change, Digest, Grant, Millis, Pair},
    params::{BODY_LIMIT, read_body},
    presented,
    request_log::Entry,
    shared::Shared,
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
    tracing::info!("the sandbox is told to fail no more");
    Json(json!({"faults": 0}))
}

/// The body of `POST /control/expire`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expire {
    what: Expiring,
    /// Only the grant that this belongs to.
    #[serde(default, deserialize_with = "presented::named")]
    token: Option<Digest>,
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
    let Expire { what, token } = read_json(body).await?;
    let now = sandbox.now();
    let expire = |grant: &Grant| match what {
        Expiring::AccessTokens => expire_access_token(grant, now),
        Expiring::Codes => expire_code(grant, now),
    };
    change(&sandbox, "expired", token, expire).await
}

/// The body of `POST /control/revoke`. A misspelt field is refused, because without its field the request means everyone.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {
    /// Only the grant that this belongs to.
    #[serde(default, deserialize_with = "presented::named")]
    token: Option<Digest>,
}

/// `POST /control/revoke`: the grant that is named is revoked, or every one; no code of theirs can be exchanged any more.
pub(super) async fn revoke_grants(
    State(sandbox): State<Arc<Shared>>,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let body = read_body(body, BODY_LIMIT).await?;
    let Revoke { token } = if body.trim_ascii().is_empty() {
        Revoke::default()
    } else {
        // `null` is no body to those who always send JSON.
        parse_json::<Option<Revoke>>(&body)?.unwrap_or_default()
    };
    change(&sandbox, "revoked", token, revoke).await
}

/// Changes the grant that the token belongs to, or every grant when there is no token, and answers how many changed.
async fn change(
    sandbox: &Shared,
    done: &str,
    token: Option<Digest>,
    make: impl Fn(&Grant) -> Option<Grant>,
) -> Result<Json<Value>, ApiError> {
    let (count, known) = sandbox
        .ledger
        .commit(|book| {
            let grants = named_or_all(book, token.as_ref());
            let known = !grants.is_empty();
            let changes: Vec<_> = grants
                .into_iter()
                .filter_map(&make)
                .map(Change::put)
                .collect();
            let count = changes.len();
            (changes, (count, known))
        })
        .await?;
    tracing::info!(
        count,
        for_one = token.is_some(),
        "grants of the sandbox are {done} by order"
    );
    let mut answer = Map::from_iter([(done.to_owned(), json!(count))]);
    if token.is_some() && !known {
        answer.insert("message".into(), json!("No grant has this token."));
    }
    Ok(Json(Value::Object(answer)))
}

fn named_or_all<'a>(book: &'a Book, token: Option<&Digest>) -> Vec<&'a Grant> {
    match token {
        None => book.iter().collect(),
        Some(token) => book.by_any(token).into_iter().collect(),
    }
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
    parse_json(&read_body(body, BODY_LIMIT).await?)
}

fn parse_json<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::unparsable(&error.to_string()))
}
