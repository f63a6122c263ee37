//! The session store: sealed rows, and the one way to write them.
//!
//! Each write compares the row's version: it never puts back what a newer one replaced, and never revives a session that
//! was deleted. `record.rs` shows the store to tower-sessions, whose layer owns the cookie and the session's id.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tower_sessions::session::Id;

use super::data::{Lifetimes, SessionData};
use super::rows::{Counts, MeasuredRows, Row, RowKey, Rows, RowsError};
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::seal::{OpenError, Sealer};

/// A write is tried again when another came first. Each try means that somebody else succeeded, so this many in a row is
/// no accident.
const MAX_TRIES: u32 = 100;

const TOO_MANY_WRITES: StoreError = StoreError::Refused("too many requests write it at once");

/// A session's row is touched (its expiry moved) when this long, or this part of the idle time, has gone by since the last
/// time: often enough that idle means idle, seldom enough that reading does not mean writing.
const TOUCH_EVERY: Duration = Duration::from_mins(1);
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
    pub(super) rows: Arc<dyn Rows>,
    sealer: Arc<Sealer>,
    pub(super) lifetimes: Lifetimes,
    pub(super) clock: Clock,
    /// The kinds of problems that were warned of.
    warned: Arc<Mutex<Vec<OpenError>>>,
}

/// A session with the place and the version it was read from.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The session's id, as the cookie carries it.
    pub id: Id,
    /// The content.
    pub data: SessionData,
    pub(super) version: i64,
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

    /// The same, with every operation of the database counted in `metrics`.
    #[must_use]
    pub fn measured(mut self, metrics: &Metrics) -> Self {
        self.rows = Arc::new(MeasuredRows::new(self.rows, metrics));
        self
    }

    /// The session of `id`, unless it expired or does not open. Counts as a visit: whoever asks has the id from the browser,
    /// so a session that this one replaces is of no use any more, and goes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn read(&self, id: Id) -> Result<Option<Stored>, StoreError> {
        let found = self.load(id).await?;
        let Some((stored, old)) = found.as_ref().and_then(|s| Some((s, s.data.replaces?))) else {
            return Ok(found);
        };
        match self.take_place(stored.clone(), old).await {
            Err(error) => {
                // A store that can't be written can still be read.
                tracing::warn!(%error, "a session that was replaced is still there");
                Ok(found)
            }
            taken => taken,
        }
    }

    /// Removes the session in the row `old`, which `stored` replaces. What is under way there goes on here.
    async fn take_place(
        &self,
        mut stored: Stored,
        old: RowKey,
    ) -> Result<Option<Stored>, StoreError> {
        let now = self.clock.now().as_millisecond();
        let mut pending = Vec::new();
        while let Some(row) = self.rows.find(&old, now).await? {
            if self.rows.delete(&old, row.version).await? {
                pending = self.open(&row).map_or(pending, |data| data.pending);
                break;
            }
        }
        for _ in 0..MAX_TRIES {
            let mut next = Stored {
                version: stored.version + 1,
                ..stored
            };
            next.data.take_place(pending.clone());
            if self.rows.update(&self.seal(&next)?).await? {
                return Ok(Some(next));
            }
            match self.load(next.id).await? {
                Some(newer) => stored = newer,
                None => return Ok(None),
            }
        }
        Err(TOO_MANY_WRITES)
    }

    async fn load(&self, id: Id) -> Result<Option<Stored>, StoreError> {
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
        let step = TOUCH_EVERY.min(self.lifetimes.idle / TOUCH_PART);
        let step = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
        if expiry.saturating_sub(row.expires_at) > step {
            // A store that can't be written can still be read.
            if let Err(error) = self.rows.touch(&row.key, expiry).await {
                tracing::warn!(%error, "a visit was not noted");
            }
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
        Err(TOO_MANY_WRITES)
    }

    /// Moves the session of `id` to a new id, applying `change` on the way. `None` when there is no such session (any more).
    ///
    /// The old row goes and the new one comes in one transaction. But when somebody is signed in with the old one, it stays
    /// until the new id is asked for ([`Store::read`]): if the browser never learns of it, that login is not lost.
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
            if old.data.login.is_some() {
                let mut data = old.data.successor(row_key(id));
                change(&mut data);
                return self.create(data).await.map(Some);
            }
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
        Err(TOO_MANY_WRITES)
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
        Err(TOO_MANY_WRITES)
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

    /// How many sessions there are.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn count(&self) -> Result<Counts, StoreError> {
        let now = self.clock.now().as_millisecond();
        Ok(self.rows.count(now).await?)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when it doesn't.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.rows.ping().await?)
    }

    /// Whether the database takes writes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when it doesn't.
    pub async fn probe_write(&self) -> Result<(), StoreError> {
        Ok(self.rows.probe_write().await?)
    }

    /// Ends the connections to the database.
    pub async fn close(&self) {
        self.rows.close().await;
    }

    pub(super) fn seal(&self, stored: &Stored) -> Result<Row, StoreError> {
        let content = serde_json::to_vec(&stored.data)
            .map_err(|_| StoreError::Refused("it can't be serialised"))?;
        if content.len() > MAX_CONTENT_BYTES {
            return Err(StoreError::Refused("it is larger than a session may be"));
        }
        let key = row_key(stored.id);
        let sealed = self.sealer.seal(&key.0, stored.version, &content);
        let expiry = self.lifetimes.expiry(&stored.data, self.clock.now());
        Ok(Row {
            key,
            version: stored.version,
            sealed: sealed.map_err(|_| StoreError::Refused("it is too long to be sealed"))?,
            expires_at: expiry.as_millisecond(),
            transient: stored.data.login.is_none(),
        })
    }

    /// A row that does not open counts as absent and stays where it is: with the right key it is there again.
    fn open(&self, row: &Row) -> Option<SessionData> {
        let opened = self.sealer.open(&row.key.0, row.version, &row.sealed);
        let content = opened.map_err(|error| self.warn_once(row, error)).ok()?;
        let data = serde_json::from_slice(&content);
        data.map_err(|_| self.warn_once(row, OpenError::UnknownFormat))
            .ok()
    }

    /// One warning for each kind of problem: with a wrong key every visitor's row has it.
    fn warn_once(&self, row: &Row, problem: OpenError) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.contains(&problem) {
            tracing::debug!(row = ?row.key, "a stored session does not open: {problem}");
            return;
        }
        warned.push(problem);
        let hint = match problem {
            OpenError::UnknownKey => "; was session.key changed?",
            OpenError::UnknownFormat | OpenError::Damaged => "",
        };
        tracing::warn!(
            row = ?row.key,
            "a stored session does not open and counts as absent: {problem}{hint} (further ones are logged at debug level)"
        );
    }
}

/// The row of a session: found by a hash, so that the database does not give the cookies.
fn row_key(id: Id) -> RowKey {
    RowKey(Sha256::digest(id.0.to_le_bytes()).into())
}
