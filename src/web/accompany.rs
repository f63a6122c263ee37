//! What is around the pages that know who asks: the browser goes in with the request, and its cookies come out with the answer.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;

use super::browser::Browser;
use super::rendered::HasMessages;
use super::{App, record};

/// Around the pages that give cookies: hands them the browser, adds the cookies to the answer, and takes down what was said.
pub(super) async fn accompany(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let browser = Browser::of(&app, request.headers());
    request.extensions_mut().insert(browser.clone());
    let begun = record::Begun::of(&request);

    let mut response = next.run(request).await;

    if response.status().is_client_error() || response.status().is_server_error() {
        // For the header of the page.
        response.extensions_mut().insert(browser.viewer());
        if app.flow.is_recording() && browser.recorder().is_some() {
            response.extensions_mut().insert(HasMessages);
        }
    }
    for cookie in browser.cookies() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    if let Some(begun) = begun {
        let (status, headers) = (response.status(), response.headers());
        if let Some(recorder) = browser.recorder() {
            begun.end(&recorder, app.clock.now(), status, headers).await;
        }
    }
    response
}
