//! `GET /auth/session`: who is signed in, for a site's own pages.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, json};

use super::failures::{nobody_for_scripts, not_allowed};
use super::grant::identity;
use super::visitor::signed_in;
use crate::gateway::Place;
use crate::web::App;
use crate::web::at::At;
use crate::web::failure::Failure;
use crate::web::person_failures::PersonError;
use crate::web::rendered::AsProblem;
use crate::web::shares::Caller;

/// Where a person is signed out, on the app's address as at a site.
const SIGN_OUT: &str = "/auth/sign-out";
pub(super) const SIGN_IN: &str = "/auth/sign-in";

pub(super) async fn get(
    State(app): State<Arc<App>>,
    at: At,
    headers: HeaderMap,
    caller: Caller,
) -> Response {
    if *at.place() == Place::Elsewhere {
        return StatusCode::NOT_FOUND.into_response();
    }
    let (failure, more) = match session(&app, &at, &headers, caller).await {
        Ok(answer) => return answer,
        Err(PersonError::SignedOut) => {
            let sign_in = ("sign_in_url".to_owned(), SIGN_IN.into());
            (nobody_for_scripts(), Map::from_iter([sign_in]))
        }
        Err(PersonError::Failed(failure)) => (failure, Map::new()),
    };
    let mut response = failure.into_response();
    response.extensions_mut().insert(AsProblem(more));
    response
}

async fn session(
    app: &App,
    at: &At,
    headers: &HeaderMap,
    caller: Caller,
) -> Result<Response, PersonError> {
    let stored = signed_in(app, at, headers).await;
    let stored = stored.map_err(|error| PersonError::Failed(Failure::from(error)))?;
    let stored = stored.ok_or(PersonError::SignedOut)?;
    let identity = identity(app, &stored, caller).await?;
    if !app.gateway.allows(&identity) {
        return Err(PersonError::Failed(not_allowed(Some(&identity))));
    }
    let left = app
        .sessions
        .store
        .expiry(&stored.data)
        .duration_since(app.clock.now());
    let body = json!({
        "signed_in": true,
        "user": {
            "id": identity.id,
            "email": identity.email,
            "name": identity.name,
            "given_name": identity.given_name,
            "family_name": identity.family_name,
            "account": {"id": identity.account_id, "name": identity.account_name},
            "groups": identity.groups,
        },
        "expires_in": left.as_secs().max(0),
        "sign_out_url": SIGN_OUT,
    });
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    Ok((content_type, body.to_string()).into_response())
}
