//! The session of the browser that sent a request.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tower_sessions::Session;
use tower_sessions::session::{self, Id};

use super::data::{Lifetimes, Login, PendingSignIn, SessionData, Trial};
use super::record::STAMP;
use super::rows::RowsError;
use super::store::{Store, StoreError, Stored};
use crate::flow::{FlowId, FlowLog, Recorder};
use crate::oauth::State;

/// The session of one browser: tower-sessions' pointer in the cookie, and the stored row it points at. Cheap to clone.
///
/// Every read goes to the store, so that what another tab or instance wrote a moment ago is seen.
#[derive(Debug, Clone)]
pub struct Browser {
    pointer: Session,
    store: Store,
    log: FlowLog,
    visit: Visit,
}

/// What a request learns of its session on the way, for those around the page that don't read the session themselves.
/// Cheap to clone; all clones are the same visit.
#[derive(Debug, Clone, Default)]
pub struct Visit(Arc<Mutex<Learned>>);

/// What a request has learned of its session.
#[derive(Debug, Clone, Default)]
pub struct Learned {
    /// What takes down the messages of its flow.
    pub recorder: Option<Recorder>,
    /// The failure that the person is trying out.
    pub trial: Option<Trial>,
}

impl Learned {
    /// What `data` says, with messages going to `log` for as long as the session lasts.
    pub(super) fn from(
        data: &SessionData,
        log: Option<&FlowLog>,
        lifetimes: &Lifetimes,
        now: Timestamp,
    ) -> Self {
        let recorder = log
            .zip(data.flow)
            .map(|(log, flow)| log.recorder(flow, lifetimes.expiry(data, now)));
        Self {
            recorder,
            trial: data.trial.clone(),
        }
    }
}

impl Visit {
    /// What was learned last.
    #[must_use]
    pub fn learned(&self) -> Learned {
        self.lock().clone()
    }

    /// Notes what was learned.
    pub fn learn(&self, learned: Learned) {
        *self.lock() = learned;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Learned> {
        // Each use is one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Browser {
    /// The session that `pointer`, made by tower-sessions' layer for this request, points at in `store`. What is learned of
    /// it goes to `visit`, with messages going to `log`.
    #[must_use]
    pub fn new(pointer: Session, store: Store, log: FlowLog, visit: Visit) -> Self {
        Self {
            pointer,
            store,
            log,
            visit,
        }
    }

    /// What this request has learned of the session.
    #[must_use]
    pub fn visit(&self) -> &Visit {
        &self.visit
    }

    /// The session's id, when the browser sent one. It may be of a session that is gone.
    #[must_use]
    pub fn id(&self) -> Option<Id> {
        self.pointer.id()
    }

    /// What is kept for this browser, if anything.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn read(&self) -> Result<Option<SessionData>, StoreError> {
        let Some(id) = self.id() else {
            return Ok(None);
        };
        let data = self.store.read(id).await?.map(|stored| stored.data);
        if let Some(data) = &data {
            self.learn(data);
        }
        Ok(data)
    }

    fn learn(&self, data: &SessionData) {
        let now = self.store.clock.now();
        let lifetimes = &self.store.lifetimes;
        let learned = Learned::from(data, Some(&self.log), lifetimes, now);
        self.visit.learn(learned);
    }

    /// Changes what is kept for this browser, making a session when it has none.
    async fn change<T>(
        &self,
        now: Timestamp,
        mut change: impl FnMut(&mut SessionData) -> T,
    ) -> Result<T, StoreError> {
        if let Some(id) = self.id() {
            let changed = self.store.update(id, |data| {
                let result = change(data);
                self.learn(data);
                result
            });
            if let Some(result) = changed.await? {
                return Ok(result);
            }
        }
        let mut data = SessionData::new(now);
        let result = change(&mut data);
        self.learn(&data);
        let stored = self.store.create(data).await?;
        self.point_to(&stored).await?;
        Ok(result)
    }

    /// Remembers that this browser started a sign-in, making a session when it has none.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; nothing is remembered then.
    pub async fn start_sign_in(&self, sign_in: PendingSignIn) -> Result<(), StoreError> {
        self.change(sign_in.started_at, |data| data.add_pending(sign_in.clone()))
            .await
    }

    /// Remembers that the person is trying out a failure, or with `None`, that it is over.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; nothing is remembered then.
    pub async fn try_out(&self, trial: Option<Trial>, now: Timestamp) -> Result<(), StoreError> {
        self.change(now, |data| data.trial.clone_from(&trial)).await
    }

    /// Takes out the sign-in that `state` belongs to, if this browser started it less than 10 minutes ago. Of several
    /// requests that bring the same state, one gets it.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; the sign-in is still there then.
    pub async fn take_sign_in(
        &self,
        state: &State,
        now: Timestamp,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        let Some(id) = self.id() else {
            return Ok(None);
        };
        let taken = self
            .store
            .update(id, |data| {
                let pending = data.take_pending(state, now);
                self.learn(data);
                pending
            })
            .await?;
        Ok(taken.flatten())
    }

    /// Signs the browser in, under a new session id (against session fixation). Other sign-ins under way move along.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; the session is then as it was.
    pub async fn sign_in(&self, login: Login) -> Result<(), StoreError> {
        let sign_in = |data: &mut SessionData| {
            data.created_at = login.signed_in_at;
            data.login = Some(login.clone());
            data.flow.get_or_insert_with(FlowId::random);
        };
        let renewed = match self.id() {
            Some(id) => self.store.renew(id, sign_in).await?,
            None => None,
        };
        let stored = if let Some(stored) = renewed {
            stored
        } else {
            // The old session expired during the exchange. The person has just consented: start a new one.
            let mut data = SessionData::new(login.signed_in_at);
            sign_in(&mut data);
            self.store.create(data).await?
        };
        self.learn(&stored.data);
        if let Some(flow) = stored.data.flow {
            // What was said up to here was kept for as long as a sign-in may take.
            let now = self.store.clock.now();
            let until = self.store.lifetimes.expiry(&stored.data, now);
            self.log.keep(flow, until);
        }
        self.point_to(&stored).await
    }

    /// Ends the session, erases its messages, and says what was in it, so that its tokens can be revoked.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; the session is then as it was.
    pub async fn sign_out(&self) -> Result<Option<SessionData>, StoreError> {
        let Some(id) = self.id() else {
            return Ok(None);
        };
        let ended = self.store.delete_if(id, |_| true).await?;
        self.visit.learn(Learned::default());
        if let Some(flow) = ended.as_ref().and_then(|data| data.flow)
            && let Err(error) = self.log.erase(flow).await
        {
            // Nobody can find them without the session, and they go when their time is up.
            tracing::warn!(%error, "the messages of a session that ended were not erased");
        }
        self.pointer
            .flush()
            .await
            .map_err(|error| pointer_error(&error))?;
        Ok(ended)
    }

    /// Makes the cookie point at `stored`, whose row exists already.
    ///
    /// tower-sessions has no call for that: its `cycle_id` deletes the old row and creates the new one in two steps, and a
    /// crash in between would lose both. So the row is moved first, in one transaction, and a stamp on the record tells
    /// [`Store`]'s `create` to take over that row's id.
    async fn point_to(&self, stored: &Stored) -> Result<(), StoreError> {
        if self.id().is_some() {
            self.pointer
                .flush()
                .await
                .map_err(|error| pointer_error(&error))?;
        }
        let insert = async {
            self.pointer.insert(STAMP, stored.pointer()).await?;
            self.pointer.save().await
        };
        insert.await.map_err(|error| pointer_error(&error))
    }
}

fn pointer_error(error: &session::Error) -> StoreError {
    StoreError::Unavailable(RowsError(error.to_string().into()))
}
