//! What every answer to a write that failed has in common.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::web::failure::{Action, Failure};
use crate::web::request_log::Reason;

/// The same failure, saying that nothing was written.
pub(super) fn nothing_written(failure: Failure) -> Failure {
    Failure {
        explanation: format!("{} Nothing was written.", failure.explanation),
        ..failure
    }
}

/// The page as the answer that `failure` is.
pub(super) fn with_status(mut response: Response, failure: Failure) -> Response {
    *response.status_mut() = failure.status;
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Accept"));
    if let Some(wait) = failure.retry_after {
        headers.insert(header::RETRY_AFTER, wait.as_secs().max(1).into());
    }
    if failure.action == Action::SignIn || failure.status == StatusCode::UNAUTHORIZED {
        headers.insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Session"),
        );
    }
    response.extensions_mut().insert(Reason(failure.reason));
    response
}
