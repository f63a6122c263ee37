//! `POST /logout`: ends the session and gives the tokens back.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderName;
use axum::response::{IntoResponse, Redirect};
use tokio::time::timeout;
use tracing::Instrument as _;

use super::App;
use super::browser::Browser;
use super::failure::Failure;
use crate::session::{Id, StoreError};

/// How long the answer waits for the revocation. It goes on behind the answer.
const REVOKE_WITHIN: Duration = Duration::from_secs(3);

/// Makes browsers drop the pages that they keep in memory for the back button, `no-store` or not. Chromium drops those by
/// itself when the session's cookie changes, but not one that a redirect from another site led to, as the first page after
/// a sign-in is: the profile would be there again, for whoever sits down next.
pub(super) const FORGET_PAGES: [(HeaderName, &str); 1] =
    [(HeaderName::from_static("clear-site-data"), "\"cache\"")];

pub(super) async fn post(
    State(app): State<Arc<App>>,
    browser: Browser,
) -> Result<impl IntoResponse, Failure> {
    // The sessions first: the person is signed out whatever Smartsheet answers. Every one that the browser brought.
    end(&app, browser.ids()).await?;
    if !browser.ids().is_empty() {
        browser.forget_session();
    }
    browser.forget_flow();
    Ok((FORGET_PAGES, Redirect::to("/")))
}

/// Ends the sessions of `ids` and gives their tokens back, which may take longer than this waits.
///
/// # Errors
///
/// [`StoreError`].
pub(super) async fn end(app: &Arc<App>, ids: &[Id]) -> Result<(), StoreError> {
    let mut revocations = Vec::new();
    for id in ids {
        revocations.extend(app.store.end(*id).await?);
    }
    if !revocations.is_empty() {
        tracing::info!("signed out");
        let revocation = {
            let app = Arc::clone(app);
            async move { app.revocations.attempt(&revocations).await }
        };
        // A task of its own, so that it runs to its end even if the browser goes away. The answer waits for it a while,
        // so that after it the tokens are void as a rule.
        let revocation = app.tasks.spawn(revocation.in_current_span());
        let _ = timeout(REVOKE_WITHIN, revocation).await;
    }
    Ok(())
}
