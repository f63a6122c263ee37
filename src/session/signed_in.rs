//! The end of a sign-in: a new session.

use tower_sessions::session::Id;

use super::data::{Login, MAX_REMEMBERED, SessionData, scope_names};
use super::error::{StoreError, TOO_MANY_WRITES};
use super::keys::row_key;
use super::rows::Change;
use super::sign_in::{Outcome, UsedState};
use super::sign_in_cookie::SignIn;
use super::store::{MAX_TRIES, Store, Stored};

impl Store {
    /// Finishes the sign-in of `used` with `login`: stores a session under a new id, in one transaction with what came of the
    /// state.
    ///
    /// `before` is the session that this browser has had. It stays until the new id is asked for ([`Store::visit`]): if the
    /// browser never learns of it, that login is not lost. `others` are sign-ins that this browser has under way beside.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; nothing is stored then.
    pub async fn sign_in(
        &self,
        used: &UsedState,
        login: Login,
        before: Option<Id>,
        others: &[SignIn],
    ) -> Result<Stored, StoreError> {
        // Assumed until a write fails: the row of the state may have gone, since the oldest go when there are too many.
        let mut is_known = true;
        let login = Login {
            scopes: used.sign_in.scopes.as_deref().map(scope_names),
            ..login
        };
        for _ in 0..MAX_TRIES {
            let mut data = SessionData::new(login.clone(), used.sign_in.flow);
            data.sign_ins.push(used.key());
            data.sign_ins.extend(others.iter().map(SignIn::key));
            let before = match before {
                Some(id) => self.load(row_key(id)).await?,
                None => None,
            };
            if let Some(before) = &before {
                data.replaces = Some(before.key);
                let known = before.data.sign_ins.iter();
                data.sign_ins.extend(known);
            }
            let own = used.key();
            let mut first = true;
            data.sign_ins
                .retain(|state| *state != own || std::mem::take(&mut first));
            data.sign_ins.truncate(MAX_REMEMBERED);

            let (id, row) = self.new_session(&mut data)?;
            let session = row.key;
            let mut changes = vec![Change::Insert(row)];
            if let Some(mut before) = before {
                before.data.remember_other(session);
                before.version += 1;
                changes.push(Change::Update(self.seal(&mut before)?));
            }
            if is_known {
                let succeeded = Outcome::Succeeded {
                    return_to: used.sign_in.return_to.clone(),
                    session,
                };
                changes.push(Change::Update(self.used_state(&own, 2, &succeeded)?));
            }
            if self.rows.apply(&changes).await? {
                return Ok(Stored { id, data });
            }
            is_known = matches!(self.outcome(&own).await?, Some(Outcome::UnderWay(_)));
        }
        Err(TOO_MANY_WRITES)
    }
}
