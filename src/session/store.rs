//! The session store: sealed rows, and the one way to write them.
//!
//! [`Store`] implements tower-sessions' [`SessionStore`], whose layer owns the cookie and the session's id. The content is
//! written by [`Store::update`], which compares the row's version: a write never puts back what a newer one replaced, and
//! never revives a session that was deleted.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{self, SessionStore};

use super::data::{Lifetimes, SessionData};
use super::rows::{Row, RowKey, Rows, RowsError};
use super::seal::Sealer;
use crate::clock::Clock;

/// The key of a tower-sessions record under which the content is.
pub(super) const CONTENT: &str = "content";
/// The key of a tower-sessions record under which [`Stored::stamp`] is.
pub(super) const STAMP: &str = "stamp";

/// A write is tried again when another came first. Each try means that somebody else succeeded, so this many in a row is
/// no accident.
const MAX_TRIES: u32 = 100;

/// A session's row is touched (its expiry moved) when this part of the idle time has gone by since the last time: often
/// enough that idle means idle, seldom enough that reading does not mean writing.
const TOUCH_PART: u32 = 64;

/// The largest content of a session, in bytes before sealing.
const MAX_CONTENT_BYTES: usize = 64 * 1024;

/// How many sessions without a login are kept: sign-ins under way, and what robots leave behind. Beyond that the oldest go.
const MAX_TRANSIENT: i64 = 50_000;

/// Why a session can't be read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database does not answer, or is full, or is read-only. It may pass.
    #[error(transparent)]
    Unavailable(#[from] RowsError),
    /// Other requests wrote this session all the time, or the content is larger than a session may be.
    #[error("the session can't be written: {0}")]
    Refused(&'static str),
}

/// Sealed sessions in a database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    rows: Arc<dyn Rows>,
    sealer: Arc<Sealer>,
    lifetimes: Lifetimes,
    clock: Clock,
    warned: Arc<AtomicBool>,
}

/// A session with the place and the version it was read from.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The session's id, as the cookie carries it.
    pub id: Id,
    /// The content.
    pub data: SessionData,
    version: i64,
}

impl Store {
    /// Sessions in `rows`, sealed by `sealer`.
    #[must_use]
    pub fn new(rows: Arc<dyn Rows>, sealer: Sealer, lifetimes: Lifetimes, clock: Clock) -> Self {
        Self {
            rows,
            sealer: Arc::new(sealer),
            lifetimes,
            clock,
            warned: Arc::default(),
        }
    }

    /// The session of `id`, unless it expired or does not open. Counts as a visit.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn read(&self, id: Id) -> Result<Option<Stored>, StoreError> {
        let now = self.clock.now();
        let Some(row) = self.rows.find(&row_key(id), now.as_millisecond()).await? else {
            return Ok(None);
        };
        let Some(data) = self.open(&row) else {
            return Ok(None);
        };
        let expiry = self.lifetimes.expiry(&data, now).as_millisecond();
        if expiry <= now.as_millisecond() {
            return Ok(None);
        }
        let step =
            i64::try_from((self.lifetimes.idle / TOUCH_PART).as_millis()).unwrap_or(i64::MAX);
        if expiry.saturating_sub(row.expires_at) > step {
            self.rows.touch(&row.key, expiry).await?;
        }
        Ok(Some(Stored {
            id,
            data,
            version: row.version,
        }))
    }

    /// Stores `data` under a new id.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; nothing is stored then.
    pub async fn create(&self, mut data: SessionData) -> Result<Stored, StoreError> {
        loop {
            let stored = Stored {
                id: Id::default(),
                data,
                version: 1,
            };
            if self.rows.insert(&self.seal(&stored)?).await? {
                return Ok(stored);
            }
            // 128 random bits that are taken already: draw again.
            data = stored.data;
        }
    }

    /// Changes the session of `id`: reads it, applies `change`, and writes it when it differs. When another write came in
    /// between, all of that again, so `change` may run several times and what it returned last counts. `None` when there
    /// is no such session (any more).
    ///
    /// # Errors
    ///
    /// [`StoreError`]; nothing was changed then.
    pub async fn update<T>(
        &self,
        id: Id,
        mut change: impl FnMut(&mut SessionData) -> T,
    ) -> Result<Option<T>, StoreError> {
        for _ in 0..MAX_TRIES {
            let Some(stored) = self.read(id).await? else {
                return Ok(None);
            };
            let mut data = stored.data.clone();
            let result = change(&mut data);
            if data == stored.data {
                return Ok(Some(result));
            }
            let next = Stored {
                id,
                data,
                version: stored.version + 1,
            };
            if self.rows.update(&self.seal(&next)?).await? {
                return Ok(Some(result));
            }
        }
        Err(StoreError::Refused("too many requests write it at once"))
    }

    /// Moves the session of `id` to a new id, applying `change` on the way: the old row goes and the new one comes in one
    /// transaction. `None` when there is no such session (any more).
    ///
    /// # Errors
    ///
    /// [`StoreError`]; the session is then as it was.
    pub async fn renew(
        &self,
        id: Id,
        mut change: impl FnMut(&mut SessionData),
    ) -> Result<Option<Stored>, StoreError> {
        for _ in 0..MAX_TRIES {
            let Some(old) = self.read(id).await? else {
                return Ok(None);
            };
            let mut data = old.data;
            change(&mut data);
            let new = Stored {
                id: Id::default(),
                data,
                version: 1,
            };
            let row = self.seal(&new)?;
            if self.rows.replace(&row_key(id), old.version, &row).await? {
                return Ok(Some(new));
            }
        }
        Err(StoreError::Refused("too many requests write it at once"))
    }

    /// Deletes the session of `id` when `condition` holds for it, and says what was in it. `None` when there is no such
    /// session or the condition does not hold.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; nothing was deleted then.
    pub async fn delete_if(
        &self,
        id: Id,
        condition: impl Fn(&SessionData) -> bool,
    ) -> Result<Option<SessionData>, StoreError> {
        for _ in 0..MAX_TRIES {
            let Some(stored) = self.read(id).await? else {
                return Ok(None);
            };
            if !condition(&stored.data) {
                return Ok(None);
            }
            if self.rows.delete(&row_key(id), stored.version).await? {
                return Ok(Some(stored.data));
            }
        }
        Err(StoreError::Refused("too many requests write it at once"))
    }

    /// Removes expired sessions, and those without a login beyond 50,000, in batches small enough that no request
    /// waits for them. Says how many there were.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`]; the rest is left for the next time.
    pub async fn sweep(&self) -> Result<u64, StoreError> {
        const BATCH: i64 = 500;
        let mut removed = 0;
        loop {
            let now = self.clock.now().as_millisecond();
            let expired = self.rows.delete_expired(now, BATCH).await?;
            let surplus = self.rows.trim_transient(MAX_TRANSIENT, BATCH).await?;
            removed += expired + surplus;
            if expired.max(surplus) < BATCH.unsigned_abs() {
                return Ok(removed);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when it doesn't.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.rows.ping().await?)
    }

    /// Ends the connections to the database.
    pub async fn close(&self) {
        self.rows.close().await;
    }

    fn seal(&self, stored: &Stored) -> Result<Row, StoreError> {
        let content = serde_json::to_vec(&stored.data)
            .map_err(|_| StoreError::Refused("it can't be serialised"))?;
        if content.len() > MAX_CONTENT_BYTES {
            return Err(StoreError::Refused("it is larger than a session may be"));
        }
        let key = row_key(stored.id);
        let expiry = self.lifetimes.expiry(&stored.data, self.clock.now());
        Ok(Row {
            key,
            version: stored.version,
            sealed: self.sealer.seal(&key, stored.version, &content),
            expires_at: expiry.as_millisecond(),
            transient: stored.data.login.is_none(),
        })
    }

    /// A row that does not open counts as absent and stays where it is: with the right key it is there again.
    fn open(&self, row: &Row) -> Option<SessionData> {
        let problem = match self.sealer.open(&row.key, row.version, &row.sealed) {
            Ok(content) => match serde_json::from_slice(&content) {
                Ok(data) => return Some(data),
                Err(_) => "it holds something else than a session of this version".to_owned(),
            },
            Err(error) => error.to_string(),
        };
        if self.warned.swap(true, Ordering::Relaxed) {
            tracing::debug!(row = ?row.key, "a stored session does not open: {problem}");
        } else {
            tracing::warn!(
                row = ?row.key,
                "a stored session does not open and counts as absent: {problem}. Was session.key changed? \
                 Further ones are logged at debug level"
            );
        }
        None
    }
}

impl Stored {
    /// Tells tower-sessions' record which row it stands for, so that saving what is stored already does nothing.
    pub(super) fn stamp(&self) -> Value {
        json!({ "id": self.id.to_string(), "version": self.version })
    }

    fn into_record(self, expiry: Timestamp) -> Result<Record, session_store::Error> {
        let encode = |error: serde_json::Error| session_store::Error::Encode(error.to_string());
        let data = HashMap::from([
            (STAMP.to_owned(), self.stamp()),
            (
                CONTENT.to_owned(),
                serde_json::to_value(self.data).map_err(encode)?,
            ),
        ]);
        Ok(Record {
            id: self.id,
            data,
            expiry_date: time::OffsetDateTime::from_unix_timestamp(expiry.as_second())
                .unwrap_or(time::OffsetDateTime::UNIX_EPOCH),
        })
    }
}

/// What tower-sessions' layer needs: it makes ids, reads them from the cookie and writes them there.
///
/// The expiry of its records is not ours (see [`Lifetimes`]); the one of the layer is the cookie's age.
#[async_trait]
impl SessionStore for Store {
    /// Stores a record under a new id, whatever id it had: an id that came from a browser is never taken over. A record
    /// that stands for a row which is stored already (it has a stamp) gets that row's id.
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        if let Some(stamp) = record.data.get(STAMP) {
            let id = stamp["id"].as_str().and_then(|id| id.parse().ok());
            record.id = id.ok_or_else(conflict)?;
            return Ok(());
        }
        let stored = self
            .create(content(record)?)
            .await
            .map_err(|error| backend(&error))?;
        record.id = stored.id;
        record.data.insert(STAMP.to_owned(), stored.stamp());
        Ok(())
    }

    /// Writes a record over the version that it was loaded from, when its content differs.
    ///
    /// # Errors
    ///
    /// When the session is gone or was written since. tower-sessions saves what a request loaded at its start, so this is
    /// what keeps a slow request from undoing a newer one.
    async fn save(&self, record: &Record) -> session_store::Result<()> {
        let version = record
            .data
            .get(STAMP)
            .and_then(|stamp| stamp["version"].as_i64());
        let data = content(record)?;
        let stored = self
            .read(record.id)
            .await
            .map_err(|error| backend(&error))?;
        match stored {
            Some(stored) if stored.data == data => Ok(()),
            Some(stored) if Some(stored.version) == version => {
                let next = Stored {
                    id: record.id,
                    data,
                    version: stored.version + 1,
                };
                let row = self.seal(&next).map_err(|error| backend(&error))?;
                match self.rows.update(&row).await {
                    Ok(true) => Ok(()),
                    Ok(false) => Err(conflict()),
                    Err(error) => Err(backend(&error)),
                }
            }
            _ => Err(conflict()),
        }
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let Some(stored) = self.read(*id).await.map_err(|error| backend(&error))? else {
            return Ok(None);
        };
        let expiry = self.lifetimes.expiry(&stored.data, self.clock.now());
        stored.into_record(expiry).map(Some)
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.delete_if(*id, |_| true)
            .await
            .map_err(|error| backend(&error))?;
        Ok(())
    }
}

/// The row of a session: found by a hash, so that the database does not give the cookies.
fn row_key(id: Id) -> RowKey {
    RowKey(Sha256::digest(id.0.to_le_bytes()).into())
}

fn content(record: &Record) -> session_store::Result<SessionData> {
    let content = record.data.get(CONTENT).cloned().unwrap_or_default();
    serde_json::from_value(content).map_err(|error| decode(&error))
}

fn decode(error: &serde_json::Error) -> session_store::Error {
    session_store::Error::Decode(error.to_string())
}

fn backend(error: &impl ToString) -> session_store::Error {
    session_store::Error::Backend(error.to_string())
}

fn conflict() -> session_store::Error {
    session_store::Error::Backend("the session was written or deleted since it was read".to_owned())
}
