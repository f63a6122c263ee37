//! How the API and the control endpoints say no: Smartsheet's error form, written in one place.
//! Which errors there are is in `error_codes.rs`.

use std::{borrow::Cow, sync::Arc};

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header::RETRY_AFTER},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::Shared;

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

    /// The same error, about the row with this index in a request of many.
    pub(super) fn at_row(mut self, index: usize) -> Self {
        self.detail = Some(serde_json::json!({ "index": index }));
        self
    }

    /// The same error, asking to come back in so many seconds.
    pub(super) fn retry_after(mut self, seconds: Option<u32>) -> Self {
        self.retry_after = seconds;
        self
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
    // Not the message, which may quote what was sent.
    let status = error.status.as_u16();
    tracing::debug!(
        ref_id,
        code = error.code,
        status,
        "the sandbox refused a request"
    );
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
