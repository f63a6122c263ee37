//! The one way to a usable access token.
//!
//! A refresh reads top to bottom in `Flight::run`: look again, ask Smartsheet, store, use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tower_sessions::session::Id;
use tracing::Instrument as _;

use super::data::Login;
use super::store::{Store, StoreError};
use crate::clock::Clock;
use crate::oauth::{AccessToken, Client, OAuthError, Token};

/// How often storing a refreshed pair is tried, and how long between the tries: the pair exists nowhere else.
const STORE_TRIES: u32 = 5;
const STORE_PAUSE: Duration = Duration::from_millis(200);

/// Why there is no usable access token.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AccessError {
    /// Nobody is signed in with this session.
    #[error("nobody is signed in")]
    SignedOut,
    /// The grant is gone: the tokens were dropped, and the person must sign in again.
    #[error("the grant is gone")]
    GrantGone,
    /// Smartsheet gave no new token, which may pass. The session keeps its tokens.
    #[error("no new token: {0}")]
    NotRefreshed(OAuthError),
    /// The session store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Hands out access tokens that work, refreshing them when they are about to expire or were refused. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AccessTokens(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    client: Client,
    clock: Clock,
    margin: Duration,
    tasks: TaskTracker,
    /// The refreshes under way: one a session, however many requests wait for it.
    flights: Mutex<HashMap<Id, Landing>>,
}

type Outcome = Result<AccessToken, AccessError>;
type Landing = watch::Receiver<Option<Outcome>>;

impl AccessTokens {
    /// Tokens of the sessions in `store`, refreshed by `client` when they have `margin` or less to live. Refreshes run as
    /// `tasks`, which the shutdown waits for.
    #[must_use]
    pub fn new(
        store: Store,
        client: Client,
        clock: Clock,
        margin: Duration,
        tasks: TaskTracker,
    ) -> Self {
        Self(Arc::new(Inner {
            store,
            client,
            clock,
            margin,
            tasks,
            flights: Mutex::default(),
        }))
    }

    /// An access token of the session `id` that has more than the margin to live.
    ///
    /// When a refresh fails in a way that may pass, the old token is given as long as it lives.
    ///
    /// # Errors
    ///
    /// [`AccessError`].
    pub async fn usable(&self, id: Id) -> Outcome {
        self.get(id, None).await
    }

    /// Another access token than `refused`, which Smartsheet just answered with errorCode 1002 or 1003 however long it
    /// should have lived.
    ///
    /// # Errors
    ///
    /// [`AccessError`].
    pub async fn instead_of(&self, id: Id, refused: &AccessToken) -> Outcome {
        self.get(id, Some(refused)).await
    }

    async fn get(&self, id: Id, refused: Option<&AccessToken>) -> Outcome {
        let login = self.0.login(id).await?;
        if !self.0.needs_refresh(&login.token, refused) {
            return Ok(login.token.access_token);
        }
        let mut landing = self.join_flight(id, refused);
        match landing.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or(Err(AccessError::SignedOut)),
            // The flight ended without an outcome: it panicked. Nothing is known of the tokens but that they are stored.
            Err(_) => Err(AccessError::NotRefreshed(OAuthError::Unreachable(
                "the refresh was interrupted".to_owned(),
            ))),
        }
    }

    /// Joins the refresh of this session that is under way, or starts one. It runs as a task of its own: once a refresh
    /// token was sent, the answer must be stored even if the browser that asked has gone.
    fn join_flight(&self, id: Id, refused: Option<&AccessToken>) -> Landing {
        let mut flights = self
            .0
            .flights
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(landing) = flights.get(&id) {
            return landing.clone();
        }
        let (land, landing) = watch::channel(None);
        flights.insert(id, landing.clone());
        let flight = Flight {
            inner: Arc::clone(&self.0),
            id,
        };
        let refused = refused.cloned();
        let fly = async move {
            let outcome = flight.run(refused.as_ref()).await;
            // Off the board first: who comes now starts anew and finds the result in the store.
            drop(flight);
            land.send_replace(Some(outcome));
        };
        self.0.tasks.spawn(fly.in_current_span());
        landing
    }
}

impl Inner {
    async fn login(&self, id: Id) -> Result<Login, AccessError> {
        let stored = self.store.read(id).await?;
        stored
            .and_then(|stored| stored.data.login)
            .ok_or(AccessError::SignedOut)
    }

    fn needs_refresh(&self, token: &Token, refused: Option<&AccessToken>) -> bool {
        refused == Some(&token.access_token) || token.expires_within(self.margin, self.clock.now())
    }
}

/// One refresh under way. Leaves the board when it is dropped, even by a panic.
struct Flight {
    inner: Arc<Inner>,
    id: Id,
}

impl Flight {
    async fn run(&self, refused: Option<&AccessToken>) -> Outcome {
        let Inner { client, clock, .. } = &*self.inner;

        // Another request may have refreshed between our look and this flight.
        let Login { token: old, .. } = self.inner.login(self.id).await?;
        if !self.inner.needs_refresh(&old, refused) {
            return Ok(old.access_token);
        }
        let still_works =
            refused != Some(&old.access_token) && !old.expires_within(Duration::ZERO, clock.now());
        let Some(refresh_token) = &old.refresh_token else {
            if still_works {
                return Ok(old.access_token);
            }
            self.drop_login(&old).await?;
            return Err(AccessError::GrantGone);
        };

        let new = match client.refresh(refresh_token, clock.now()).await {
            Ok(new) => new,
            Err(error) if error.is_final() => {
                tracing::info!(%error, "token refresh: the grant is gone");
                self.drop_login(&old).await?;
                return Err(AccessError::GrantGone);
            }
            Err(error) => {
                tracing::warn!(%error, "token refresh failed; the session keeps its tokens");
                return if still_works {
                    Ok(old.access_token)
                } else {
                    Err(AccessError::NotRefreshed(error))
                };
            }
        };

        // The old pair is void now and the new one exists only here: store it before anything uses it.
        match self.keep(&old, &new).await {
            Ok(true) => {
                tracing::info!("token refreshed");
                Ok(new.access_token)
            }
            Ok(false) => {
                // The person signed out meanwhile. The sign-out revoked the old pair; this one is ours to give back.
                if let Err(error) = client.revoke(&new.access_token).await {
                    tracing::warn!(%error, "a pair issued during a sign-out could not be revoked");
                }
                Err(AccessError::SignedOut)
            }
            Err(error) => {
                tracing::error!(%error, "a refreshed pair could not be stored");
                Err(error.into())
            }
        }
    }

    /// Puts `new` in the place of `old`. `false` when `old` is not there any more.
    async fn keep(&self, old: &Token, new: &Token) -> Result<bool, StoreError> {
        let mut tries = 0;
        loop {
            let now = self.inner.clock.now();
            let kept = self.inner.store.update(self.id, |data| {
                let login = data.login.as_mut().filter(|login| login.token == *old)?;
                login.token = new.clone();
                login.refreshed_at = Some(now);
                Some(())
            });
            tries += 1;
            match kept.await {
                Ok(kept) => return Ok(kept.flatten().is_some()),
                Err(error) if tries == STORE_TRIES => return Err(error),
                Err(_) => tokio::time::sleep(STORE_PAUSE).await,
            }
        }
    }

    /// Drops the login that `old` belongs to: its grant is gone. A newer one stays.
    async fn drop_login(&self, old: &Token) -> Result<(), StoreError> {
        self.inner
            .store
            .update(self.id, |data| {
                data.login.take_if(|login| login.token == *old);
            })
            .await
            .map(drop)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut flights = self
            .inner
            .flights
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        flights.remove(&self.id);
    }
}
