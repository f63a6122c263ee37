//! Addresses with a slash too many at their end.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};

use super::App;
use super::failure::{Action, Failure};

/// Leads from `/me/` to `/me`, with the query as it came. For routes whose path without the slash is a page's; the answer is
/// 308 (RFC 9110 section 15.4.9), so that browsers remember it.
pub(super) async fn without_it(uri: Uri) -> Response {
    let page = uri.path().trim_end_matches('/');
    let to = match uri.query() {
        Some(query) => format!("{page}?{query}"),
        None => page.to_owned(),
    };
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, to)]).into_response()
}

/// `/redirect/`. Smartsheet sends people there when the registered redirect URL ends with a slash, or when somebody
/// changed it by hand. The redirect URL is compared to the letter (RFC 9700 section 2.1), so this is no other way in: the
/// registration is to be mended.
pub(super) async fn at_redirect(State(app): State<Arc<App>>) -> Response {
    Failure {
        status: StatusCode::NOT_FOUND,
        kind: "redirect-url-slash",
        title: "The redirect URL has a slash too many",
        explanation: format!(
            "Smartsheet sends people back to {}redirect, without a slash at the end. Nobody was signed in.",
            app.settings.base_url
        ),
        said: None,
        why: "OAuth compares redirect URLs letter by letter: with the slash it is another one.",
        advice: "Whoever runs this app must act, and should check:",
        checks: &[
            "The App redirect URL in Smartsheet’s Developer Tools is, to the letter, the one that \
             `smartsheet-oauth-demo check` prints: without a slash at its end.",
            "No proxy in front of this app adds slashes to paths.",
        ],
        action: Action::GoHome,
        reason: "the registered redirect URL differs by a slash".to_owned(),
        retry_after: None,
    }
    .into_response()
}
