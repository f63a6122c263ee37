//! The store as tower-sessions sees it: records, made and found by id.

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{self, SessionStore};

use super::data::SessionData;
use super::store::{Store, Stored};

/// The key of a tower-sessions record under which the content is.
const CONTENT: &str = "content";
/// The key of a tower-sessions record under which it says which row it stands for.
pub(super) const STAMP: &str = "stamp";

impl Stored {
    /// Tells tower-sessions' record which row it stands for. Without content, such a record only points at what is stored
    /// already.
    pub(super) fn pointer(&self) -> Value {
        json!({ "id": self.id.to_string() })
    }

    /// The same for a record that has the content, too: tells what it was, so that saving it unchanged does nothing.
    fn stamp(&self) -> Value {
        json!({ "id": self.id.to_string(), "version": self.version, "content": digest(&self.data) })
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
/// The expiry of its records is not ours (see [`Lifetimes`](super::Lifetimes)); the one of the layer is the cookie's age.
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
        let stamp = record.data.get(STAMP);
        if stamp.is_some() && !record.data.contains_key(CONTENT) {
            // The layer saves at the end of a request what the page has stored. Without a look at the database, because one
            // that fails just then must not keep the cookie of a stored sign-in from the browser.
            return Ok(());
        }
        let data = content(record)?;
        if stamp.is_some_and(|stamp| stamp["content"] == digest(&data)) {
            return Ok(());
        }
        let version = stamp.and_then(|stamp| stamp["version"].as_i64());
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

    /// Removes a session that nobody is signed in with. The layer asks for it whenever the cookie is to change; a login ends by
    /// [`Store::delete_if`], and when the browser shows that it knows the session which replaces it.
    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.delete_if(*id, |data| data.login.is_none())
            .await
            .map_err(|error| backend(&error))?;
        Ok(())
    }
}

fn digest(data: &SessionData) -> Value {
    let content = serde_json::to_vec(data).unwrap_or_default();
    hex::encode(Sha256::digest(content)).into()
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
