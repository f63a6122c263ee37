//! The one way to a usable access token.
//!
//! Client libraries know three ways to deal with expiry: refresh when a call fails, refresh ahead of time and let the
//! caller save, refresh ahead of time and save. `examples/three_ways_to_refresh.rs` shows them side by side. The app does
//! the third ([`AccessTokens::usable`]), with the first as its safety net ([`AccessTokens::replace`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tower_sessions::session::Id;
use tracing::Instrument as _;

use super::refresh::Refresh;
use super::revocations::Revocations;
use super::store::Store;
use super::tokens::{AccessError, Context, Outcome, RefreshPolicy, SignedIn};
use crate::clock::Clock;
use crate::flow::FlowLog;
use crate::metrics::Metrics;
use crate::oauth::{AccessToken, Client, OAuthError};

/// What refreshes work with.
#[derive(Debug)]
pub struct Refreshes {
    /// The sessions whose tokens they are.
    pub store: Store,
    /// Asks the token endpoint.
    pub client: Client,
    /// The time.
    pub clock: Clock,
    /// When a token is refreshed, and for how long nobody else may.
    pub policy: RefreshPolicy,
    /// What they run as; the shutdown waits for these.
    pub tasks: TaskTracker,
    /// Where their messages are taken down, if anywhere.
    pub log: Option<FlowLog>,
    /// Where their outcomes are counted, if anywhere.
    pub metrics: Option<Metrics>,
}

/// Hands out access tokens that work, refreshing them when they are about to expire or were refused. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AccessTokens(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    context: Context,
    tasks: TaskTracker,
    /// The refreshes under way in this process: one a session, however many requests wait for it.
    under_way: Mutex<HashMap<Id, Progress>>,
}

/// What a refresh tells those who wait for it. The last value is its outcome; one before that says that the store fails.
type Progress = watch::Receiver<Outcome>;

impl AccessTokens {
    /// Tokens of the sessions in a store, refreshed as `refreshes` says.
    #[must_use]
    pub fn new(refreshes: Refreshes) -> Self {
        let Refreshes {
            store,
            client,
            clock,
            policy,
            tasks,
            log,
            metrics,
        } = refreshes;
        let revocations = Revocations::new(store.clone(), client.clone(), metrics.clone());
        let context = Context {
            store,
            client,
            clock,
            policy,
            revocations,
            log,
            metrics,
        };
        Self(Arc::new(Shared {
            context,
            tasks,
            under_way: Mutex::default(),
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

    /// Puts other tokens in the place of those of `signed_in`, which Smartsheet just answered with errorCode 1002 or 1003 however long
    /// they should have lived. `false` when there are no others. Whoever calls makes its call once more then, and no third time: if Smartsheet refuses every
    /// token, as with a wrong clock, more calls and refreshes would only multiply.
    ///
    /// # Errors
    ///
    /// [`AccessError`].
    pub async fn replace(&self, id: Id, signed_in: &mut SignedIn) -> Result<bool, AccessError> {
        let next = self.get(id, Some(signed_in.access_token())).await?;
        let is_another = next.access_token() != signed_in.access_token();
        *signed_in = next;
        Ok(is_another)
    }

    /// Whether the session `id` has another access token than `refused` by now. Refreshes nothing.
    ///
    /// # Errors
    ///
    /// [`AccessError`].
    pub async fn has_other_than(&self, id: Id, refused: &AccessToken) -> Result<bool, AccessError> {
        let signed_in = self.0.context.signed_in(id).await?;
        Ok(signed_in.access_token() != refused)
    }

    /// Refreshes the tokens of the session `id` however long they would live.
    ///
    /// # Errors
    ///
    /// [`AccessError`].
    pub async fn refresh_now(&self, id: Id) -> Outcome {
        let signed_in = self.0.context.signed_in(id).await?;
        self.get(id, Some(signed_in.access_token())).await
    }

    async fn get(&self, id: Id, refused: Option<&AccessToken>) -> Outcome {
        let signed_in = self.0.context.signed_in(id).await?;
        if !self
            .0
            .context
            .needs_refresh(&signed_in.login.token, refused)
        {
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

    /// Waits for the outcome of the one refresh of this session.
    async fn refreshed(&self, id: Id, refused: Option<&AccessToken>) -> Outcome {
        let mut progress = self.join(id, refused);
        // Fails when the refresh ended without a word: it panicked. Nothing is known of the tokens but that they are stored.
        let _ = progress.changed().await;
        progress.borrow().clone()
    }

    /// Joins the refresh of this session that is under way, or starts one. It runs as a task of its own: once a refresh token was
    /// sent, the answer must be stored even if the browser that asked has gone.
    fn join(&self, id: Id, refused: Option<&AccessToken>) -> Progress {
        let mut under_way = self.0.under_way();
        if let Some(progress) = under_way.get(&id) {
            let mut progress = progress.clone();
            // What was said before we joined, such as that the store failed just then, is no answer to us.
            progress.mark_unchanged();
            return progress;
        }
        let interrupted = OAuthError::Unreachable("the refresh was interrupted".to_owned());
        let (tell, progress) = watch::channel(Err(AccessError::NotRefreshed(interrupted)));
        under_way.insert(id, progress.clone());
        let entry = Entry {
            shared: Arc::clone(&self.0),
            id,
        };
        let refused = refused.cloned();
        let task = async move {
            let refresh = Refresh::new(&entry.shared.context, id, refused.as_ref(), &tell);
            let outcome = refresh.run().await;
            // Off the list first: who comes now starts anew and finds the result in the store.
            drop(entry);
            let _ = tell.send_replace(outcome);
        };
        self.0.tasks.spawn(task.in_current_span());
        progress
    }
}

impl Shared {
    fn under_way(&self) -> MutexGuard<'_, HashMap<Id, Progress>> {
        // Each use is one operation on the map, so a panic can't leave it half-changed.
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A refresh on the list of those under way. It leaves when this is dropped, even by a panic.
struct Entry {
    shared: Arc<Shared>,
    id: Id,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.shared.under_way().remove(&self.id);
    }
}
