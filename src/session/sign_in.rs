//! Sign-ins under way, and what came of them.
//!
//! Until its callback, a sign-in is kept by the browser alone, sealed in a cookie of its own: it costs the server nothing that
//! could run out. A callback makes a row for the `state`, and only one can: so each state is used once, over all instances.
//! The row says what came of it until it expires, for a browser that asks again.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::data::SIGN_IN_TIME;
use super::error::StoreError;
use super::rows::{Change, Kind, Row, RowKey};
use super::sign_in_cookie::{SignIn, state_key};
use super::store::Store;
use super::under_way::Entry;
use crate::clock::after;
use crate::oauth::State;

/// How often it is looked what came of a sign-in that is under way.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A sign-in whose callback came and that is still under way after so long was interrupted: by a crash, as a rule.
const INTERRUPTED_AFTER: Duration = Duration::from_mins(1);

/// What came of a sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Outcome {
    /// Its callback came at this time.
    UnderWay(Timestamp),
    /// It succeeded.
    Succeeded {
        /// Where the person went.
        return_to: String,
        /// The row of the session.
        session: RowKey,
    },
    /// It failed.
    Failed,
}

/// A `state` that this callback uses, and no other.
#[derive(Debug, Clone)]
pub struct UsedState {
    pub(super) sign_in: SignIn,
    /// Held for as long as this process is at it.
    _here: Arc<Entry>,
}

/// What a callback is told of the sign-in that it asks for.
#[derive(Debug)]
pub enum Taken {
    /// It is this callback's to finish.
    Ours(UsedState),
    /// Another callback of this browser finished it, and the person went there.
    Succeeded(String),
    /// Another callback finished it without success, or it was interrupted.
    Failed,
    /// Another callback has been finishing it for as long as one may wait.
    StillUnderWay,
    /// It was started too long ago.
    TooOld,
}

impl Store {
    /// Uses the state of `sign_in`. Of several callbacks that bring it, one gets it; the others wait for what comes of it, for
    /// `patience` at most.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; the state is not used then, as far as is known.
    pub async fn take_sign_in(
        &self,
        sign_in: SignIn,
        patience: Duration,
    ) -> Result<Taken, StoreError> {
        let now = self.clock.now();
        if sign_in.is_too_old(now) {
            // Its cookie may be there all the same, by a clock that is behind.
            return Ok(match self.wait_for(&sign_in.key(), patience).await? {
                Taken::Failed => Taken::TooOld,
                finished => finished,
            });
        }
        let row = self.used_state(&sign_in.key(), 1, &Outcome::UnderWay(now))?;
        // Before the row is there, so that nobody finds it and nobody at it.
        let here = self.under_way.enter(sign_in.key());
        // A crash that undoes it ends this sign-in, too, unless the session is stored: that takes it along to the disk.
        if self.rows.apply_light(Change::Insert(row)).await? {
            return Ok(Taken::Ours(UsedState {
                sign_in,
                _here: here,
            }));
        }
        drop(here);
        self.wait_for(&sign_in.key(), patience).await
    }

    /// What comes of `sign_in`, which another callback of this browser is finishing, within `patience`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn wait_for_sign_in(
        &self,
        sign_in: &SignIn,
        patience: Duration,
    ) -> Result<Taken, StoreError> {
        self.wait_for(&sign_in.key(), patience).await
    }

    /// What came of the sign-in of `state`, if it led to the session of `id`: for a browser that asks again with a cookie that
    /// it was given meanwhile.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn finished_sign_in(
        &self,
        state: &State,
        session: &super::SessionData,
    ) -> Result<Taken, StoreError> {
        let key = state_key(state);
        if !session.came_by(&key) {
            return Ok(Taken::Failed);
        }
        self.wait_for(&key, Duration::ZERO).await
    }

    async fn wait_for(&self, state: &RowKey, patience: Duration) -> Result<Taken, StoreError> {
        let started = tokio::time::Instant::now();
        let mut is_left = false;
        loop {
            match self.outcome(state).await? {
                Some(Outcome::Succeeded { return_to, .. }) => {
                    return Ok(Taken::Succeeded(return_to));
                }
                Some(Outcome::UnderWay(since)) if self.may_be_finished(state, since) => {
                    if started.elapsed() >= patience {
                        return Ok(Taken::StillUnderWay);
                    }
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                // Whoever finishes one leaves it after the outcome is written, which may have been just now.
                Some(Outcome::UnderWay(_)) if !is_left => is_left = true,
                Some(Outcome::UnderWay(_) | Outcome::Failed) | None => return Ok(Taken::Failed),
            }
        }
    }

    /// Whether somebody is still finishing a sign-in whose callback came at `since`. An instance that is alone with its rows
    /// knows; of others it is believed for a while.
    fn may_be_finished(&self, state: &RowKey, since: Timestamp) -> bool {
        let is_here = self.under_way.lock().contains_key(state);
        let is_recent = after(since, INTERRUPTED_AFTER) > self.clock.now();
        is_here || (is_recent && self.rows.are_shared())
    }

    /// Remembers that nothing came of a sign-in.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; whoever asks again waits in vain then.
    pub async fn sign_in_failed(&self, used: &UsedState) -> Result<(), StoreError> {
        let row = self.used_state(&used.sign_in.key(), 2, &Outcome::Failed)?;
        self.rows.apply(&[Change::Update(row)]).await?;
        Ok(())
    }

    /// What came of the sign-in whose state has this row, if it is known.
    pub(super) async fn outcome(&self, state: &RowKey) -> Result<Option<Outcome>, StoreError> {
        let now = self.clock.now().as_millisecond();
        let Some(row) = self.rows.find(state, None, now).await? else {
            return Ok(None);
        };
        let opened = self.sealer.open(&row.key.0, row.version, &row.sealed);
        Ok(opened
            .ok()
            .and_then(|content| postcard::from_bytes(&content).ok()))
    }

    /// The row of a used state, to be written as `version`.
    pub(super) fn used_state(
        &self,
        state: &RowKey,
        version: i64,
        outcome: &Outcome,
    ) -> Result<Row, StoreError> {
        let content = postcard::to_allocvec(outcome)
            .map_err(|_| StoreError::Refused("it can't be serialised"))?;
        let sealed = self.sealer.seal(&state.0, version, &content);
        Ok(Row {
            key: *state,
            version,
            sealed: sealed.map_err(|_| StoreError::Refused("it is too long to be sealed"))?,
            expires_at: after(self.clock.now(), SIGN_IN_TIME).as_millisecond(),
            kind: Kind::UsedState,
        })
    }
}

impl UsedState {
    /// The sign-in that it belongs to.
    #[must_use]
    pub fn sign_in(&self) -> &SignIn {
        &self.sign_in
    }

    pub(super) fn key(&self) -> RowKey {
        self.sign_in.key()
    }
}
