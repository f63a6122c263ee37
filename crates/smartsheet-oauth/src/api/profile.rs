//! A person's profile, as Smartsheet sends it.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::raw::kept;
use super::{Api, ApiCall, ApiError};
use crate::AccessToken;
use crate::json;
use crate::transport::Purpose;

/// Who the person is that the token belongs to (`GET /users/me`). Needs no scope.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct CurrentUser {
    /// Whether to say which groups they are in (`include=groups`).
    pub with_groups: bool,
}

impl ApiCall for CurrentUser {
    type Answer = Profile;
    type Unreadable = ProfileError;

    fn purpose(&self) -> Purpose {
        Purpose::CurrentUser
    }

    fn path(&self) -> String {
        "users/me".to_owned()
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let groups = self.with_groups.then(|| ("include", "groups".to_owned()));
        groups.into_iter().collect()
    }

    fn read(&self, body: Vec<u8>) -> Result<Profile, ProfileError> {
        Profile::parse(body)
    }
}

impl Api {
    /// Makes the call [`CurrentUser`].
    ///
    /// # Errors
    ///
    /// [`ApiError`]; one that may pass was retried already.
    pub async fn current_user(&self, token: &AccessToken) -> Result<Profile, ApiError> {
        let call = CurrentUser { with_groups: false };
        let profile = self.perform(&call, token).await;
        profile.map_err(|failed| failed.error)
    }

    /// The same with the groups that the person is in.
    ///
    /// # Errors
    ///
    /// As with [`Api::current_user`].
    pub async fn current_user_with_groups(&self, token: &AccessToken) -> Result<Profile, ApiError> {
        let call = CurrentUser { with_groups: true };
        let profile = self.perform(&call, token).await;
        profile.map_err(|failed| failed.error)
    }
}

/// What `users/me` answered: an object with an `id` and an `email`, and whatever else Smartsheet knows.
#[derive(Debug, Clone)]
pub struct Profile {
    raw: String,
    /// The same for any reader, where that is not the same.
    readable: Option<String>,
    fields: Map<String, Value>,
}

/// The answer is no profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is not a user profile")]
pub struct ProfileError;

impl Profile {
    /// Reads an answer. Fields of unknown names and of unexpected types are kept; they are for whoever shows them to deal
    /// with. A byte order mark is skipped, and what breaks a rule of JSON in a detail is read as [`Profile::readable`] says.
    ///
    /// # Errors
    ///
    /// [`ProfileError`] when it is not a JSON object with an `id` and an `email`, the two fields that are always there.
    pub fn parse(raw: Vec<u8>) -> Result<Self, ProfileError> {
        let readable = json::readable(&raw);
        let fields: Map<String, Value> =
            serde_json::from_str(&readable).map_err(|_| ProfileError)?;
        if !fields.contains_key("id") || !fields.contains_key("email") {
            return Err(ProfileError);
        }
        let readable = match readable {
            Cow::Owned(text) => Some(text),
            Cow::Borrowed(_) => None,
        };
        Ok(Self {
            raw: kept(raw),
            readable,
            fields,
        })
    }

    /// What Smartsheet sent, to the letter, with every big integer and unknown field as it was. Bytes that are not UTF-8, which
    /// JSON may not have, are U+FFFD.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The same, so that any reader of JSON takes it: with U+FFFD for escaped surrogates that stand alone, and a string for a
    /// number that no `f64` holds.
    #[must_use]
    pub fn readable(&self) -> &str {
        self.readable.as_ref().unwrap_or(&self.raw)
    }

    /// Every field, by Smartsheet's names.
    #[must_use]
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// The text of `field`, when there is one that is not blank.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&str> {
        let text = self.fields.get(field)?.as_str()?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// First and last name, as far as they are known; otherwise the email address.
    #[must_use]
    pub fn name(&self) -> String {
        let names = [self.text("firstName"), self.text("lastName")];
        let names: Vec<&str> = names.into_iter().flatten().collect();
        if names.is_empty() {
            self.email().to_owned()
        } else {
            names.join(" ")
        }
    }

    /// The email address.
    #[must_use]
    pub fn email(&self) -> &str {
        self.text("email").unwrap_or("someone")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(raw: &str) -> Result<Profile, ProfileError> {
        Profile::parse(raw.as_bytes().to_vec())
    }

    #[test]
    fn the_least_profile() {
        let profile = parse(r#"{"id": 48569348493401200, "email": "ann@example.com"}"#).unwrap();
        assert_eq!(profile.name(), "ann@example.com");
        assert_eq!(profile.fields()["id"].to_string(), "48569348493401200");
    }

    #[test]
    fn names_of_every_completeness() {
        for (fields, name) in [
            (r#""firstName":"Ann","lastName":"Lee""#, "Ann Lee"),
            (r#""firstName":" Ann ""#, "Ann"),
            (r#""firstName":"","lastName":"Lee""#, "Lee"),
            (r#""firstName":7,"lastName":null"#, "ann@example.com"),
        ] {
            let raw = format!(r#"{{"id":1,"email":"ann@example.com",{fields}}}"#);
            assert_eq!(parse(&raw).unwrap().name(), name);
        }
    }

    #[test]
    fn a_broken_detail_is_shown_as_such_and_handed_on_as_it_was() {
        let sent = r#"{"id":1,"email":"a@b.c","company":"Caf\ud83c","\udc00":1e400}"#;
        for raw in [sent.to_owned(), format!("\u{feff}{sent}")] {
            let profile = parse(&raw).unwrap();
            assert_eq!(profile.raw(), sent);
            assert_eq!(profile.text("company"), Some("Caf\u{fffd}"));
            assert_eq!(profile.text("\u{fffd}"), Some("1e400"));
            assert!(serde_json::from_str::<Value>(profile.readable()).is_ok());
        }
        let profile =
            Profile::parse(b"{\"id\":1,\"email\":\"a\",\"company\":\"Caf\xe9\"}".to_vec());
        assert_eq!(profile.unwrap().text("company"), Some("Caf\u{fffd}"));
    }

    #[test]
    fn what_is_no_profile() {
        for raw in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"id":1}"#,
            r#"{"email":"a"}"#,
            r#"{"id":1,"email":"a""#,
        ] {
            assert!(parse(raw).is_err(), "{raw}");
        }
    }
    proptest! {
        #[test]
        fn every_profile_has_a_name_and_stays_as_it_was(
            names in proptest::collection::btree_map("firstName|lastName|email|id|\\PC{0,8}", "\\PC{0,12}", 0..6),
        ) {
            let raw = serde_json::to_string_pretty(&names).unwrap();
            let parsed = parse(&raw);
            prop_assert_eq!(parsed.is_ok(), names.contains_key("id") && names.contains_key("email"));
            if let Ok(profile) = parsed {
                prop_assert_eq!(profile.raw(), raw);
                prop_assert!(!profile.name().trim().is_empty() && !profile.email().trim().is_empty());
            }
        }

        #[test]
        fn no_answer_panics(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Profile::parse(raw).is_err());
        }
    }
}
