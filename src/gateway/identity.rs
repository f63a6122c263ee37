//! Who a person is, read from what `GET /users/me?include=groups` answered.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::session::Identity;
use crate::smartsheet::Profile;

/// How long a text may be that is kept, in bytes. Names are much shorter.
const MAX_TEXT: usize = 1024;

/// How long the names of all groups may be together, in bytes: they travel in a header of every request, percent-encoded and
/// once more in the assertion. What is beyond is left out.
const MAX_GROUPS: usize = 8 * 1024;

/// The answer does not say who it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the profile has no id of digits, or an email address that is too long")]
pub struct IdentityError;

/// As much of the answer as is kept. Fields of other types than documented count as absent.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    #[serde(borrow)]
    account: Option<&'a RawValue>,
    #[serde(borrow)]
    groups: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Account<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(default)]
    name: serde_json::Value,
}

#[derive(Deserialize)]
struct Group {
    name: String,
}

/// Who `profile` is of.
///
/// # Errors
///
/// [`IdentityError`].
pub fn read_identity(profile: &Profile) -> Result<Identity, IdentityError> {
    let wire: Wire<'_> = serde_json::from_str(profile.readable()).map_err(|_| IdentityError)?;
    let id = number(wire.id).ok_or(IdentityError)?;
    let text = |field| profile.text(field).unwrap_or_default();
    // A part of an address is another address.
    let email = text("email");
    if email.len() > MAX_TEXT {
        return Err(IdentityError);
    }
    let account = wire.account.map(RawValue::get);
    let account = account.and_then(|account| serde_json::from_str::<Account<'_>>(account).ok());
    let account_id = account.as_ref().and_then(|account| number(account.id?));
    let account_name = account.as_ref().and_then(|account| account.name.as_str());
    Ok(Identity {
        id,
        email: email.to_owned(),
        name: shortened(&name(profile)),
        given_name: shortened(text("firstName")),
        family_name: shortened(text("lastName")),
        account_id: account_id.unwrap_or_default(),
        account_name: shortened(account_name.unwrap_or_default().trim()),
        groups: groups(wire.groups),
    })
}

/// First and last name, or the email address, or nothing.
fn name(profile: &Profile) -> String {
    let names = [profile.text("firstName"), profile.text("lastName")];
    if names == [None, None] {
        return profile.text("email").unwrap_or_default().to_owned();
    }
    profile.name()
}

/// An id as a text: digits, however many, as a number or as a string.
fn number(value: &RawValue) -> Option<String> {
    let text = value.get();
    let text = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text);
    let is_number = (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.to_owned())
}

fn groups(value: Option<&RawValue>) -> Vec<String> {
    let list = value.and_then(|value| serde_json::from_str::<Vec<&RawValue>>(value.get()).ok());
    let list = list.unwrap_or_default().into_iter();
    let groups = list.filter_map(|group| serde_json::from_str::<Group>(group.get()).ok());
    let mut bytes = 0;
    let mut names = Vec::new();
    for Group { name } in groups {
        bytes += name.len();
        if bytes > MAX_GROUPS {
            tracing::warn!(
                kept = names.len(),
                "a person is in too many groups to keep all"
            );
            break;
        }
        names.push(name);
    }
    names
}

/// The beginning of `text`, if it is very long.
fn shortened(text: &str) -> String {
    let end = text.floor_char_boundary(MAX_TEXT);
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(raw: &str) -> Result<Identity, IdentityError> {
        read_identity(&Profile::parse(raw.as_bytes().to_vec()).map_err(|_| IdentityError)?)
    }

    #[test]
    fn everything_and_next_to_nothing() {
        let all = read(
            r#"{"id": 12345678901234567890123, "email": "ada@example.com", "firstName": "Ada", "lastName": "Lovelace",
                "account": {"id": 4503599627370497, "name": "Engines"},
                "groups": [{"id": 1, "name": "Φ, b", "description": ""}, {"name": 7}, "x", {"name": "c"}]}"#,
        );
        let expected = Identity {
            id: "12345678901234567890123".to_owned(),
            email: "ada@example.com".to_owned(),
            name: "Ada Lovelace".to_owned(),
            given_name: "Ada".to_owned(),
            family_name: "Lovelace".to_owned(),
            account_id: "4503599627370497".to_owned(),
            account_name: "Engines".to_owned(),
            groups: ["Φ, b", "c"].map(str::to_owned).to_vec(),
        };
        assert_eq!(all, Ok(expected));
        let least = read(r#"{"id": "7", "email": "sam@example.com", "account": 1, "groups": {}}"#);
        let expected = Identity {
            id: "7".to_owned(),
            email: "sam@example.com".to_owned(),
            name: "sam@example.com".to_owned(),
            ..Identity::default()
        };
        assert_eq!(least, Ok(expected));
    }

    #[test]
    fn nobody_in_particular() {
        let long = format!(r#"{{"id": 1, "email": "{}@x"}}"#, "a".repeat(MAX_TEXT));
        for raw in [
            r#"{"id": null, "email": "a@b"}"#,
            r#"{"id": -1, "email": "a@b"}"#,
            r#"{"id": 1.5, "email": "a@b"}"#,
            r#"{"id": 1e400, "email": "a@b"}"#,
            r#"{"id": "", "email": "a@b"}"#,
            r#"{"id": {"a": 1}, "email": "a@b"}"#,
            &long,
        ] {
            assert_eq!(read(raw), Err(IdentityError), "{raw}");
        }
    }

    #[test]
    fn very_long_texts_are_cut_where_that_changes_nobody() {
        let name = "é".repeat(MAX_TEXT);
        let groups = vec![format!(r#"{{"name": "{}"}}"#, "g".repeat(500)); 100];
        let raw = format!(
            r#"{{"id": 1, "email": "a@b", "firstName": "{name}", "groups": [{}]}}"#,
            groups.join(",")
        );
        let identity = read(&raw).unwrap();
        assert_eq!(identity.name.len(), MAX_TEXT);
        assert_eq!(identity.groups.len(), MAX_GROUPS / 500);
    }

    proptest! {
        #[test]
        fn nothing_panics(fields in proptest::collection::btree_map("id|email|firstName|account|groups", "\\PC{0,12}", 0..5)) {
            let _ = read(&serde_json::to_string(&fields).unwrap());
        }
    }
}
