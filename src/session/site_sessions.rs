//! The sessions of other sites, and the tickets that begin them.
//!
//! A site's session points to a session here and holds no token. It counts while that session does and lists it: so it ends in the
//! moment in which that one does, whatever becomes of its row. When the same person signs in again, what the old session lists
//! moves to the new one, in the transaction that ends the old one.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower_sessions::session::Id;

use super::data::SessionData;
use super::error::{StoreError, TOO_MANY_WRITES};
use super::keys::row_key;
use super::pointer::{
    Arrival, NonceHash, Pointer, SITE_SESSION, SiteSession, TICKET, Ticket, opened_id, sealed_id,
};
use super::rows::{Change, Kind, Row, RowKey};
use super::store::{MAX_TRIES, Store, Stored};
use super::visit::With;
use crate::clock::after;

/// How long a ticket is good for.
const TICKET_TIME: Duration = Duration::from_mins(1);

/// How many sites' sessions one session may have. Beyond that the oldest end.
const MAX_SITES: usize = 50;

impl Store {
    /// Makes a ticket with which the browser that has the nonce of `nonce` begins a session at `site` (an origin), for the session
    /// `login`.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn issue_ticket(
        &self,
        login: Id,
        site: &str,
        nonce: NonceHash,
    ) -> Result<Pointer, StoreError> {
        let pointer = Pointer::random();
        let until = after(self.clock.now(), TICKET_TIME);
        let ticket = Ticket::Good {
            login: sealed_id(login),
            site: site.to_owned(),
            nonce,
            until: until.as_millisecond(),
        };
        let row = self.seal_pointer(pointer.row(TICKET), 1, &ticket, until)?;
        // A key that is taken would be 128 random bits that were drawn before.
        if self.rows.apply(&[Change::Insert(row)]).await? {
            Ok(pointer)
        } else {
            Err(StoreError::Refused("a ticket's key is taken"))
        }
    }

    /// Uses a ticket at `site`, by a browser that has these `nonces`, and begins a session there. Of several that bring it, one can:
    /// using it is part of the transaction. Sessions of this site that the browser had `before` end.
    ///
    /// `None` when the ticket was used, is too old, is of another site or browser, or its session has ended.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; nothing is begun then.
    pub async fn arrive(
        &self,
        ticket: &Pointer,
        site: &str,
        nonces: &[NonceHash],
        before: &[Pointer],
    ) -> Result<Option<Arrival>, StoreError> {
        let key = ticket.row(TICKET);
        let before: Vec<RowKey> = before.iter().map(|each| each.row(SITE_SESSION)).collect();
        for _ in 0..MAX_TRIES {
            let Some((version, ticket)) = self.open_pointer(&key).await? else {
                return Ok(None);
            };
            let Ticket::Good {
                login: id,
                site: of,
                nonce,
                until,
            } = ticket
            else {
                return Ok(None);
            };
            let until = Timestamp::from_millisecond(until).unwrap_or_default();
            if of != site || !nonces.contains(&nonce) || until <= self.clock.now() {
                return Ok(None);
            }
            let Some(mut login) = self.load(row_key(opened_id(id))).await? else {
                return Ok(None);
            };
            // Another tab signed in meanwhile, and the browser has that session's cookie. This one has a site's from now on.
            let is_beside = login.data.superseded_at.is_some();
            let mut changes = if is_beside {
                self.staying_beside(&mut login).await?
            } else {
                Vec::new()
            };

            let pointer = Pointer::random();
            let row = pointer.row(SITE_SESSION);
            let content = SiteSession {
                login: id,
                site: of,
            };
            let end = after(login.data.created_at, self.lifetimes.total);
            let mut over = login.data.sites.clone();
            login.data.sites.retain(|known| !before.contains(known));
            list(&mut login.data, &[row]);
            over.retain(|known| !login.data.sites.contains(known));
            login.version += 1;
            changes.extend([
                Change::Update(self.seal_pointer(key, version + 1, &Ticket::Used, until)?),
                Change::Insert(self.seal_pointer(row, 1, &content, end)?),
                Change::Update(self.seal(&mut login)?),
            ]);
            if self.rows.apply(&changes).await? {
                self.forget_pointers(&over).await;
                return Ok(Some(Arrival { pointer, nonce }));
            }
        }
        Err(TOO_MANY_WRITES)
    }

    /// The session that a browser's session at `site` points to, if it lasts. A visit there is one here: it extends the time.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn visit_site(
        &self,
        pointer: &Pointer,
        site: &str,
    ) -> Result<Option<Stored>, StoreError> {
        let key = pointer.row(SITE_SESSION);
        let Some((_, content)) = self.open_pointer::<SiteSession>(&key).await? else {
            return Ok(None);
        };
        if content.site != site {
            return Ok(None);
        }
        let lists_it = |data: &SessionData| data.sites.contains(&key);
        self.visit_if(opened_id(content.login), With::ASitesCookie, lists_it)
            .await
    }

    /// What makes the sites' sessions of `old` those of `new`, whose id is `id`, when both are the same person's.
    pub(super) async fn move_sites(
        &self,
        old: &SessionData,
        new: &mut SessionData,
        id: Id,
    ) -> Result<Vec<Change>, StoreError> {
        let (of_old, of_new) = (&old.login.identity, &new.login.identity);
        let both = of_old.as_ref().zip(of_new.as_ref());
        if !both.is_some_and(|(of_old, of_new)| of_old.is_same_as(of_new)) {
            return Ok(Vec::new());
        }
        let end = after(new.created_at, self.lifetimes.total);
        let (mut changes, mut moved) = (Vec::new(), Vec::new());
        for key in &old.sites {
            if let Some((version, content)) = self.open_pointer::<SiteSession>(key).await? {
                let content = SiteSession {
                    login: sealed_id(id),
                    ..content
                };
                let row = self.seal_pointer(*key, version + 1, &content, end)?;
                changes.push(Change::Update(row));
                moved.push(*key);
            }
        }
        list(new, &moved);
        Ok(changes)
    }

    /// Removes rows that count for nothing any more. Should one stay, it goes when its time is up.
    pub(super) async fn forget_pointers(&self, keys: &[RowKey]) {
        let now = self.clock.now().as_millisecond();
        for key in keys {
            let removed = async {
                let Some(row) = self.rows.find(key, None, now).await? else {
                    return Ok(true);
                };
                let (key, version) = (row.key, row.version);
                self.rows.apply(&[Change::Delete { key, version }]).await
            };
            if let Err(error) = removed.await {
                tracing::debug!(%error, "the row of a site's session that ended was not removed");
                return;
            }
        }
    }

    /// The content of the row of `key`, with its version, if it is there and opens.
    async fn open_pointer<T: DeserializeOwned>(
        &self,
        key: &RowKey,
    ) -> Result<Option<(i64, T)>, StoreError> {
        let now = self.clock.now().as_millisecond();
        let Some(row) = self.rows.find(key, None, now).await? else {
            return Ok(None);
        };
        let opened = self.sealer.open(&row.key.0, row.version, &row.sealed).ok();
        let content = opened.and_then(|content| postcard::from_bytes(&content).ok());
        Ok(content.map(|content| (row.version, content)))
    }

    fn seal_pointer(
        &self,
        key: RowKey,
        version: i64,
        content: &impl Serialize,
        until: Timestamp,
    ) -> Result<Row, StoreError> {
        let content = postcard::to_allocvec(content)
            .map_err(|_| StoreError::Refused("it can't be serialised"))?;
        let sealed = self.sealer.seal(&key.0, version, &content);
        Ok(Row {
            key,
            version,
            sealed: sealed.map_err(|_| StoreError::Refused("it is too long to be sealed"))?,
            expires_at: until.as_millisecond(),
            kind: Kind::Pointer,
        })
    }
}

/// Adds `keys` to what `data` lists. Of too many the oldest go.
fn list(data: &mut SessionData, keys: &[RowKey]) {
    data.sites.extend(keys);
    let surplus = data.sites.len().saturating_sub(MAX_SITES);
    data.sites.drain(..surplus);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_the_oldest_go() {
        let token = crate::oauth::Token {
            access_token: crate::oauth::AccessToken::new("a"),
            refresh_token: None,
            expires_at: Timestamp::UNIX_EPOCH,
        };
        let login = super::super::Login::new(token, Timestamp::UNIX_EPOCH);
        let mut data = SessionData::new(login, crate::flow::FlowId::random());
        for number in 0..60 {
            list(&mut data, &[RowKey([number; 32])]);
        }
        assert_eq!(data.sites.len(), MAX_SITES);
        assert_eq!(data.sites[0], RowKey([10; 32]));
        assert_eq!(data.sites[49], RowKey([59; 32]));
    }
}
