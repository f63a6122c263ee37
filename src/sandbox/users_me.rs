//! `GET /2.0/users/me`: who the token belongs to. It needs no scope.

use axum::{
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};

use super::{
    api_error::{ApiError, NO_CACHE},
    caller::Caller,
};

/// Answers the `UserProfile`.
pub(super) async fn get(caller: Caller) -> Result<Response, ApiError> {
    caller.may_use_api()?;
    let json = [(CONTENT_TYPE, "application/json")];
    Ok((NO_CACHE, json, &*caller.user.profile).into_response())
}
