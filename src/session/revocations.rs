//! Giving tokens back. What can't be revoked at once waits, sealed, in the row of the session that ended, and is tried until it
//! is done or the grant is gone.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::ended::{Ended, Ending, Revocation, TRY_FOR, Unwritten};
use super::error::StoreError;
use super::keys::ended_key;
use super::rows::{Change, Kind, RowKey};
use super::store::Store;
use crate::clock::after;
use crate::metrics::{self, Metrics};
use crate::oauth::{Client, OAuthError, Revoked, Token};
use crate::transport::Observer;

/// How long after the first try the second comes. Each later one takes twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// How many revocations are looked for at once, and how many of them are under way at once.
const BATCH: i64 = 100;
const AT_ONCE: usize = 4;

/// How many are looked at for that. They take some kilobytes each.
const MOST_LOOKED_AT: i64 = BATCH * 256;

/// Revokes the tokens of sessions that ended. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Revocations {
    store: Store,
    client: Client,
    metrics: Option<Metrics>,
}

/// Why a pair was not revoked this time.
#[derive(Debug, thiserror::Error)]
enum NotYet {
    #[error(transparent)]
    Failed(#[from] OAuthError),
    /// Whoever refreshes it may need it, and gives the new pair back.
    #[error("a refresh of the tokens may be under way")]
    RefreshUnderWay,
    /// It was issued for this a moment ago: the grant lives.
    #[error("a token that was issued just now is not accepted")]
    FreshTokenRefused,
}

/// A revocation that this instance has the right to try now.
struct Claimed {
    key: RowKey,
    version: i64,
    ended: Ended,
    revocation: Revocation,
}

impl Revocations {
    /// Revocations that wait in `store`, made by `client` and counted in `metrics`, if there are any.
    #[must_use]
    pub fn new(store: Store, client: Client, metrics: Option<Metrics>) -> Self {
        Self {
            store,
            client,
            metrics,
        }
    }

    /// The same, with one more that sees the requests.
    #[must_use]
    pub fn observed_by(&self, observer: Arc<dyn Observer>) -> Self {
        Self {
            client: self.client.observed_by(observer),
            ..self.clone()
        }
    }

    /// Tries those of sessions that just ended. Failures are logged, and tried again later where they wait.
    pub async fn attempt(&self, endings: Vec<Ending>) {
        stream::iter(endings)
            .for_each_concurrent(AT_ONCE, async |ending| match ending {
                Ending::Waits(key) => self.attempt_one_and_say(&key).await,
                Ending::Unwritten(unwritten) => self.attempt_unwritten(unwritten).await,
            })
            .await;
    }

    async fn attempt_one_and_say(&self, key: &RowKey) {
        if let Err(error) = self.attempt_one(key).await {
            tracing::warn!(%error, "a revocation could not be looked up or noted; it is tried again");
        }
    }

    /// Tries what no row holds: once, and nobody else can.
    async fn attempt_unwritten(&self, unwritten: Unwritten) {
        let Unwritten { key, mut ended } = unwritten;
        let Some(revocation) = ended.revocation.take() else {
            return;
        };
        if revocation.issuer.is_some() && revocation.issuer != self.store.issuer {
            return;
        }
        let mut claimed = Claimed {
            key,
            version: 0,
            ended,
            revocation,
        };
        match self.revoke(&mut claimed).await {
            Ok(outcome) => self.count(outcome),
            Err(error) => {
                tracing::warn!(%error, "a token could not be revoked, and there is no room to note that: it is given up");
                self.count(metrics::Revocation::GivenUp);
            }
        }
    }

    /// Tries those whose time has come, and says how many there were.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when they can't be listed.
    pub async fn attempt_due(&self) -> Result<usize, StoreError> {
        let now = self.store.clock.now().as_millisecond();
        let most = usize::try_from(BATCH).unwrap_or(usize::MAX);
        let mut limit = BATCH;
        let keys = loop {
            let due = self.store.rows.due(now, limit).await?;
            // What does not open, because the key was changed, stays due. It must not take the places of what can be tried.
            let can_be_tried = due
                .iter()
                .filter(|row| self.store.open_ended(row).is_some());
            let keys: Vec<RowKey> = can_be_tried.map(|row| row.key).take(most).collect();
            let is_all = (due.len() as u64) < limit.unsigned_abs() || limit >= MOST_LOOKED_AT;
            if is_all || keys.len() == most {
                break keys;
            }
            limit = limit.saturating_mul(4);
        };
        stream::iter(&keys)
            .for_each_concurrent(AT_ONCE, |key| self.attempt_one_and_say(key))
            .await;
        Ok(keys.len())
    }

    /// Revokes `token`, which no session holds. What can't be revoked at once waits as those of sessions do.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; then nobody will revoke it.
    pub async fn give_back(&self, token: Token) -> Result<(), StoreError> {
        match self.client.revoke(&token.access_token).await {
            Ok(Revoked::Done) => {
                self.count(metrics::Revocation::Done);
                return Ok(());
            }
            Ok(Revoked::NotAccepted) => {}
            Err(error) => {
                self.count(metrics::Revocation::Failed);
                tracing::warn!(%error, "a token could not be revoked; it is tried again");
            }
        }
        self.keep(token).await
    }

    /// Has `token`, which no row holds, wait as those of sessions do: in the row of a session that never was.
    async fn keep(&self, token: Token) -> Result<(), StoreError> {
        let now = self.store.clock.now();
        let key = ended_key(&RowKey(Sha256::digest(token.access_token.expose()).into()));
        let ended = Ended {
            until: now,
            revocation: Some(Revocation {
                token,
                issuer: self.store.issuer.clone(),
                since: now,
                tries: 0,
                leased_until: None,
            }),
        };
        let due = Some(after(now, FIRST_PAUSE));
        let row = self.store.seal_ended(key, 1, &ended, due)?;
        self.store.rows.apply(&[Change::Insert(row)]).await?;
        Ok(())
    }

    async fn attempt_one(&self, key: &RowKey) -> Result<(), StoreError> {
        let Some(mut claimed) = self.claim(key).await? else {
            return Ok(());
        };
        match self.revoke(&mut claimed).await {
            Ok(outcome) => {
                self.count(outcome);
                self.done(claimed).await
            }
            Err(error) if claimed.has_been_tried_enough(self.store.clock.now()) => {
                tracing::warn!(%error, "a token could not be revoked, and is given up");
                self.count(metrics::Revocation::GivenUp);
                self.done(claimed).await
            }
            Err(error) => {
                tracing::warn!(%error, "a token could not be revoked; it is tried again");
                self.count(metrics::Revocation::Failed);
                Ok(())
            }
        }
    }

    /// Takes the right to try the revocation of `key` now, by setting the time of the next try. `None` when there is nothing
    /// to revoke, or another instance was faster.
    async fn claim(&self, key: &RowKey) -> Result<Option<Claimed>, StoreError> {
        let now = self.store.clock.now();
        let found = self
            .store
            .rows
            .find(key, None, now.as_millisecond())
            .await?;
        let Some(row) = found else { return Ok(None) };
        // Whoever took it since it was listed has moved the time of its next try.
        let is_due =
            matches!(row.kind, Kind::Ended { revoke_at: Some(at) } if at <= now.as_millisecond());
        if !is_due {
            return Ok(None);
        }
        let Some(mut ended) = self.store.open_ended(&row) else {
            return Ok(None);
        };
        let Some(mut revocation) = ended.revocation.take() else {
            return Ok(None);
        };
        let is_ours = revocation.issuer.is_none() || revocation.issuer == self.store.issuer;
        let pause = if is_ours {
            pause_after(revocation.tries)
        } else {
            LONGEST_PAUSE
        };
        revocation.tries += u32::from(is_ours);
        let mut claimed = Claimed {
            key: *key,
            version: row.version,
            ended,
            revocation,
        };
        let is_claimed = match self.write(&mut claimed, after(now, pause)).await {
            Ok(is_claimed) => is_claimed,
            // Tried once more than noted is better than not at all, as on a full disk.
            Err(error) => {
                tracing::warn!(%error, "a try to revoke a token is not noted");
                true
            }
        };
        Ok((is_claimed && is_ours).then_some(claimed))
    }

    /// Revokes the pair. An access token that has expired, or that Smartsheet refuses, can't revoke anything, while its
    /// refresh token may still live: then a fresh pair is asked for, and revoked.
    async fn revoke(&self, claimed: &mut Claimed) -> Result<metrics::Revocation, NotYet> {
        let now = self.store.clock.now();
        let token = claimed.revocation.token.clone();
        let leased_until = claimed.revocation.leased_until;
        let is_leased = leased_until.is_some_and(|until| until > now);
        let may_work = is_leased || !token.expires_within(Duration::ZERO, now);
        if may_work && self.client.revoke(&token.access_token).await? == Revoked::Done {
            return Ok(metrics::Revocation::Done);
        }
        if is_leased {
            return Err(NotYet::RefreshUnderWay);
        }
        let Some(refresh_token) = &token.refresh_token else {
            return Ok(metrics::Revocation::GrantGone);
        };
        let new = match self.client.refresh(refresh_token, now).await {
            Err(error) if error.is_final() => return Ok(metrics::Revocation::GrantGone),
            refreshed => refreshed?,
        };
        claimed.revocation.token = new.clone();
        let next = after(now, pause_after(claimed.revocation.tries));
        let is_stored = match self.write(claimed, next).await {
            Ok(is_stored) => is_stored,
            Err(error) => {
                tracing::warn!(%error, "a pair that is to be revoked could not be stored");
                false
            }
        };
        let not_yet = match self.client.revoke(&new.access_token).await {
            Ok(Revoked::Done) => return Ok(metrics::Revocation::Done),
            Ok(Revoked::NotAccepted) => NotYet::FreshTokenRefused,
            Err(error) => error.into(),
        };
        // The row holds the pair before it: another instance wrote it, or an answer was lost. This one gets a row of its own.
        if !is_stored && let Err(error) = self.keep(new).await {
            tracing::warn!(%error, "a pair that is to be revoked is lost");
        }
        Err(not_yet)
    }

    /// Writes what is known of a revocation, to be tried next at `due`. `false` when another instance wrote it meanwhile.
    async fn write(&self, claimed: &mut Claimed, due: Timestamp) -> Result<bool, StoreError> {
        let ended = Ended {
            until: claimed.ended.until,
            revocation: Some(claimed.revocation.clone()),
        };
        let version = claimed.version + 1;
        let row = self
            .store
            .seal_ended(claimed.key, version, &ended, Some(due))?;
        let written = self.store.rows.apply(&[Change::Update(row)]).await?;
        if written {
            claimed.version = version;
        }
        Ok(written)
    }

    /// There is nothing to revoke any more. That the session ended stays known as long as it could have counted.
    async fn done(&self, claimed: Claimed) -> Result<(), StoreError> {
        let change = if claimed.ended.until <= self.store.clock.now() {
            Change::Delete {
                key: claimed.key,
                version: claimed.version,
            }
        } else {
            let version = claimed.version + 1;
            Change::Update(
                self.store
                    .seal_ended(claimed.key, version, &claimed.ended, None)?,
            )
        };
        self.store.rows.apply(&[change]).await?;
        Ok(())
    }

    fn count(&self, outcome: metrics::Revocation) {
        if let Some(metrics) = &self.metrics {
            metrics.revocation(outcome);
        }
    }
}

impl Claimed {
    fn has_been_tried_enough(&self, now: Timestamp) -> bool {
        after(self.revocation.since, TRY_FOR) <= after(now, LONGEST_PAUSE)
    }
}

fn pause_after(tries: u32) -> Duration {
    let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(tries));
    pause.min(LONGEST_PAUSE)
}
