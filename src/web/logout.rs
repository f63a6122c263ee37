//! `POST /logout`: ends the session and gives the tokens back.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Redirect;

use super::App;
use super::failure::Failure;
use crate::session::Browser;

pub(super) async fn post(
    State(app): State<Arc<App>>,
    browser: Browser,
) -> Result<Redirect, Failure> {
    // The session first: the person is signed out whatever Smartsheet answers.
    let ended = browser.sign_out().await?;
    if let Some(login) = ended.and_then(|data| data.login) {
        let token = login.token.access_token;
        let client = app.client.clone();
        // Revocation runs to its end even if the browser goes away; the answer waits for it, so that "signed out" means it.
        let revocation = app.tasks.spawn(async move { client.revoke(&token).await });
        match revocation.await {
            Ok(Ok(())) => tracing::info!("signed out"),
            Ok(Err(error)) => {
                tracing::warn!(%error, "signed out, but the token could not be revoked");
            }
            Err(_) => tracing::warn!("signed out, but the revocation was interrupted"),
        }
    }
    Ok(Redirect::to("/"))
}
