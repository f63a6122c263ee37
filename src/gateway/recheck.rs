//! Who a login is: asked at Smartsheet at the sign-in, and again now and then behind the answers of checks.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::identity::{IdentityError, read_identity};
use crate::clock::{Clock, after};
use crate::flow::Recorder;
use crate::oauth::AccessToken;
use crate::session::{
    AccessError, AccessTokens, Id, Identity, Login, Person, SessionData, Store, StoreError,
};
use crate::smartsheet::{Api, ApiError};

/// How long nobody asks again when an answer did not come.
const PAUSE: Duration = Duration::from_mins(1);

/// How many are asked for at once behind the answers of checks. More wait for another check.
const MAX_AT_ONCE: usize = 16;

/// Why it is not known who a login is.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is no usable access token.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Smartsheet did not say.
    #[error(transparent)]
    Api(#[from] ApiError),
}

impl From<StoreError> for AskError {
    fn from(error: StoreError) -> Self {
        Self::Access(error.into())
    }
}

impl From<IdentityError> for AskError {
    fn from(error: IdentityError) -> Self {
        Self::Api(ApiError::Malformed(error.to_string()))
    }
}

/// Asks who logins are, and keeps the answers with them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Identities(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    access: AccessTokens,
    api: Api,
    clock: Clock,
    tasks: TaskTracker,
    /// How old an answer may get.
    every: Duration,
    /// The sessions that are asked for behind the answers of checks.
    under_way: Mutex<HashSet<Id>>,
}

impl Identities {
    /// Asks `api` with the tokens of `access`; what it says may get as old as `every`. What is asked behind an answer runs as one of
    /// `tasks`.
    #[must_use]
    pub fn new(
        store: Store,
        access: AccessTokens,
        api: Api,
        clock: Clock,
        tasks: TaskTracker,
        every: Duration,
    ) -> Self {
        Self(Arc::new(Inner {
            store,
            access,
            api,
            clock,
            tasks,
            every,
            under_way: Mutex::default(),
        }))
    }

    /// Asks who the new session `id` is, with its `token`. No browser has come with it yet, and this is no visit either.
    ///
    /// # Errors
    ///
    /// [`AskError`]; then it is asked when it is needed.
    pub async fn introduce(
        &self,
        id: Id,
        token: &AccessToken,
        recorder: Option<Recorder>,
    ) -> Result<(), AskError> {
        let api = self.0.watched(recorder);
        let (identity, person) = call(&api, token).await?;
        // If that is lost, it is asked for again.
        let kept = self.0.store.note(id, self.0.known(&identity, &person));
        kept.await?.ok_or(AskError::Access(AccessError::SignedOut))
    }

    /// Asks who the session `id` is, and waits for the answer. Its tokens are refreshed if needed.
    ///
    /// # Errors
    ///
    /// [`AskError`].
    pub async fn ask(&self, id: Id) -> Result<Identity, AskError> {
        self.0.ask(id).await
    }

    /// Asks behind the answer who the session `id` is if what is known of it has become too old: once for any number of checks and
    /// instances. If it turns out that the grant is gone, the session ends; whatever else goes wrong, it stays.
    pub fn ask_behind(&self, id: Id, login: &Login) {
        if !self.0.is_due(login) || !self.enter(id) {
            return;
        }
        let place = UnderWay {
            inner: Arc::clone(&self.0),
            id,
        };
        let asking = async move {
            match place.inner.take_turn(id).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, "it could not be noted that a person is asked for");
                    return;
                }
            }
            match place.inner.ask(id).await {
                Ok(_) => tracing::debug!("a person was asked for again"),
                Err(error) => tracing::info!(%error, "a person could not be asked for again"),
            }
        };
        self.0.tasks.spawn(asking.in_current_span());
    }

    /// Notes that the session `id` is asked for. `false` when it is already, or when too many are.
    fn enter(&self, id: Id) -> bool {
        let mut under_way = self.0.under_way();
        under_way.len() < MAX_AT_ONCE && under_way.insert(id)
    }
}

impl Inner {
    fn is_due(&self, login: &Login) -> bool {
        let now = self.clock.now();
        let is_over =
            |since: Option<Timestamp>, time| since.is_none_or(|at| after(at, time) <= now);
        is_over(login.identified_at, self.every) && is_over(login.asked_at, PAUSE.min(self.every))
    }

    /// Notes in the session that it is asked for now. Of several who do, over all instances, one can.
    async fn take_turn(&self, id: Id) -> Result<bool, StoreError> {
        let taken = self.store.update(id, |data| {
            let is_due = self.is_due(&data.login);
            if is_due {
                data.login.asked_at = Some(self.clock.now());
            }
            is_due
        });
        Ok(taken.await?.unwrap_or(false))
    }

    async fn ask(&self, id: Id) -> Result<Identity, AskError> {
        let mut signed_in = self.access.usable(id).await?;
        let api = self.watched(signed_in.recorder.clone());
        let mut answer = call(&api, signed_in.access_token()).await;
        let is_refused = matches!(answer, Err(AskError::Api(ApiError::TokenRefused(_))));
        if is_refused && self.access.replace(id, &mut signed_in).await? {
            answer = call(&api, signed_in.access_token()).await;
        }
        let (identity, person) = answer?;
        let kept = self.store.update(id, self.known(&identity, &person));
        let kept = kept.await?;
        kept.ok_or(AskError::Access(AccessError::SignedOut))?;
        Ok(identity)
    }

    /// What makes a session's login that of `identity`.
    fn known(&self, identity: &Identity, person: &Person) -> impl FnMut(&mut SessionData) {
        let now = self.clock.now();
        move |data| {
            let login = &mut data.login;
            login.identity = Some(identity.clone());
            login.identified_at = Some(now);
            login.asked_at = None;
            login.person = Some(person.clone());
        }
    }

    fn watched(&self, recorder: Option<Recorder>) -> Api {
        match recorder {
            Some(recorder) => self.api.observed_by(Arc::new(recorder)),
            None => self.api.clone(),
        }
    }

    fn under_way(&self) -> MutexGuard<'_, HashSet<Id>> {
        // Each use is one operation on the set, so a panic can't leave it half-changed.
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

async fn call(api: &Api, token: &AccessToken) -> Result<(Identity, Person), AskError> {
    let profile = api.current_user_with_groups(token).await?;
    Ok((read_identity(&profile)?, Person::of(&profile)))
}

/// A place among those under way. Left when it is dropped, even by a panic.
struct UnderWay {
    inner: Arc<Inner>,
    id: Id,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.inner.under_way().remove(&self.id);
    }
}
