//! A visit: a browser shows that it knows a session.

use std::time::Duration;

use tower_sessions::session::Id;

use super::data::SessionData;
use super::error::{StoreError, TOO_MANY_WRITES};
use super::keys::row_key;
use super::rows::{Change, RowKey};
use super::sign_in::Outcome;
use super::store::{Loaded, MAX_TRIES, Store, Stored};
use crate::clock::after;
use crate::flow::FlowId;

/// A visit is written down when this long, or this part of the idle time, has gone by since the last
/// time: often enough that idle means idle, seldom enough that reading does not mean writing.
const TOUCH_EVERY: Duration = Duration::from_mins(1);
const TOUCH_PART: u32 = 64;

/// How long after a browser was found to have another session instead a visit may come from before that. Later ones show that
/// it has this one all the same. Longer than any page takes.
const LATE_WITHIN: Duration = Duration::from_secs(30);

/// What a visit comes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum With {
    /// The session's own cookie: this is the session that the browser has.
    ItsCookie,
    /// The cookie of a site's session that points to it. The browser may have the cookie of another one by now.
    ASitesCookie,
}

/// What a visit tells that is not written down yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    /// The browser knows this session.
    First,
    /// The same, after it was found to have another one instead.
    Back,
    /// It was found to have another one instead, and a site still has this one.
    Beside,
    /// Somebody was here later than is known.
    Later,
}

impl Store {
    /// The session of `id` for the browser that brought the id. Its time is extended, about once a minute. With the first
    /// visit, the session that this one replaces ends.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn visit(&self, id: Id) -> Result<Option<Stored>, StoreError> {
        self.visit_if(id, With::ItsCookie, |_| true).await
    }

    /// The same with what the visit comes `with`, if the session `counts` for whoever visits.
    pub(super) async fn visit_if(
        &self,
        id: Id,
        with: With,
        counts: impl Fn(&SessionData) -> bool + Send,
    ) -> Result<Option<Stored>, StoreError> {
        let key = row_key(id);
        for _ in 0..MAX_TRIES {
            let loaded = self.load(key).await?;
            let Some(loaded) = loaded.filter(|loaded| counts(&loaded.data)) else {
                return Ok(None);
            };
            let Some(news) = self.news(&loaded.data, with) else {
                let data = loaded.data;
                return Ok(Some(Stored { id, data }));
            };
            let stored = Stored {
                id,
                data: loaded.data.clone(),
            };
            match self.note_visit(id, loaded, news).await {
                Ok(Some(data)) => return Ok(Some(Stored { id, data })),
                Ok(None) => {}
                Err(error) => {
                    // A store that can't be written can still be read.
                    tracing::warn!(%error, "a visit was not noted");
                    return Ok(Some(stored));
                }
            }
        }
        Err(TOO_MANY_WRITES)
    }

    /// What a visit of `session` has to write down, if anything.
    fn news(&self, session: &SessionData, with: With) -> Option<News> {
        let now = self.clock.now();
        let superseded_at = session.superseded_at;
        if superseded_at.is_some_and(|at| after(at, LATE_WITHIN) <= now) {
            return Some(match with {
                With::ItsCookie => News::Back,
                With::ASitesCookie => News::Beside,
            });
        }
        if !session.seen || session.replaces.is_some() {
            return Some(News::First);
        }
        let step = TOUCH_EVERY.min(self.lifetimes.idle / TOUCH_PART);
        let due_at = session.until.map(|until| after(until, step));
        let is_due = due_at.is_none_or(|due| self.lifetimes.expiry(session, now) > due);
        is_due.then_some(News::Later)
    }

    /// The session after the visit. `None` when it was written meanwhile.
    async fn note_visit(
        &self,
        id: Id,
        mut loaded: Loaded,
        news: News,
    ) -> Result<Option<SessionData>, StoreError> {
        let is_back = news == News::Back;
        if is_back {
            loaded.data.superseded_at = None;
        }
        loaded.data.seen = true;
        let (mut changes, mut flows) = (Vec::new(), Vec::new());
        match news {
            News::First | News::Back => {
                (changes, flows) = self.taking_place(id, &mut loaded, is_back).await?;
            }
            News::Beside => changes = self.staying_beside(&mut loaded).await?,
            News::Later => {}
        }
        loaded.version += 1;
        changes.push(Change::Update(self.seal(&mut loaded)?));
        if !self.rows.apply(&changes).await? {
            return Ok(None);
        }
        self.erase(&flows).await;
        Ok(Some(loaded.data))
    }

    /// What makes room for a session that its browser has just shown to know: the one that it replaces ends. Others of this
    /// browser that it had before, by sign-ins in other tabs at the same time, soon do. Their sessions at other sites become this
    /// one's, if the person is the same.
    ///
    /// Of those, it is the last cookie that the browser keeps. First visits come in any order, so the later sign-in counts,
    /// until one `is_back` and shows otherwise.
    ///
    /// Says where the messages of what ends are.
    async fn taking_place(
        &self,
        id: Id,
        session: &mut Loaded,
        is_back: bool,
    ) -> Result<(Vec<Change>, Vec<FlowId>), StoreError> {
        let now = self.clock.now();
        let (mut changes, mut flows) = (Vec::new(), Vec::new());
        if let Some(old) = session.data.replaces.take()
            && let Some(old) = self.load(old).await?
        {
            changes.extend(self.move_sites(&old.data, &mut session.data, id).await?);
            changes.extend(self.ending(&old, true)?);
            flows.extend(old.data.flow);
            // Those that stayed beside it are this one's from now on.
            for key in old
                .data
                .successors
                .into_iter()
                .filter(|key| *key != session.key)
            {
                session.data.remember_other(key);
            }
        }
        for key in self.siblings(session.key, &session.data).await? {
            let is_named = changes.iter().any(|change| *change.key() == key);
            let Some(mut other) = self.load(key).await?.filter(|_| !is_named) else {
                continue;
            };
            session.data.remember_other(key);
            if !other.data.seen || other.data.superseded_at.is_some() {
                continue;
            }
            if is_back || other.data.created_at <= session.data.created_at {
                let moved = self.move_sites(&other.data, &mut session.data, id).await?;
                if !moved.is_empty() {
                    other.data.sites.clear();
                    changes.extend(moved);
                }
                other.data.superseded_at = Some(now);
                other.data.remember_other(session.key);
                other.version += 1;
                changes.push(Change::Update(self.seal(&mut other)?));
            } else {
                session.data.superseded_at = Some(now);
            }
        }
        Ok((changes, flows))
    }

    /// What lets `session` last, which has sites' sessions though its browser has the cookie of another one: it ends with the
    /// others, each of which remembers it.
    pub(super) async fn staying_beside(
        &self,
        session: &mut Loaded,
    ) -> Result<Vec<Change>, StoreError> {
        session.data.superseded_at = None;
        let mut changes = Vec::new();
        for key in self.siblings(session.key, &session.data).await? {
            session.data.remember_other(key);
            let Some(mut other) = self.load(key).await? else {
                continue;
            };
            if !other.data.successors.contains(&session.key) {
                other.data.remember_other(session.key);
                other.version += 1;
                changes.push(Change::Update(self.seal(&mut other)?));
            }
        }
        Ok(changes)
    }

    /// The rows of other sessions that the browser of `session`, whose row is `key`, has or had, as far as is known. Each may
    /// be gone.
    pub(super) async fn siblings(
        &self,
        key: RowKey,
        session: &SessionData,
    ) -> Result<Vec<RowKey>, StoreError> {
        let mut siblings = session.successors.clone();
        for state in &session.sign_ins {
            if let Some(Outcome::Succeeded { session, .. }) = self.outcome(state).await? {
                siblings.push(session);
            }
        }
        let mut found = Vec::new();
        for sibling in siblings {
            if sibling != key && !found.contains(&sibling) {
                found.push(sibling);
            }
        }
        Ok(found)
    }
}
