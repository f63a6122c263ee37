//! One refresh, from the lease to the stored pair. [`Refresh::run`] reads top to bottom.
//!
//! Smartsheet's refresh tokens work once: when the answer is not stored, the login is lost. So one refresh at a time may
//! be under way for a session, over all instances, and between the answer and the commit lies nothing but the sealing.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use tokio::sync::watch;
use tokio::time::Instant;
use tower_sessions::session::Id;

use super::data::{Lease, Login};
use super::error::StoreError;
use super::holder_watch::HolderWatch;
use super::store::Verdict;
use super::tokens::{AccessError, Context, Outcome, SignedIn};
use crate::clock::after;
use crate::metrics;
use crate::oauth::{AccessToken, OAuthError, Token};

/// How often the row is looked at while another instance has the lease.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// For how long those who wait for a refresh are left to wait for another instance before they are told.
const WAIT_FOR_OTHERS: Duration = Duration::from_secs(6);

/// For how long storing a refreshed pair is tried, and how long between the tries. The pair exists nowhere else.
const STORE_FOR: Duration = Duration::from_mins(1);
const STORE_PAUSE: Duration = Duration::from_millis(200);

/// For how long the store may fail before those who wait for the refresh are told.
const TELL_AFTER: Duration = Duration::from_secs(1);

/// For how long a refusal is doubted when the last holder let its lease lapse: it may have been granted the pair and be about
/// to store it. Long enough for an instance that wakes up, or whose database is back; short enough for a page.
const DOUBT_FOR: Duration = Duration::from_secs(3);

pub(super) struct Refresh<'a> {
    context: &'a Context,
    id: Id,
    refused: Option<&'a AccessToken>,
    /// Where those who wait are told that it takes longer.
    progress: &'a watch::Sender<Outcome>,
    /// What this refresh's lease is known by.
    holder: u64,
    started: Instant,
}

/// What the row said when the lease was asked for.
enum Claim {
    /// The tokens are fresh: another request was first.
    NotNeeded(SignedIn),
    /// The lease is ours; the session is as we found it, with the lease of the last holder who did not give it back.
    Ours(SignedIn),
    /// Another instance has the lease; the session is as we found it.
    Theirs(SignedIn, Lease),
    SignedOut,
}

/// What the row said when the login was to be dropped.
enum Dropping {
    Done,
    /// Another refresh has stored another pair.
    Newer(Box<SignedIn>),
    /// Another instance may hold a newer pair that it has not stored yet.
    TooEarly,
}

impl<'a> Refresh<'a> {
    pub(super) fn new(
        context: &'a Context,
        id: Id,
        refused: Option<&'a AccessToken>,
        progress: &'a watch::Sender<Outcome>,
    ) -> Self {
        Self {
            context,
            id,
            refused,
            progress,
            holder: rand::rng().random(),
            started: Instant::now(),
        }
    }

    pub(super) async fn run(&self) -> Outcome {
        let Context { client, clock, .. } = self.context;
        let mut holder = HolderWatch::default();
        let found = loop {
            match self.take_lease(holder.gone).await {
                Ok(Claim::NotNeeded(signed_in)) => return Ok(signed_in),
                Ok(Claim::SignedOut) => return Err(AccessError::SignedOut),
                Ok(Claim::Theirs(found, lease)) => {
                    self.tell_if_others_take_long(Some(found));
                    holder.look_at(lease, &self.context.store).await;
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Ok(Claim::Ours(signed_in)) => break signed_in,
                // The lease may be ours already, with the answer lost on the way. Giving up now would leave it to lapse.
                Err(error @ StoreError::Unavailable(_))
                    if self.started.elapsed() < self.context.policy.lease =>
                {
                    self.store_fails(self.started, error).await;
                }
                Err(error) => return Err(error.into()),
            }
        };
        let Some(refresh_token) = &found.login.token.refresh_token else {
            return self.cannot_refresh(found).await;
        };

        let client = match &found.recorder {
            Some(recorder) => client.observed_by(Arc::new(recorder.clone())),
            None => client.clone(),
        };
        let new = match client.refresh(refresh_token, clock.now()).await {
            Ok(new) => new,
            Err(error) => return self.refused(found, error).await,
        };

        // The old pair is void now and the new one exists only here: store it before anything uses it.
        match self.store(&found.login.token, &new).await {
            Ok(Some(signed_in)) => {
                self.count(metrics::Refresh::Granted);
                tracing::info!("token refreshed");
                Ok(signed_in)
            }
            Ok(None) => {
                self.count(metrics::Refresh::SignedOut);
                // The person signed out meanwhile. The sign-out revoked the old pair; this one is ours to give back.
                if let Err(error) = self.context.revocations.give_back(new).await {
                    tracing::warn!(%error, "a pair issued during a sign-out could not be revoked");
                }
                Err(AccessError::SignedOut)
            }
            Err(error) => {
                self.count(metrics::Refresh::NotStored);
                tracing::error!(%error, "a refreshed pair could not be stored");
                Err(error.into())
            }
        }
    }

    /// Asks the row whether it is our turn, and if so takes the lease, in one conditional write.
    /// One whose holder is `gone` counts as given back.
    async fn take_lease(&self, gone: Option<u64>) -> Result<Claim, StoreError> {
        let Context {
            store,
            clock,
            policy,
            ..
        } = self.context;
        let claim = store.update(self.id, |data| {
            let found = self.context.of_session(data.clone());
            if !self.context.needs_refresh(&found.login.token, self.refused) {
                return Claim::NotNeeded(found);
            }
            let lease = found.login.lease;
            let lease = lease.filter(|lease| self.is_theirs(*lease) && gone != Some(lease.holder));
            if let Some(lease) = lease {
                return Claim::Theirs(found, lease);
            }
            let lease = Lease {
                holder: self.holder,
                until: after(clock.now(), policy.lease),
                instance: store.presence.seen_as(Instant::now()),
            };
            data.login.lease = Some(lease);
            Claim::Ours(found)
        });
        Ok(claim.await?.unwrap_or(Claim::SignedOut))
    }

    /// Puts `new` in the place of `old`. `None` when `old` is not there any more.
    ///
    /// A write whose answer was lost may have been done: then `new` is there already.
    async fn store(&self, old: &Token, new: &Token) -> Result<Option<SignedIn>, StoreError> {
        let started = Instant::now();
        loop {
            let now = self.context.clock.now();
            let stored = self.context.store.update(self.id, |data| {
                let login = &mut data.login;
                if login.token == *old {
                    login.token = new.clone();
                    login.refreshed_at = Some(now);
                    login.lease = None;
                } else if login.token != *new {
                    return None;
                }
                Some(self.context.of_session(data.clone()))
            });
            match stored.await.map(Option::flatten) {
                Err(error @ StoreError::Unavailable(_)) if started.elapsed() < STORE_FOR => {
                    self.store_fails(started, error).await;
                }
                stored => return stored,
            }
        }
    }

    /// The store has been failing since `started`: a pause, and word to those who wait. Nobody need wait for a database that
    /// is down, and nobody gets a token that is not stored.
    async fn store_fails(&self, started: Instant, error: StoreError) {
        if started.elapsed() > TELL_AFTER {
            let _ = self.progress.send_replace(Err(error.into()));
        }
        tokio::time::sleep(STORE_PAUSE).await;
    }

    /// Those who have waited for another instance for long get what there is. This refresh waits on.
    fn tell_if_others_take_long(&self, found: Option<SignedIn>) {
        if self.started.elapsed() < WAIT_FOR_OTHERS {
            return;
        }
        let usable = found.filter(|found| self.still_works(&found.login.token));
        let not_sent = OAuthError::NotSent("another instance has begun a refresh and is not done");
        let known = usable.ok_or(AccessError::NotRefreshed(not_sent));
        let _ = self.progress.send_replace(known);
    }

    /// Nothing to refresh with: other servers than Smartsheet issue no refresh token. The access token is used to its end.
    async fn cannot_refresh(&self, found: SignedIn) -> Outcome {
        if self.still_works(&found.login.token) {
            self.release(&found.login.token).await;
            return Ok(found);
        }
        self.drop_login(&found.login).await?;
        Err(AccessError::GrantGone(found.flow))
    }

    async fn refused(&self, found: SignedIn, error: OAuthError) -> Outcome {
        let old = &found.login.token;
        if error.is_final() {
            return match self.drop_login(&found.login).await? {
                // A lease had lapsed, and another instance was faster with the same refresh token.
                Some(newer) if self.refused != Some(newer.access_token()) => {
                    self.count(metrics::Refresh::AnotherWasFaster);
                    Ok(newer)
                }
                _ => {
                    self.count(metrics::Refresh::GrantGone);
                    tracing::info!(%error, "token refresh: the grant is gone");
                    Err(AccessError::GrantGone(found.flow))
                }
            };
        }
        self.count(metrics::Refresh::Failed);
        tracing::warn!(%error, "token refresh failed; the session keeps its tokens");
        self.release(old).await;
        if self.still_works(old) {
            Ok(found)
        } else {
            Err(AccessError::NotRefreshed(error))
        }
    }

    fn count(&self, outcome: metrics::Refresh) {
        if let Some(metrics) = &self.context.metrics {
            metrics.refresh(outcome);
        }
    }

    fn still_works(&self, old: &Token) -> bool {
        self.refused != Some(&old.access_token)
            && !old.expires_within(Duration::ZERO, self.context.clock.now())
    }

    /// Gives the lease back, so that the next request may try at once. If that fails, it lapses by itself.
    async fn release(&self, old: &Token) {
        let released = self.change(old, |login| {
            login.lease.take_if(|lease| lease.holder == self.holder);
        });
        if let Err(error) = released.await {
            tracing::debug!(%error, "a lease was not released and will lapse");
        }
    }

    /// Drops the login `found`: its grant is gone. A newer one stays, and is given.
    ///
    /// A lease is no more than a promise. Whoever had it before us may have been granted the pair and not have stored it yet,
    /// and so may whoever took it over from us. Dropping the login before them would lose theirs.
    async fn drop_login(&self, found: &Login) -> Result<Option<SignedIn>, StoreError> {
        let Context { store, clock, .. } = self.context;
        let started = Instant::now();
        let last_holder_may_store = found
            .lease
            .is_some_and(|lease| after(lease.until, STORE_FOR) > clock.now())
            && self.has_rivals();
        loop {
            let waited = started.elapsed();
            let in_doubt = last_holder_may_store && waited < DOUBT_FOR;
            let dropping = store.decide(self.id, |data| {
                if data.login.token != found.token {
                    return Verdict::Keep(Dropping::Newer(
                        self.context.of_session(data.clone()).into(),
                    ));
                }
                let lease = data.login.lease;
                let is_theirs = lease.is_some_and(|lease| self.is_theirs(lease));
                if in_doubt || (is_theirs && waited < self.context.policy.lease) {
                    return Verdict::Keep(Dropping::TooEarly);
                }
                Verdict::End(Dropping::Done)
            });
            match dropping.await? {
                Some(Dropping::TooEarly) => {
                    self.tell_if_others_take_long(None);
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Some(Dropping::Newer(newer)) => return Ok(Some(*newer)),
                Some(Dropping::Done) | None => return Ok(None),
            }
        }
    }

    /// Whether somebody else has the right to refresh.
    fn is_theirs(&self, lease: Lease) -> bool {
        let is_live = lease.until > self.context.clock.now();
        // In this process nobody else refreshes this session.
        let presence = &self.context.store.presence;
        let is_own = lease.instance.is_some_and(|instance| presence.is(instance));
        lease.holder != self.holder && is_live && !is_own && self.has_rivals()
    }

    /// Whether another instance may be refreshing, too. In this one nobody does: there is one refresh a session. So while it
    /// has the sessions for itself, a lease that it finds is of a process that died.
    fn has_rivals(&self) -> bool {
        self.context.store.rows.are_shared()
    }

    /// Changes the login if its tokens are still `old`. `false` when they are not, or the session is gone.
    async fn change(
        &self,
        old: &Token,
        mut change: impl FnMut(&mut Login),
    ) -> Result<bool, StoreError> {
        let changed = self.context.store.update(self.id, |data| {
            let login = &mut data.login;
            (login.token == *old).then(|| change(login))
        });
        Ok(changed.await?.flatten().is_some())
    }
}
