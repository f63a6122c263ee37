//! Who made a change.

use crate::session::Person;
use crate::smartsheet::Writer;

/// Who made a change.
pub(super) struct Who {
    pub(super) name: String,
    pub(super) is_me: bool,
}

impl Who {
    /// `writer`, as `person` knows them.
    pub(super) fn of(writer: Option<&Writer>, person: Option<&Person>) -> Self {
        let called = writer.and_then(Writer::called);
        let email = writer.and_then(|writer| writer.email.as_deref());
        let is_me = email.zip(person);
        Self {
            name: called.unwrap_or("Somebody").to_owned(),
            is_me: is_me.is_some_and(|(email, person)| email.eq_ignore_ascii_case(&person.email)),
        }
    }
}
