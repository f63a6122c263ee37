//! How the API and the control endpoints say no: Smartsheet's error form, written in one place.
//!
//! The codes and texts are those of Smartsheet's list of error codes.

use std::{borrow::Cow, sync::Arc};

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header::RETRY_AFTER},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{
    Shared,
    params::{BodyProblem, ParamProblem, ParamProblemKind},
};

/// An answer in Smartsheet's error form. Its `refId` is added when it leaves the sandbox, see [`write()`].
#[derive(Clone, Debug)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    pub(super) code: u16,
    message: Cow<'static, str>,
    /// The error's name in RFC 6749 section 5.2; the token endpoint's errors have one.
    oauth: Option<&'static str>,
    detail: Option<serde_json::Value>,
    /// Seconds.
    retry_after: Option<u32>,
}

/// The form on the wire.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    error_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    message: &'a str,
    ref_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<serde_json::Value>,
}

impl ApiError {
    pub(super) fn new(
        status: StatusCode,
        code: u16,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            oauth: None,
            detail: None,
            retry_after: None,
        }
    }

    /// The same error with its name in OAuth.
    pub(super) fn named(mut self, oauth: &'static str) -> Self {
        self.oauth = Some(oauth);
        self
    }

    /// The same error, asking to come back in so many seconds.
    pub(super) fn retry_after(mut self, seconds: Option<u32>) -> Self {
        self.retry_after = seconds;
        self
    }

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
        Self {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            ..Self::unparsable("the request body is too large.")
        }
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

    pub(super) fn retired() -> Self {
        Self::new(
            StatusCode::GONE,
            4005,
            "This version of the API is no longer supported. Please use version 2.0.",
        )
    }
}

impl From<ParamProblem> for ApiError {
    fn from(problem: ParamProblem) -> Self {
        let name: String = problem.name.chars().take(100).collect();
        Self::invalid_request(match problem.kind {
            ParamProblemKind::Missing => {
                format!("Invalid Request. Required parameter is missing: {name}.")
            }
            ParamProblemKind::Twice => {
                format!("Invalid Request. Parameter is included more than once: {name}.")
            }
            ParamProblemKind::TooLong => {
                format!("Invalid Request. Parameter is too long: {name}.")
            }
            ParamProblemKind::NotUtf8 => {
                format!("Invalid Request. Parameter is not UTF-8 text: {name}.")
            }
        })
    }
}

impl From<BodyProblem> for ApiError {
    fn from(problem: BodyProblem) -> Self {
        match problem {
            BodyProblem::TooLarge => Self::too_large(),
            BodyProblem::NotAForm => Self::unsupported_media_type(),
            BodyProblem::TooManyParameters => {
                Self::invalid_request("Invalid Request. There are too many parameters.")
            }
            BodyProblem::Interrupted => Self::unparsable("the request body broke off."),
        }
    }
}

/// For endpoints that leave it to the API's form.
impl IntoResponse for BodyProblem {
    fn into_response(self) -> Response {
        ApiError::from(self).into_response()
    }
}

/// Only the status. The layer [`write()`] turns it into the whole answer, because the `refId` may depend on the seed.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The layer that gives every [`ApiError`] on its way out a `refId`, a line in the log and its body.
pub(super) async fn write(
    State(sandbox): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let Some(error) = response.extensions_mut().remove::<ApiError>() else {
        return response;
    };
    let ref_id = sandbox.dice.ref_id();
    tracing::debug!(ref_id, code = error.code, status = error.status.as_u16(), message = %error.message, "sandbox refused");
    let body = Wire {
        error_code: error.code,
        error: error.oauth,
        message: &error.message,
        ref_id,
        detail: error.detail,
    };
    let mut answer = (error.status, NO_CACHE, Json(body)).into_response();
    // What the framework added, such as `Allow` beside a 405.
    answer.headers_mut().extend(
        response
            .headers()
            .iter()
            .filter(|(name, _)| *name == "allow")
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    if let Some(seconds) = error.retry_after {
        answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    answer
}

/// The headers of every JSON answer: it is about one person, now.
pub(super) const NO_CACHE: [(HeaderName, HeaderValue); 2] = [
    (
        axum::http::header::CACHE_CONTROL,
        HeaderValue::from_static("no-store"),
    ),
    (
        axum::http::header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
];
