//! The session store: sealed rows, and the one way to write them.
//!
//! Each write compares the row's version: it never puts back what a newer one replaced, and never revives a session that
//! ended. The session's id is tower-sessions' type: 128 random bits, and how they are written in the cookie.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tower_sessions::session::Id;

use super::content;
use super::data::{Lifetimes, SessionData};
use super::error::{StoreError, TOO_MANY_WRITES};
use super::issuer::Issuer;
use super::keys::{ended_key, row_key};
use super::last_try::LastTry;
use super::presence::Presence;
use super::rows::{Change, Counts, Kind, MeasuredRows, Row, RowKey, Rows};
use super::under_way::UnderWay;
use crate::clock::Clock;
use crate::flow::{FlowId, FlowLog};
use crate::metrics::Metrics;
use crate::seal::{OpenError, Sealer};

/// A write is tried again when another came first. Each try means that somebody else succeeded, so this many in a row is
/// no accident.
pub(super) const MAX_TRIES: u32 = 100;

/// The largest content of a session, in bytes before sealing.
const MAX_CONTENT_BYTES: usize = 64 * 1024;

/// Sealed sessions in a database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) rows: Arc<dyn Rows>,
    pub(super) sealer: Arc<Sealer>,
    pub(super) lifetimes: Lifetimes,
    pub(super) clock: Clock,
    /// Whose tokens count.
    pub(super) issuer: Option<Issuer>,
    /// Where the messages of sessions are, which end with them.
    log: Option<FlowLog>,
    pub(super) last_try: LastTry,
    pub(super) under_way: UnderWay,
    pub(super) presence: Presence,
    /// The kinds of problems that were warned of.
    warned: Arc<Mutex<Vec<OpenError>>>,
}

/// A session with its id.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The session's id, as the cookie carries it.
    pub id: Id,
    /// The content.
    pub data: SessionData,
}

/// A session with the row and the version that it was read from.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    pub(super) key: RowKey,
    pub(super) version: i64,
    pub(super) data: SessionData,
}

/// What becomes of a session that was read.
#[derive(Debug)]
pub(super) enum Verdict<T> {
    /// It is written if it was changed.
    Keep(T),
    /// The same, and a crash of the database's machine may undo it.
    KeepLightly(T),
    /// It ends. Its grant is gone, so there is nothing to revoke.
    End(T),
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
            issuer: None,
            log: None,
            last_try: LastTry::default(),
            under_way: UnderWay::default(),
            presence: Presence::default(),
            warned: Arc::default(),
        }
    }

    /// The same, with every operation of the database counted in `metrics`.
    #[must_use]
    pub fn measured(mut self, metrics: &Metrics) -> Self {
        self.rows = Arc::new(MeasuredRows::new(self.rows, metrics));
        self
    }

    /// The same, for tokens of `issuer` alone. Sessions with tokens of another one count as absent and stay.
    #[must_use]
    pub fn bound_to(mut self, issuer: Issuer) -> Self {
        self.issuer = Some(issuer);
        self
    }

    /// The same, with the messages of sessions in `log`: they are erased when a session ends.
    #[must_use]
    pub fn with_messages_in(mut self, log: FlowLog) -> Self {
        self.log = Some(log);
        self
    }

    /// Erases the messages of sessions that ended.
    pub(super) async fn erase(&self, flows: &[FlowId]) {
        for flow in flows.iter().flat_map(|flow| [*flow, flow.signed_in()]) {
            if let Some(log) = &self.log
                && let Err(error) = log.erase(flow).await
            {
                // Nobody can find them without the session, and they go when their time is up.
                tracing::warn!(%error, "the messages of a session that ended were not erased");
            }
        }
    }

    /// The session of `id`, unless it expired, ended or does not open. It is only read: see [`Store::visit`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn read(&self, id: Id) -> Result<Option<SessionData>, StoreError> {
        let loaded = self.load(row_key(id)).await?;
        Ok(loaded.map(|loaded| loaded.data))
    }

    /// When `session` stops counting if nobody visits from now on.
    #[must_use]
    pub fn expiry(&self, session: &SessionData) -> Timestamp {
        self.lifetimes.expiry(session, self.clock.now())
    }

    pub(super) async fn load(&self, key: RowKey) -> Result<Option<Loaded>, StoreError> {
        let now = self.clock.now();
        let ended = ended_key(&key);
        let found = self.rows.find(&key, Some(&ended), now.as_millisecond());
        let Some(row) = found.await? else {
            return Ok(None);
        };
        let Some(data) = self.open(&row) else {
            return Ok(None);
        };
        let has_expired = data.until.is_some_and(|until| until <= now)
            || self.lifetimes.expiry(&data, now) <= now;
        let issuer = data.login.issuer.as_ref();
        let is_ours = issuer.is_none() || self.issuer.is_none() || issuer == self.issuer.as_ref();
        Ok((!has_expired && is_ours).then_some(Loaded {
            key,
            version: row.version,
            data,
        }))
    }

    /// Stores `data` under a new id.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; nothing is stored then.
    pub async fn create(&self, mut data: SessionData) -> Result<Stored, StoreError> {
        loop {
            let (id, row) = self.new_session(&mut data)?;
            if self.rows.apply(&[Change::Insert(row)]).await? {
                return Ok(Stored { id, data });
            }
            // 128 random bits that are taken already: draw again.
        }
    }

    pub(super) fn new_session(&self, data: &mut SessionData) -> Result<(Id, Row), StoreError> {
        let id = Id::default();
        if data.login.issuer.is_none() {
            data.login.issuer.clone_from(&self.issuer);
        }
        let mut loaded = Loaded {
            key: row_key(id),
            version: 1,
            data: data.clone(),
        };
        let row = self.seal(&mut loaded)?;
        *data = loaded.data;
        Ok((id, row))
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
        self.decide(id, |data| Verdict::Keep(change(data))).await
    }

    /// The same for what is found out anew when it is lost: a crash of the database's machine may undo it.
    ///
    /// # Errors
    ///
    /// As with [`Store::update`].
    pub async fn note<T>(
        &self,
        id: Id,
        mut change: impl FnMut(&mut SessionData) -> T,
    ) -> Result<Option<T>, StoreError> {
        let note = |data: &mut _| Verdict::KeepLightly(change(data));
        self.decide(id, note).await
    }

    /// The same where the session may end.
    pub(super) async fn decide<T>(
        &self,
        id: Id,
        mut change: impl FnMut(&mut SessionData) -> Verdict<T>,
    ) -> Result<Option<T>, StoreError> {
        for _ in 0..MAX_TRIES {
            let Some(loaded) = self.load(row_key(id)).await? else {
                return Ok(None);
            };
            let mut next = loaded.clone();
            let mut sites = Vec::new();
            let verdict = change(&mut next.data);
            let is_light = matches!(verdict, Verdict::KeepLightly(_));
            let (result, written) = match verdict {
                Verdict::Keep(result) | Verdict::KeepLightly(result) => {
                    if next.data == loaded.data {
                        return Ok(Some(result));
                    }
                    next.version += 1;
                    let update = Change::Update(self.seal(&mut next)?);
                    let written = if is_light {
                        self.rows.apply_light(update).await?
                    } else {
                        self.rows.apply(&[update]).await?
                    };
                    (result, written)
                }
                Verdict::End(result) => {
                    sites.clone_from(&loaded.data.sites);
                    let ending = self.ending(&loaded, false)?;
                    (result, self.rows.apply(&ending).await?)
                }
            };
            if written {
                self.forget_pointers(&sites).await;
                return Ok(Some(result));
            }
        }
        Err(TOO_MANY_WRITES)
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

    /// Ends the connections to the database.
    pub async fn close(&self) {
        if let Err(error) = self.leave().await {
            tracing::debug!(%error, "the others are not told that this instance goes");
        }
        self.rows.close().await;
    }

    /// The row of a session, to be written as its version. Notes in the session until when it counts.
    pub(super) fn seal(&self, session: &mut Loaded) -> Result<Row, StoreError> {
        let expiry = self.lifetimes.expiry(&session.data, self.clock.now());
        session.data.until = Some(expiry);
        let content =
            content::write(&session.data).ok_or(StoreError::Refused("it can't be serialised"))?;
        if content.len() > MAX_CONTENT_BYTES {
            return Err(StoreError::Refused("it is larger than a session may be"));
        }
        let sealed = self.sealer.seal(&session.key.0, session.version, &content);
        Ok(Row {
            key: session.key,
            version: session.version,
            sealed: sealed.map_err(|_| StoreError::Refused("it is too long to be sealed"))?,
            expires_at: expiry.as_millisecond(),
            kind: Kind::Session,
        })
    }

    /// A row that does not open counts as absent and stays where it is: with the right key it is there again.
    pub(super) fn open(&self, row: &Row) -> Option<SessionData> {
        let opened = self.sealer.open(&row.key.0, row.version, &row.sealed);
        let content = opened.map_err(|error| self.warn_once(row, error)).ok()?;
        let data = content::read(&content);
        if data.is_none() && !content::is_of_nobody(&content) {
            self.warn_once(row, OpenError::UnknownFormat);
        }
        data
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
            _ => "",
        };
        tracing::warn!(
            row = ?row.key,
            "a stored session does not open and counts as absent: {problem}{hint} (further ones are logged at debug level)"
        );
    }
}
