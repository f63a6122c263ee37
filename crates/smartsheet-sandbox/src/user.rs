//! What the sandbox knows of a person.

use std::borrow::Cow;

use serde::Serialize;

/// Somebody who can sign in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct User {
    /// How tests name them: `sandbox_user=…`.
    pub(super) slug: &'static str,
    /// How the consent page names them.
    pub(super) name: Cow<'static, str>,
    /// Their e-mail address; it also names them where Smartsheet writes who changed something.
    pub(super) email: &'static str,
    /// What is special about them, for the person who chooses.
    pub(super) about: &'static str,
    /// `false` for a plan without API access: every call to the API is answered 403 (errorCode 1004).
    pub(super) api_access: bool,
    /// The `UserProfile` that `users/me` answers.
    pub(super) profile: Cow<'static, str>,
    /// The groups that they are in.
    pub(super) groups: &'static [Group],
}

/// A group of people.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Group {
    #[serde(rename = "groupId")]
    pub(super) id: i64,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
}
