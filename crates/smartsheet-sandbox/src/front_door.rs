//! What every API request passes first: it is noted in the log, and suffers a fault if one was ordered.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{
    api_error::ApiError,
    fault_answers,
    faults::{Arrival, Fault},
    params::{BODY_LIMIT, Params, read_body},
    paths::{TOKEN_PATH, is_api, is_rows},
    presented::Presented,
    shared::Shared,
    sheets::{ChangedMeanwhile, SavingTakes},
    token::ProofIsWrong,
};

/// The layer. Requests outside the API pass unseen.
pub(super) async fn pass(
    State(sandbox): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if !is_api(path) {
        return next.run(request).await;
    }
    let path = path.to_owned();
    let method = request.method().clone();
    let mut presented = Presented::in_headers(request.headers());
    let changes_rows = is_rows(&path) && matches!(method, Method::POST | Method::PUT);
    let asks_for_tokens = path == TOKEN_PATH && method == Method::POST;
    let (mut request, grant_type) = if asks_for_tokens {
        match peek(request, &mut presented).await {
            Ok(peeked) => peeked,
            Err(error) => {
                let number = sandbox.log.arrived(&method, &path, None);
                sandbox.log.answered(number, error.status);
                return error.into_response();
            }
        }
    } else {
        (request, None)
    };
    let number = sandbox.log.arrived(&method, &path, grant_type);
    let fault = sandbox.faults.next(&Arrival {
        path: &path,
        asks_for_tokens,
        presented: &presented,
    });
    let response = match &fault {
        None => next.run(request).await,
        Some(order) => {
            // Saving takes as long then, so that others meet a change that is being saved.
            if order.fault == Fault::Slow && changes_rows {
                request.extensions_mut().insert(SavingTakes(order.delay()));
            } else {
                tokio::time::sleep(order.delay()).await;
            }
            if order.fault == Fault::WrongSecret {
                request.extensions_mut().insert(ProofIsWrong);
            }
            if order.fault == Fault::ChangedMeanwhile {
                request.extensions_mut().insert(ChangedMeanwhile);
            }
            match fault_answers::answer(order, &path) {
                Some(failure) => failure,
                None => next.run(request).await,
            }
        }
    };
    match fault.map(|order| order.fault) {
        // Nothing is answered.
        Some(Fault::Reset) => response,
        Some(Fault::LostAnswer) => fault_answers::broken(),
        _ => {
            sandbox.log.answered(number, response.status());
            response
        }
    }
}

/// Reads the grant type for the log and what the request presents for the faults, and puts the body back for the endpoint.
async fn peek(
    request: Request,
    presented: &mut Presented,
) -> Result<(Request, Option<&'static str>), ApiError> {
    let (parts, body) = request.into_parts();
    let body = read_body(body, BODY_LIMIT).await?;
    let query = parts.uri.query().unwrap_or_default();
    let params = Params::new(query, &parts.headers, &body).ok();
    if let Some(params) = &params {
        presented.add(params);
    }
    let grant_type = params
        .as_ref()
        .and_then(|params| params.get("grant_type").ok()?);
    // Nothing but the two known values, so that a secret sent in the wrong place does not end up in the log.
    let grant_type = ["authorization_code", "refresh_token"]
        .into_iter()
        .find(|known| Some(*known) == grant_type);
    Ok((Request::from_parts(parts, Body::from(body)), grant_type))
}
