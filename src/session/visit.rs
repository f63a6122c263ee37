//! A visit: a browser shows that it knows a session.

use std::time::Duration;

use tower_sessions::session::Id;

use super::data::SessionData;
use super::rows::Change;
use super::sign_in::Outcome;
use super::store::{Loaded, MAX_TRIES, Store, StoreError, Stored, TOO_MANY_WRITES, row_key};
use crate::clock::after;
use crate::flow::FlowId;

/// A visit is written down when this long, or this part of the idle time, has gone by since the last
/// time: often enough that idle means idle, seldom enough that reading does not mean writing.
const TOUCH_EVERY: Duration = Duration::from_mins(1);
const TOUCH_PART: u32 = 64;

impl Store {
    /// The session of `id` for the browser that brought the id. Its time is extended, about once a minute. With the first
    /// visit, the session that this one replaces ends.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn visit(&self, id: Id) -> Result<Option<Stored>, StoreError> {
        self.visit_if(id, |_| true).await
    }

    /// The same, if the session `counts` for whoever visits.
    pub(super) async fn visit_if(
        &self,
        id: Id,
        counts: impl Fn(&SessionData) -> bool + Send,
    ) -> Result<Option<Stored>, StoreError> {
        let key = row_key(id);
        for _ in 0..MAX_TRIES {
            let loaded = self.load(key).await?;
            let Some(loaded) = loaded.filter(|loaded| counts(&loaded.data)) else {
                return Ok(None);
            };
            let stored = Stored {
                id,
                data: loaded.data.clone(),
            };
            match self.note_visit(id, loaded).await {
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

    /// The session after the visit. `None` when it was written meanwhile.
    async fn note_visit(
        &self,
        id: Id,
        mut loaded: Loaded,
    ) -> Result<Option<SessionData>, StoreError> {
        let now = self.clock.now();
        let is_first = !loaded.data.seen || loaded.data.replaces.is_some();
        loaded.data.seen = true;
        let step = TOUCH_EVERY.min(self.lifetimes.idle / TOUCH_PART);
        let due_at = loaded.data.until.map(|until| after(until, step));
        let is_due = due_at.is_none_or(|due| self.lifetimes.expiry(&loaded.data, now) > due);
        if !is_first && !is_due {
            return Ok(Some(loaded.data));
        }
        let (mut changes, mut flows) = (Vec::new(), Vec::new());
        if is_first {
            (changes, flows) = self.taking_place(id, &mut loaded).await?;
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
    /// Says where the messages of what ends are.
    async fn taking_place(
        &self,
        id: Id,
        session: &mut Loaded,
    ) -> Result<(Vec<Change>, Vec<FlowId>), StoreError> {
        let (mut changes, mut flows) = (Vec::new(), Vec::new());
        if let Some(old) = session.data.replaces.take()
            && let Some(old) = self.load(old).await?
        {
            changes.extend(self.move_sites(&old.data, &mut session.data, id).await?);
            changes.extend(self.ending(&old, true)?);
            flows.extend(old.data.flow);
        }
        let sign_ins = session.data.sign_ins.clone();
        for state in sign_ins.iter().skip(1) {
            let Some(Outcome::Succeeded { session: other, .. }) = self.outcome(state).await? else {
                continue;
            };
            let is_named = other == session.key || changes.iter().any(|c| *c.key() == other);
            if let Some(mut other) = self.load(other).await?
                && !is_named
                && other.data.seen
                && other.data.superseded_at.is_none()
            {
                changes.extend(self.move_sites(&other.data, &mut session.data, id).await?);
                other.data.sites.clear();
                other.data.superseded_at = Some(self.clock.now());
                other.version += 1;
                changes.push(Change::Update(self.seal(&mut other)?));
            }
        }
        Ok((changes, flows))
    }
}
