//! `POST /refresh`: "Refresh now".

use std::sync::Arc;

use axum::extract::State;
use axum::response::Redirect;
use tokio::time::timeout;

use super::App;
use super::browser::Browser;
use super::failure::Failure;
use super::person_failures::{PersonError, slow};
use crate::session::AccessError;

/// Refreshes the tokens however long they would live, and shows the profile. Signed out: to the sign-in, by way of `/me`.
pub(super) async fn post(
    State(app): State<Arc<App>>,
    browser: Browser,
) -> Result<Redirect, Failure> {
    let refreshed = match browser.id().await? {
        Some(id) => timeout(app.settings.patience, app.sessions.access.refresh_now(id)).await,
        None => Ok(Err(AccessError::SignedOut)),
    };
    let failed = match refreshed {
        Ok(Ok(signed_in)) => {
            browser.record_with(signed_in.recorder);
            None
        }
        Ok(Err(error)) => match PersonError::of(error, &app, &browser) {
            PersonError::SignedOut => None,
            PersonError::Failed(failure) => Some(failure),
        },
        Err(_) => Some(slow()),
    };
    if failed.is_some() {
        // For the record of the flow.
        let _ = browser.session().await;
    }
    failed.map_or(Ok(Redirect::to("/me")), Err)
}
