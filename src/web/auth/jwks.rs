//! `GET /.well-known/jwks.json`: the public keys that assertions are checked with.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::web::App;
use crate::web::at::At;

/// How long sites may keep the keys: a new one is published for as long before it signs.
const CACHING: &str = "public, max-age=300";

/// On the app's address, and by whatever other name a site's back end knows this app; not at the sites.
pub(super) async fn get(State(app): State<Arc<App>>, at: At) -> Response {
    match &app.gateway.assertions {
        Some(assertions) if at.site().is_none() => {
            let headers = [
                (header::CONTENT_TYPE, "application/json"),
                (header::CACHE_CONTROL, CACHING),
            ];
            (headers, assertions.keys().jwks().to_string()).into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
