//! `POST /logout`: ends the session and revokes the tokens.

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
use crate::clock::after;
use crate::flow::{FlowId, Recorder};
use crate::session::{Id, SIGN_IN_TIME, StoreError};

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
    sign_out_here(&app, &browser).await?;
    Ok((FORGET_PAGES, Redirect::to("/signed-out")))
}

/// Signs out whoever this browser is signed in as, and lets it see what became of the tokens.
///
/// # Errors
///
/// When the store does not end the session.
pub(super) async fn sign_out_here(app: &Arc<App>, browser: &Browser) -> Result<(), Failure> {
    // Its messages are a flow of their own: those of the session go with it.
    let flow = FlowId::random();
    let recorder = app
        .flow
        .recorder(flow, after(app.clock.now(), SIGN_IN_TIME));
    let ids = browser.ids().to_vec();
    if sign_out(app, ids, Some(recorder.clone())).await? {
        browser.record_with(Some(recorder));
        browser.show_sign_out(flow);
    }
    if !browser.ids().is_empty() {
        browser.forget_session();
    }
    browser.forget_flow();
    Ok(())
}

/// Ends the sessions of `ids` and revokes their tokens, which may take longer than this waits. Says whether there was a session.
/// What is said to Smartsheet goes to `recorder`.
///
/// # Errors
///
/// When the store does not end them.
pub(super) async fn sign_out(
    app: &Arc<App>,
    ids: Vec<Id>,
    recorder: Option<Recorder>,
) -> Result<bool, Failure> {
    // Tasks of their own, so that they run to their end even if the browser goes away: many close the page at once.
    let sign_out = {
        let app = Arc::clone(app);
        async move { end(&app, &ids, recorder).await }
    };
    let sign_out = app.running.tasks.spawn(sign_out.in_current_span());
    let revocation = sign_out.await.map_err(Failure::internal)??;
    let had_session = revocation.is_some();
    if let Some(revocation) = revocation {
        tracing::info!("signed out");
        // The answer waits for it a while, so that after it the tokens are void as a rule.
        let _ = timeout(REVOKE_WITHIN, revocation).await;
    }
    Ok(had_session)
}

/// Ends the sessions of `ids` and begins to revoke their tokens, if there are any. The sessions first: the person is signed out
/// whatever Smartsheet answers.
async fn end(
    app: &Arc<App>,
    ids: &[Id],
    recorder: Option<Recorder>,
) -> Result<Option<JoinHandle<()>>, StoreError> {
    let mut revocations = Vec::new();
    // Every one that the browser brought.
    for id in ids {
        revocations.extend(app.sessions.store.end(*id).await?);
    }
    if revocations.is_empty() {
        return Ok(None);
    }
    let revocation = {
        let attempts = match recorder {
            Some(recorder) => app.sessions.revocations.observed_by(Arc::new(recorder)),
            None => app.sessions.revocations.clone(),
        };
        async move { attempts.attempt(revocations).await }
    };
    Ok(Some(app.running.tasks.spawn(revocation.in_current_span())))
}
