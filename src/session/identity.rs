//! Who a person is, for other sites.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What `GET /users/me?include=groups` said of a person, as texts. What it did not say is empty.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The user's id: digits.
    pub id: String,
    /// The email address.
    pub email: String,
    /// First and last name, or the email address when there is neither.
    pub name: String,
    /// The first name.
    pub given_name: String,
    /// The last name.
    pub family_name: String,
    /// The id of the account (plan): digits.
    pub account_id: String,
    /// What the account is called.
    pub account_name: String,
    /// The names of the groups that the person is in.
    pub groups: Vec<String>,
}

impl fmt::Debug for Identity {
    /// The id alone: the rest is nobody's business.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Identity({})", self.id)
    }
}

impl Identity {
    /// Whether both are the same person.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        !self.id.is_empty() && self.id == other.id
    }
}
