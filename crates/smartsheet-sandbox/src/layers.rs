//! The layers around all endpoints.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};

use super::{api_error::ApiError, shared::Shared};

/// Turns away whom the sandbox does not answer.
pub(super) async fn guard(
    State(sandbox): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    match sandbox.guard.check(&request, sandbox.now()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.answer(&request),
    }
}

/// Gives every [`ApiError`] on its way out a `refId`, a line in the log and its body.
pub(super) async fn write_errors(
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
    let mut answer = error.answer(ref_id);
    // What the framework added, such as `Allow` beside a 405.
    answer.headers_mut().extend(
        response
            .headers()
            .iter()
            .filter(|(name, _)| *name == "allow")
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    answer
}
