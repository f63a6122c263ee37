//! `GET /2.0/users/me?include=groups`: who the token belongs to. It needs no scope.

use axum::{
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};

use super::{
    api_error::{ApiError, NO_CACHE},
    caller::Caller,
    param_problems::BodyProblem,
    params::Params,
    user::Group,
};

/// Answers the `UserProfile`.
pub(super) async fn get(
    caller: Caller,
    params: Result<Params, BodyProblem>,
) -> Result<Response, ApiError> {
    caller.may_use_api()?;
    let json = [(CONTENT_TYPE, "application/json")];
    let profile = &*caller.user.profile;
    if params?.includes("groups")? {
        let profile = with_groups(profile, caller.user.groups)?;
        return Ok((NO_CACHE, json, profile).into_response());
    }
    Ok((NO_CACHE, json, profile).into_response())
}

/// The profile with one field more. All others stay as they are written, numbers that no parser would keep included.
fn with_groups(profile: &str, groups: &[Group]) -> Result<String, ApiError> {
    let groups = serde_json::to_string(groups).map_err(|_| ApiError::unexpected())?;
    let fields = profile.trim_end().strip_suffix('}');
    let fields = fields.ok_or_else(ApiError::unexpected)?.trim_end();
    Ok(format!("{fields}, \"groups\": {groups}}}"))
}
