//! What stands for a session in an assertion: its id, sealed, so that whoever reads the assertion learns nothing of it.

use tower_sessions::session::Id;

use super::pointer::{Id128, opened_id, sealed_id};
use super::sign_in_cookie::purpose;
use super::store::Store;

const REFERENCE: &str = "smartsheet-oauth-demo session of an assertion";

impl Store {
    /// A reference to the session `id`: another one each time, of letters, digits, `-` and `_`. `None` when it can't be made.
    #[must_use]
    pub fn seal_reference(&self, id: Id) -> Option<String> {
        let sealed = self.seal_value(purpose(REFERENCE), &sealed_id(id));
        sealed.ok()
    }

    /// The session that a reference stands for, if this app made it. It may have ended.
    #[must_use]
    pub fn open_reference(&self, reference: &str) -> Option<Id> {
        let id: Id128 = self.open_value(purpose(REFERENCE), reference.as_bytes())?;
        Some(opened_id(id))
    }
}
