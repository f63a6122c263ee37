//! `POST /logout`: ends the session and gives the tokens back.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderName;
use axum::response::{IntoResponse, Redirect};
use tokio::task::JoinHandle;
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
    sign_out(&app, browser.ids().to_vec()).await?;
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
/// When the store does not end them.
pub(super) async fn sign_out(app: &Arc<App>, ids: Vec<Id>) -> Result<(), Failure> {
    // Tasks of their own, so that they run to their end even if the browser goes away: many close the page at once.
    let sign_out = {
        let app = Arc::clone(app);
        async move { end(&app, &ids).await }
    };
    let sign_out = app.tasks.spawn(sign_out.in_current_span());
    let revocation = sign_out.await.map_err(Failure::internal)??;
    if let Some(revocation) = revocation {
        tracing::info!("signed out");
        // The answer waits for it a while, so that after it the tokens are void as a rule.
        let _ = timeout(REVOKE_WITHIN, revocation).await;
    }
    Ok(())
}

/// Ends the sessions of `ids` and begins to revoke their tokens, if there are any. The sessions first: the person is signed out
/// whatever Smartsheet answers.
async fn end(app: &Arc<App>, ids: &[Id]) -> Result<Option<JoinHandle<()>>, StoreError> {
    let mut revocations = Vec::new();
    // Every one that the browser brought.
    for id in ids {
        revocations.extend(app.store.end(*id).await?);
    }
    if revocations.is_empty() {
        return Ok(None);
    }
    let revocation = {
        let app = Arc::clone(app);
        async move { app.revocations.attempt(&revocations).await }
    };
    Ok(Some(app.tasks.spawn(revocation.in_current_span())))
}
