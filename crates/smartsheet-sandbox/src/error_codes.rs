//! The errors that the sandbox answers, with the codes and texts of Smartsheet's list of error codes.

use std::borrow::Cow;

use axum::http::StatusCode;

use super::api_error::ApiError;

/// Errors of the whole API.
impl ApiError {
    pub(super) fn token_required() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            1001,
            "An Access Token is required.",
        )
    }

    pub(super) fn token_invalid() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            1002,
            "Your Access Token is invalid.",
        )
    }

    pub(super) fn token_expired() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            1003,
            "Your Access Token has expired.",
        )
    }

    pub(super) fn not_authorized() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            1004,
            "You are not authorized to perform this action.",
        )
    }

    /// For whom the sandbox does not answer, which Smartsheet has no code for.
    pub(super) fn turned_away(status: StatusCode, why: &'static str) -> Self {
        Self::new(status, 1004, why)
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, 1006, "Not Found.")
    }

    pub(super) fn unparsable(why: &str) -> Self {
        let why: String = why.chars().take(300).collect();
        let message = format!("Unable to parse request. The following error occurred: {why}");
        Self::new(StatusCode::BAD_REQUEST, 1008, message)
    }

    pub(super) fn method_not_supported() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            1010,
            "HTTP Method not supported.",
        )
    }

    pub(super) fn invalid_value(value: &str, parameter: &str) -> Self {
        let value: String = value.chars().take(100).collect();
        let message = format!("The value {value} was not valid for the parameter {parameter}.");
        Self::new(StatusCode::BAD_REQUEST, 1018, message)
    }

    pub(super) fn unsupported_media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            1124,
            "Invalid Content-Type header. Media type not supported.",
        )
    }

    pub(super) fn too_large() -> Self {
        let message =
            "Unable to parse request. The following error occurred: the request body is too large.";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, 1008, message)
    }

    pub(super) fn invalid_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 1070, message).named("invalid_request")
    }

    pub(super) fn unexpected() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            4000,
            "An unexpected error has occurred.",
        )
    }

    pub(super) fn maintenance() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            4001,
            "Smartsheet.com is currently offline for system maintenance. Please check back again shortly.",
        )
    }

    pub(super) fn timeout() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            4002,
            "Server timeout exceeded. Request has failed.",
        )
    }

    pub(super) fn rate_limited() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, 4003, "Rate limit exceeded.")
    }

    pub(super) fn please_retry() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            4004,
            "An unexpected error has occurred. Please retry your request.",
        )
    }

    /// The code of [`ApiError::please_retry`], with the status that two changes at once get.
    pub(super) fn save_collision() -> Self {
        let message = "Another change is being saved. Nothing of this one was saved; please retry your request.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, 4004, message)
    }

    pub(super) fn retired() -> Self {
        Self::new(
            StatusCode::GONE,
            4005,
            "This version of the API is no longer supported. Please use version 2.0.",
        )
    }
}

/// Errors of the token endpoint; each has its name in RFC 6749 section 5.2.
impl ApiError {
    fn refused(code: u16, oauth: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message).named(oauth)
    }

    pub(super) fn unknown_client() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 1067, "Invalid client_id.").named("invalid_client")
    }

    pub(super) fn unsupported_grant_type() -> Self {
        Self::refused(1068, "unsupported_grant_type", "Unsupported grant type.")
    }

    pub(super) fn code_expired() -> Self {
        let message = "Invalid Request. The authorization_code has expired.";
        Self::refused(1069, "invalid_grant", message)
    }

    pub(super) fn invalid_grant() -> Self {
        let message =
            "Invalid Grant. The authorization code or refresh token provided was invalid.";
        Self::refused(1071, "invalid_grant", message)
    }

    pub(super) fn wrong_hash() -> Self {
        let message = "Invalid hash value. The hash provided did not match the expected value.";
        Self::refused(1072, "invalid_grant", message)
    }

    pub(super) fn wrong_redirect() -> Self {
        let message = "The redirect_uri did not match the expected value.";
        Self::refused(1073, "invalid_grant", message)
    }

    pub(super) fn revoked() -> Self {
        let message = "The token provided has previously been revoked.";
        Self::refused(1132, "invalid_grant", message)
    }

    pub(super) fn missing_client_authentication() -> Self {
        let message = "Invalid Request. One of hash and client_secret is required.";
        Self::refused(1236, "invalid_request", message)
    }

    pub(super) fn two_client_authentications() -> Self {
        let message = "Invalid Request. Only one of hash and client_secret may be sent.";
        Self::refused(1237, "invalid_request", message)
    }

    pub(super) fn wrong_secret() -> Self {
        Self::refused(1238, "invalid_client", "Invalid client_secret.")
    }
}

/// Errors of requests that add or change rows.
impl ApiError {
    pub(super) fn attribute_missing(attribute: &str) -> Self {
        let message =
            format!("Required object attribute(s) are missing from your request: {attribute}.");
        Self::new(StatusCode::BAD_REQUEST, 1012, message)
    }

    pub(super) fn body_required() -> Self {
        let message = "The HTTP request body is required for this Method.";
        Self::new(StatusCode::BAD_REQUEST, 1024, message)
    }

    pub(super) fn attribute_not_allowed(attribute: &str) -> Self {
        let message = format!("The attribute(s) {attribute} are not allowed for this operation.");
        Self::new(StatusCode::BAD_REQUEST, 1032, message)
    }

    pub(super) fn row_invalid(row: i64) -> Self {
        let message = format!("The rowId {row} is invalid.");
        Self::new(StatusCode::BAD_REQUEST, 1036, message)
    }

    pub(super) fn column_invalid(column: i64) -> Self {
        let message = format!("The columnId {column} is invalid.");
        Self::new(StatusCode::BAD_REQUEST, 1036, message)
    }

    pub(super) fn column_twice(column: i64) -> Self {
        let message = format!("The columnId {column} is included more than once in a single row.");
        Self::new(StatusCode::BAD_REQUEST, 1037, message)
    }

    pub(super) fn cell_value_invalid() -> Self {
        let message = "Invalid Cell value. Must be numeric or a string.";
        Self::new(StatusCode::BAD_REQUEST, 1038, message)
    }

    pub(super) fn cell_value_too_long(limit: usize, length: usize) -> Self {
        let message = format!(
            "The value for cell.value must be {limit} characters in length or less, but was {length}."
        );
        Self::new(StatusCode::BAD_REQUEST, 1041, message)
    }

    /// By order, whatever the value is.
    pub(super) fn cell_value_refused() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            1042,
            "The value for a cell did not conform to the strict requirements for its column's type.",
        )
    }

    pub(super) fn cell_value_of_wrong_type(column: i64, value: &str, kind: &str) -> Self {
        let value: String = value.chars().take(100).collect();
        let message = format!(
            "The value for cell in column {column}, {value}, did not conform to the strict requirements for type {kind}."
        );
        Self::new(StatusCode::BAD_REQUEST, 1042, message)
    }

    pub(super) fn too_many_rows() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            1061,
            "Max count exceeded for field rows.",
        )
    }

    pub(super) fn row_location_missing() -> Self {
        let message = "Invalid row location: You must use at least 1 location specifier.";
        Self::new(StatusCode::BAD_REQUEST, 1062, message)
    }

    pub(super) fn row_location_ambiguous() -> Self {
        let message = "Invalid row location: The location specifiers contradict each other.";
        Self::new(StatusCode::BAD_REQUEST, 1062, message)
    }

    pub(super) fn parent_invalid(id: i64) -> Self {
        let message = format!("Invalid parentId: {id}.");
        Self::new(StatusCode::BAD_REQUEST, 1063, message)
    }

    pub(super) fn sibling_invalid(id: i64) -> Self {
        let message = format!("Invalid siblingId: {id}.");
        Self::new(StatusCode::BAD_REQUEST, 1064, message)
    }

    pub(super) fn row_locations_differ() -> Self {
        let message = "Specifying multiple row locations is not yet supported. Each row must use the same row location \
            attribute and value (toBottom, toTop, parentId, siblingId, above).";
        Self::new(StatusCode::BAD_REQUEST, 1123, message)
    }

    pub(super) fn sheet_full() -> Self {
        let message = "The sheet has reached its limit. Sheets of the sandbox are small.";
        Self::new(StatusCode::BAD_REQUEST, 5636, message)
    }
}
