//! The one way to a usable access token.
//!
//! Client libraries know three ways to deal with expiry: refresh when a call fails, refresh ahead of time and let the
//! caller save, refresh ahead of time and save. `examples/three_ways_to_refresh.rs` shows them side by side. The app does
//! the third ([`AccessTokens::usable`]), with the first as its safety net ([`AccessTokens::instead_of`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tower_sessions::session::Id;
use tracing::Instrument as _;

use super::data::{Login, SessionData};
use super::refresh::Refresh;
use super::revocations::Revocations;
use super::store::{Store, StoreError};
use crate::clock::Clock;
use crate::flow::{FlowId, FlowLog, Recorder};
use crate::metrics::Metrics;
use crate::oauth::{AccessToken, Client, OAuthError, Token};

/// Why there is no usable access token.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AccessError {
    /// Nobody is signed in with this session.
    #[error("nobody is signed in")]
    SignedOut,
    /// The grant is gone: the session ended, and the person must sign in again. With the place of its messages.
    #[error("the grant is gone")]
    GrantGone(Option<FlowId>),
    /// Smartsheet gave no new token, which may pass. The session keeps its tokens.
    #[error("no new token: {0}")]
    NotRefreshed(OAuthError),
    /// The session store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A session that somebody is signed in with, read or refreshed just now.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The sign-in. Its access token can be used.
    pub login: Login,
    /// Where the messages of this login are.
    pub flow: Option<FlowId>,
    /// What takes them down.
    pub recorder: Option<Recorder>,
}

impl SignedIn {
    /// The access token.
    #[must_use]
    pub fn access_token(&self) -> &AccessToken {
        &self.login.token.access_token
    }
}

/// When tokens are refreshed, and how long a refresh may hold up others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshPolicy {
    /// An access token with this much or less to live is refreshed before use.
    pub margin: Duration,
    /// How long an instance may take for a refresh before another one carries on. Longer than a token request (10 seconds) and
    /// the write that takes the lease (5 seconds) may take.
    pub lease: Duration,
}

/// Hands out access tokens that work, refreshing them when they are about to expire or were refused. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AccessTokens(Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) client: Client,
    pub(super) clock: Clock,
    pub(super) policy: RefreshPolicy,
    pub(super) revocations: Revocations,
    pub(super) log: Option<FlowLog>,
    pub(super) metrics: Option<Metrics>,
    tasks: TaskTracker,
    /// The refreshes under way in this process: one a session, however many requests wait for it.
    flights: Mutex<HashMap<Id, News>>,
}

pub(super) type Outcome = Result<SignedIn, AccessError>;
/// What a refresh has to say. The last word is its outcome; before that it may say that the store fails.
type News = watch::Receiver<Outcome>;

impl AccessTokens {
    /// Tokens of the sessions in `store`, refreshed by `client` as `policy` says. Refreshes run as `tasks`, which the
    /// shutdown waits for. Their messages are taken down in `log`, and their outcomes counted in `metrics`, if there are any.
    #[must_use]
    pub fn new(
        store: Store,
        client: Client,
        clock: Clock,
        policy: RefreshPolicy,
        tasks: TaskTracker,
        log: Option<FlowLog>,
        metrics: Option<Metrics>,
    ) -> Self {
        let revocations = Revocations::new(store.clone(), client.clone(), metrics.clone());
        Self(Arc::new(Inner {
            store,
            client,
            revocations,
            clock,
            policy,
            log,
            metrics,
            tasks,
            flights: Mutex::default(),
        }))
    }

    /// The session `id`, with an access token that has more than the margin to live.
    ///
    /// When a refresh fails in a way that may pass, the old token is given as long as it lives.
    ///
    /// # Errors
    ///
    /// [`AccessError`].
    pub async fn usable(&self, id: Id) -> Outcome {
        self.get(id, None).await
    }

    /// The session `id` with another access token than `refused`, which Smartsheet just answered with errorCode 1002 or 1003 however long it
    /// should have lived.
    ///
    /// # Errors
    ///
    /// [`AccessError`].
    pub async fn instead_of(&self, id: Id, refused: &AccessToken) -> Outcome {
        self.get(id, Some(refused)).await
    }

    /// Whether the session `id` has another access token than `refused` by now. Refreshes nothing.
    ///
    /// # Errors
    ///
    /// [`AccessError`].
    pub async fn has_other_than(&self, id: Id, refused: &AccessToken) -> Result<bool, AccessError> {
        let signed_in = self.0.signed_in(id).await?;
        Ok(signed_in.access_token() != refused)
    }

    /// Refreshes the tokens of the session `id` however long they would live.
    ///
    /// # Errors
    ///
    /// [`AccessError`].
    pub async fn refresh_now(&self, id: Id) -> Outcome {
        let signed_in = self.0.signed_in(id).await?;
        self.get(id, Some(signed_in.access_token())).await
    }

    async fn get(&self, id: Id, refused: Option<&AccessToken>) -> Outcome {
        let signed_in = self.0.signed_in(id).await?;
        if !self.0.needs_refresh(&signed_in.login.token, refused) {
            return Ok(signed_in);
        }
        let outcome = self.refreshed(id, refused).await;
        match &outcome {
            // We joined a refresh that was begun for an older token, and was glad to find the one that we know is refused.
            Ok(signed_in) if refused == Some(signed_in.access_token()) => {
                self.refreshed(id, refused).await
            }
            _ => outcome,
        }
    }

    async fn refreshed(&self, id: Id, refused: Option<&AccessToken>) -> Outcome {
        let mut news = self.join_flight(id, refused);
        // Fails when the flight ended without news: it panicked. Nothing is known of the tokens but that they are stored.
        let _ = news.changed().await;
        news.borrow().clone()
    }

    /// Joins the refresh of this session that is under way, or starts one. It runs as a task of its own: once a
    /// refresh token was sent, the answer must be stored even if the browser that asked has gone.
    fn join_flight(&self, id: Id, refused: Option<&AccessToken>) -> News {
        let mut flights = self.0.flights();
        if let Some(news) = flights.get(&id) {
            let mut news = news.clone();
            // What was said before we joined, such as that the store failed just then, is no answer to us.
            news.mark_unchanged();
            return news;
        }
        let interrupted = OAuthError::Unreachable("the refresh was interrupted".to_owned());
        let (tell, news) = watch::channel(Err(AccessError::NotRefreshed(interrupted)));
        flights.insert(id, news.clone());
        let entry = BoardEntry {
            inner: Arc::clone(&self.0),
            id,
        };
        let refused = refused.cloned();
        let fly = async move {
            let refresh = Refresh::new(&entry.inner, id, refused.as_ref(), &tell);
            let outcome = refresh.run().await;
            // Off the board first: who comes now starts anew and finds the result in the store.
            drop(entry);
            let _ = tell.send_replace(outcome);
        };
        self.0.tasks.spawn(fly.in_current_span());
        news
    }
}

impl Inner {
    async fn signed_in(&self, id: Id) -> Result<SignedIn, AccessError> {
        let stored = self.store.visit(id).await?;
        stored
            .map(|stored| self.of_session(&stored.data))
            .ok_or(AccessError::SignedOut)
    }

    /// What `data` says of the sign-in.
    pub(super) fn of_session(&self, data: &SessionData) -> SignedIn {
        let until = self.store.lifetimes.expiry(data, self.clock.now());
        let log = self.log.as_ref().zip(data.flow);
        SignedIn {
            login: data.login.clone(),
            flow: data.flow,
            recorder: log.map(|(log, flow)| log.recorder(flow, until)),
        }
    }

    pub(super) fn needs_refresh(&self, token: &Token, refused: Option<&AccessToken>) -> bool {
        refused == Some(&token.access_token)
            || token.expires_within(self.policy.margin, self.clock.now())
    }

    fn flights(&self) -> std::sync::MutexGuard<'_, HashMap<Id, News>> {
        // Each use is one operation on the map, so a panic can't leave it half-changed.
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A refresh's place on the board of flights. Left when it is dropped, even by a panic.
struct BoardEntry {
    inner: Arc<Inner>,
    id: Id,
}

impl Drop for BoardEntry {
    fn drop(&mut self) {
        self.inner.flights().remove(&self.id);
    }
}
