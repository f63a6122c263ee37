//! Sessions that ended. Each leaves a row under a key made from its own: a session with such a row does not count, so one that
//! somebody puts back into the database stays ended. The row also holds what is still to be revoked.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tower_sessions::session::Id;

use super::data::{MAX_REMEMBERED, SessionData};
use super::error::{StoreError, TOO_MANY_WRITES};
use super::issuer::Issuer;
use super::keys::{ended_key, row_key};
use super::rows::{Change, Kind, Row, RowKey};
use super::store::{Loaded, MAX_TRIES, Store};
use crate::clock::after;
use crate::oauth::Token;

/// For how long a revocation is tried.
pub(super) const TRY_FOR: Duration = Duration::from_hours(24 * 7);

/// How many sessions end at once, at most: those of twenty tabs, and as many that were to replace them.
const MAX_RELATED: usize = 2 * MAX_REMEMBERED;

/// The content of the row of an ended session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ended {
    /// Until when the session could have counted.
    pub(super) until: Timestamp,
    /// What is still to be revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) revocation: Option<Revocation>,
}

/// Where the revocation of a session that ended is.
#[derive(Debug)]
pub enum Ending {
    /// In the row of this key, where it waits until it is done.
    Waits(RowKey),
    /// Nowhere: the database has no room for it, so it is tried at once or never.
    Unwritten(Unwritten),
}

/// What is to be revoked and could not be written down.
#[derive(Debug)]
pub struct Unwritten {
    pub(super) key: RowKey,
    pub(super) ended: Ended,
}

/// Tokens that are to be revoked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Revocation {
    pub(super) token: Token,
    /// Who issued them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) issuer: Option<Issuer>,
    /// Since when they are to be revoked.
    pub(super) since: Timestamp,
    /// How often it was tried.
    pub(super) tries: u32,
    /// Until when somebody had the right to refresh them when the session ended. Whoever has it gives the new pair back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) leased_until: Option<Timestamp>,
}

impl Store {
    /// Ends the session of `id`, and with it those that replace it or that it replaces, and those of tabs that signed in at the
    /// same time, and erases their messages. Says where their revocations are: there is none when there is no such session.
    ///
    /// Where the database has no room for rows of ended sessions, the sessions are removed without.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; nothing was ended then.
    pub async fn end(&self, id: Id) -> Result<Vec<Ending>, StoreError> {
        for _ in 0..MAX_TRIES {
            let Some(session) = self.load(row_key(id)).await? else {
                return Ok(Vec::new());
            };
            let sessions = self.with_related(session).await?;
            if let Some(endings) = self.try_to_end(&sessions).await? {
                let flows = sessions.iter().filter_map(|session| session.data.flow);
                self.erase(&flows.collect::<Vec<_>>()).await;
                let sites = sessions.iter().flat_map(|session| &session.data.sites);
                self.forget_pointers(&sites.copied().collect::<Vec<_>>())
                    .await;
                return Ok(endings);
            }
        }
        Err(TOO_MANY_WRITES)
    }

    /// Ends all of `sessions`. `None` when one of them was written meanwhile; nothing was ended then.
    async fn try_to_end(&self, sessions: &[Loaded]) -> Result<Option<Vec<Ending>>, StoreError> {
        let mut changes = Vec::new();
        for session in sessions {
            changes.extend(self.ending(session, true)?);
        }
        let waits = |session: &Loaded| Ending::Waits(ended_key(&session.key));
        match self.rows.apply(&changes).await {
            Ok(is_done) => Ok(is_done.then(|| sessions.iter().map(waits).collect())),
            Err(error) if error.0.is_full() => {
                changes.retain(Change::is_ending);
                let is_done = self.rows.apply(&changes).await?;
                if is_done {
                    tracing::warn!(%error, "a session ended without a note of it: its tokens are revoked at once or never");
                }
                Ok(is_done.then(|| {
                    let unwritten = |session: &Loaded| {
                        Ending::Unwritten(Unwritten {
                            key: ended_key(&session.key),
                            ended: self.ended(session, true),
                        })
                    };
                    sessions.iter().map(unwritten).collect()
                }))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// `session` and those that end with it, which the browser may have instead.
    async fn with_related(&self, session: Loaded) -> Result<Vec<Loaded>, StoreError> {
        let mut sessions = vec![session];
        let mut looked_at = 0;
        while let Some(session) = sessions.get(looked_at) {
            looked_at += 1;
            let mut related = self.siblings(session.key, &session.data).await?;
            related.extend(session.data.replaces);
            for key in related {
                let is_new = sessions.iter().all(|known| known.key != key);
                if is_new && sessions.len() < MAX_RELATED {
                    sessions.extend(self.load(key).await?);
                }
            }
        }
        Ok(sessions)
    }

    /// What ends `session`: its row goes, and one that says so comes, with its tokens to be revoked if `revoke`.
    pub(super) fn ending(&self, session: &Loaded, revoke: bool) -> Result<[Change; 2], StoreError> {
        let ended = self.ended(session, revoke);
        let due = revoke.then(|| self.clock.now());
        Ok([
            Change::Delete {
                key: session.key,
                version: session.version,
            },
            Change::Insert(self.seal_ended(ended_key(&session.key), 1, &ended, due)?),
        ])
    }

    /// What is left of `session`, with its tokens to be revoked if `revoke`.
    fn ended(&self, session: &Loaded, revoke: bool) -> Ended {
        let SessionData {
            created_at, login, ..
        } = &session.data;
        Ended {
            until: after(*created_at, self.lifetimes.total),
            revocation: revoke.then(|| Revocation {
                token: login.token.clone(),
                issuer: login.issuer.clone(),
                since: self.clock.now(),
                tries: 0,
                leased_until: login.lease.map(|lease| lease.until),
            }),
        }
    }

    /// The row of an ended session, to be written as `version`. Its revocation is tried next at `due`.
    pub(super) fn seal_ended(
        &self,
        key: RowKey,
        version: i64,
        ended: &Ended,
        due: Option<Timestamp>,
    ) -> Result<Row, StoreError> {
        let content =
            serde_json::to_vec(ended).map_err(|_| StoreError::Refused("it can't be serialised"))?;
        let sealed = self.sealer.seal(&key.0, version, &content);
        // Tokens that are still to be revoked are kept longer than what they belonged to.
        let revocation = ended.revocation.as_ref();
        let kept_until = revocation.map_or(ended.until, |revocation| {
            ended.until.max(after(revocation.since, TRY_FOR))
        });
        Ok(Row {
            key,
            version,
            sealed: sealed.map_err(|_| StoreError::Refused("it is too long to be sealed"))?,
            expires_at: kept_until.as_millisecond(),
            kind: Kind::Ended {
                revoke_at: due.map(Timestamp::as_millisecond),
            },
        })
    }

    pub(super) fn open_ended(&self, row: &Row) -> Option<Ended> {
        let content = self
            .sealer
            .open(&row.key.0, row.version, &row.sealed)
            .ok()?;
        serde_json::from_slice(&content).ok()
    }
}
