//! How the API and the control endpoints say no: Smartsheet's error form, written in one place.
//! Which errors there are is in `error_codes.rs`.

use std::borrow::Cow;

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// An answer in Smartsheet's error form. Its `refId` is added when it leaves the sandbox, see `layers.rs`.
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
    /// The whole answer, with the reference that is in the log.
    pub(super) fn answer(self, ref_id: String) -> Response {
        let body = Wire {
            error_code: self.code,
            error: self.oauth,
            message: &self.message,
            ref_id,
            detail: self.detail,
        };
        let mut answer = (self.status, NO_CACHE, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            answer.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        answer
    }

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

/// Only the status. A layer (`layers.rs`) turns it into the whole answer, because the `refId` may depend on the seed.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
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
