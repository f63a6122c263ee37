//! `POST /logout`: ends the session and gives the tokens back.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderName;
use axum::response::{IntoResponse, Redirect};
use tokio::time::timeout;
use tracing::Instrument as _;

use super::App;
use super::failure::Failure;
use crate::oauth::OAuthError;
use crate::session::{Browser, Login};

/// How long the answer waits for the revocation. It goes on behind the answer.
const REVOKE_WITHIN: Duration = Duration::from_secs(3);

/// Makes browsers drop the pages that they keep in memory for the back button, `no-store` or not. Chromium drops those by
/// itself when the session's cookie changes, but not one that a redirect from another site led to, as the first page after
/// a sign-in is: the profile would be there again, for whoever sits down next.
const FORGET_PAGES: [(HeaderName, &str); 1] =
    [(HeaderName::from_static("clear-site-data"), "\"cache\"")];

pub(super) async fn post(
    State(app): State<Arc<App>>,
    browser: Browser,
) -> Result<impl IntoResponse, Failure> {
    // The session first: the person is signed out whatever Smartsheet answers.
    let ended = browser.sign_out().await?;
    if let Some(login) = ended.and_then(|data| data.login) {
        tracing::info!("signed out");
        let revocation = {
            let app = Arc::clone(&app);
            async move {
                if let Err(error) = give_back(&app, login).await {
                    tracing::warn!(%error, "a token could not be revoked");
                }
            }
        };
        // A task of its own, so that it runs to its end even if the browser goes away. The answer waits for it a while,
        // so that after it the tokens are void as a rule.
        let revocation = app.tasks.spawn(revocation.in_current_span());
        let _ = timeout(REVOKE_WITHIN, revocation).await;
    }
    Ok((FORGET_PAGES, Redirect::to("/")))
}

/// Revokes the tokens of `login`. An access token that has expired can't revoke anything, while its refresh token may still
/// live; then a fresh pair is asked for and revoked. Unless somebody is refreshing right now: whoever holds the lease finds
/// the session gone and gives the new pair back.
async fn give_back(app: &App, login: Login) -> Result<(), OAuthError> {
    let now = app.clock.now();
    let token = login.token;
    let has_expired = token.expires_within(Duration::ZERO, now);
    let is_leased = login.lease.is_some_and(|lease| lease.until > now);
    let token = match &token.refresh_token {
        Some(refresh_token) if has_expired && !is_leased => {
            match app.client.refresh(refresh_token, now).await {
                Err(error) if error.is_final() => return Ok(()),
                refreshed => refreshed?,
            }
        }
        _ => token,
    };
    app.client.revoke(&token.access_token).await
}
