//! The session of the browser that sent a request.

use jiff::Timestamp;
use tower_sessions::Session;
use tower_sessions::session::{self, Id};

use super::data::{Login, PendingSignIn, SessionData};
use super::record::{CONTENT, STAMP};
use super::rows::RowsError;
use super::store::{Store, StoreError, Stored};
use crate::oauth::State;

/// The session of one browser: tower-sessions' pointer in the cookie, and the stored row it points at. Cheap to clone.
///
/// Every read goes to the store, so that what another tab or instance wrote a moment ago is seen.
#[derive(Debug, Clone)]
pub struct Browser {
    pointer: Session,
    store: Store,
}

impl Browser {
    /// The session that `pointer`, made by tower-sessions' layer for this request, points at in `store`.
    #[must_use]
    pub fn new(pointer: Session, store: Store) -> Self {
        Self { pointer, store }
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
        Ok(self.store.read(id).await?.map(|stored| stored.data))
    }

    /// Remembers that this browser started a sign-in, making a session when it has none.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; nothing is remembered then.
    pub async fn start_sign_in(&self, sign_in: PendingSignIn) -> Result<(), StoreError> {
        if let Some(id) = self.id() {
            let known = self
                .store
                .update(id, |data| data.add_pending(sign_in.clone()))
                .await?;
            if known.is_some() {
                return Ok(());
            }
        }
        let mut data = SessionData::new(sign_in.started_at);
        data.add_pending(sign_in);
        let stored = self.store.create(data).await?;
        self.point_to(&stored).await
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
            .update(id, |data| data.take_pending(state, now))
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
        self.point_to(&stored).await
    }

    /// Ends the session and says what was in it, so that its tokens can be revoked.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; the session is then as it was.
    pub async fn sign_out(&self) -> Result<Option<SessionData>, StoreError> {
        let Some(id) = self.id() else {
            return Ok(None);
        };
        let ended = self.store.delete_if(id, |_| true).await?;
        self.pointer
            .flush()
            .await
            .map_err(|error| pointer_error(&error))?;
        Ok(ended)
    }

    /// Ends the session when nothing is left in it, such as after a sign-in that was denied.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn end_if_empty(&self) -> Result<(), StoreError> {
        let Some(id) = self.id() else {
            return Ok(());
        };
        if let Some(_ended) = self.store.delete_if(id, SessionData::is_empty).await? {
            self.pointer
                .flush()
                .await
                .map_err(|error| pointer_error(&error))?;
        }
        Ok(())
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
            self.pointer.insert(CONTENT, &stored.data).await?;
            self.pointer.insert(STAMP, stored.stamp()).await?;
            self.pointer.save().await
        };
        insert.await.map_err(|error| pointer_error(&error))
    }
}

fn pointer_error(error: &session::Error) -> StoreError {
    StoreError::Unavailable(RowsError(error.to_string().into()))
}
