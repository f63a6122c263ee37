//! A profile's fields in words, section by section.

use serde_json::value::RawValue;

use super::fields::{Fields, Sent, flag, instant, read};
use super::roles;
use crate::session::Person;
use crate::web::moment::{Moment, Reader};

/// How many values of a field are shown at once. The others fold away.
const SHOWN: usize = 5;

/// Facts that belong together.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) facts: Vec<Fact>,
}

/// A field, by the name that people know it by.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) label: String,
    values: Vec<Shown>,
}

/// A value in words.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Text(String),
    /// Something with a name, and what else is known of it.
    Named {
        name: String,
        rest: String,
    },
    Moment(Moment),
    /// An email address, and whether it is known to be the person's.
    Address {
        email: String,
        is_confirmed: bool,
    },
}

impl Fact {
    /// The values to show at once.
    pub(super) fn first(&self) -> &[Shown] {
        &self.values[..self.values.len().min(SHOWN)]
    }

    /// The values to fold away.
    pub(super) fn more(&self) -> &[Shown] {
        &self.values[self.first().len()..]
    }
}

/// Which fields make a section, each with what it is called. In the order of the page.
const SECTIONS: [(&str, &[(&str, &str)]); 4] = [
    (
        "Contact",
        &[
            ("firstName", "First name"),
            ("lastName", "Last name"),
            ("email", "Email"),
            ("alternateEmails", "Other email addresses"),
            ("workPhone", "Work phone"),
            ("mobilePhone", "Mobile phone"),
        ],
    ),
    (
        "Work",
        &[
            ("title", "Title"),
            ("department", "Department"),
            ("company", "Company"),
            ("role", "Role"),
        ],
    ),
    (
        "Account",
        &[
            ("account", "Organization"),
            ("id", "User id"),
            ("sheetCount", "Sheets owned"),
            ("locale", "Locale"),
            ("timeZone", "Time zone"),
        ],
    ),
    (
        "Activity",
        &[
            ("lastLogin", "Last login to Smartsheet"),
            ("customWelcomeScreenViewed", "Welcome screen seen"),
        ],
    ),
];

/// Fields that tell a person nothing. `profileImage` names a picture by an id; no call of the API gives the picture itself.
const FOR_PROGRAMS: [&str; 1] = ["profileImage"];

/// Every field that is there, in its section; those of unknown names come last. What [`roles`] tells is left out, and so are the
/// name and the address that the page of `person` begins with.
pub(super) fn sections(fields: &Fields<'_>, reader: &Reader, person: &Person) -> Vec<Section> {
    let is_said = |name: &str| match name {
        "firstName" | "lastName" => is_full_name(fields, &person.name),
        "email" => text(fields, "email").is_some_and(|email| email == person.email),
        _ => FOR_PROGRAMS.contains(&name),
    };
    let fact = |name: &str, label: &str| {
        if is_said(name) {
            return None;
        }
        let values = show(fields.get(name)?, reader);
        (!values.is_empty()).then(|| Fact {
            label: label.to_owned(),
            values,
        })
    };
    let known = SECTIONS.iter().map(|(title, names)| Section {
        title,
        facts: names
            .iter()
            .filter_map(|(name, label)| fact(name, label))
            .collect(),
    });
    let has_a_place = |name: &str| {
        let mut placed = SECTIONS.iter().flat_map(|(_, names)| *names);
        placed.any(|(known, _)| *known == name) || roles::tells(name, fields)
    };
    let others = Section {
        title: "More from Smartsheet",
        facts: fields
            .keys()
            .filter(|name| !has_a_place(name))
            .filter_map(|name| fact(name, &words(name)))
            .collect(),
    };
    known
        .chain([others])
        .filter(|section| !section.facts.is_empty())
        .collect()
}

/// The text of a field.
fn text(fields: &Fields<'_>, name: &str) -> Option<String> {
    match read(fields.get(name)?) {
        Sent::Text(text) => Some(text),
        _ => None,
    }
}

/// Whether `name` is first and last name, and nothing else of them is known.
fn is_full_name(fields: &Fields<'_>, name: &str) -> bool {
    let parts = ["firstName", "lastName"].map(|part| text(fields, part).unwrap_or_default());
    let parts: Vec<&str> = parts
        .iter()
        .map(|part| part.trim())
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(" ") == name
}

/// A value in words, in as many parts as it has. Nothing for what is empty.
fn show(raw: &RawValue, reader: &Reader) -> Vec<Shown> {
    match read(raw) {
        Sent::Nothing => Vec::new(),
        Sent::Flag(yes) => vec![Shown::Text(if yes { "Yes" } else { "No" }.to_owned())],
        Sent::Number(digits) => vec![Shown::Text(digits.to_owned())],
        Sent::Text(text) if text.trim().is_empty() => Vec::new(),
        Sent::Text(text) => vec![match instant(&text) {
            Some(instant) => Shown::Moment(reader.read(instant)),
            None => Shown::Text(text),
        }],
        Sent::List(items) => items.iter().flat_map(|item| show(item, reader)).collect(),
        Sent::Object(fields) => address(&fields)
            .or_else(|| composed(&fields))
            .into_iter()
            .collect(),
    }
}

/// An entry of `alternateEmails`. Its id is of use to programs alone; they find it in the JSON.
fn address(fields: &Fields<'_>) -> Option<Shown> {
    let is_confirmed = flag(fields.get("confirmed")?)?;
    let Sent::Text(email) = read(fields.get("email")?) else {
        return None;
    };
    let is_all = fields
        .keys()
        .all(|name| ["id", "email", "confirmed"].contains(&name.as_str()));
    (is_all && !email.trim().is_empty()).then_some(Shown::Address {
        email,
        is_confirmed,
    })
}

/// A composed value, such as an account.
fn composed(fields: &Fields<'_>) -> Option<Shown> {
    let naming = ["name", "email"].into_iter().find_map(|label| {
        let Sent::Text(text) = read(fields.get(label)?) else {
            return None;
        };
        (!text.trim().is_empty()).then_some((label, text))
    });
    let rest: Vec<String> = fields
        .iter()
        .filter(|(label, _)| naming.as_ref().is_none_or(|(named, _)| label != named))
        .filter_map(|(label, raw)| {
            let label = words(label).to_lowercase();
            match read(raw) {
                Sent::Nothing => None,
                Sent::Flag(true) => Some(label),
                Sent::Flag(false) => Some(format!("not {label}")),
                Sent::Text(text) => Some(format!("{label} {text}")),
                Sent::Number(_) | Sent::List(_) | Sent::Object(_) => {
                    Some(format!("{label} {}", raw.get()))
                }
            }
        })
        .collect();
    let rest = rest.join(", ");
    match (naming, rest.is_empty()) {
        (Some((_, name)), true) => Some(Shown::Text(name)),
        (Some((_, name)), false) => Some(Shown::Named { name, rest }),
        (None, false) => Some(Shown::Text(rest)),
        (None, true) => None,
    }
}

/// `customWelcomeScreenViewed` as "Custom welcome screen viewed".
fn words(name: &str) -> String {
    if name.trim().is_empty() {
        return "A field without a name".to_owned();
    }
    let mut words = String::with_capacity(name.len() + 8);
    for (index, character) in name.chars().enumerate() {
        if index == 0 {
            words.extend(character.to_uppercase());
        } else if character.is_uppercase() {
            words.push(' ');
            words.extend(character.to_lowercase());
        } else {
            words.push(if character == '_' { ' ' } else { character });
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::smartsheet::Profile;

    fn shown(raw: &str) -> Vec<(String, String)> {
        let profile = Profile::parse(raw.as_bytes().to_vec()).unwrap();
        let fields: Fields<'_> = serde_json::from_str(raw).unwrap();
        sections(&fields, &Reader::of(&profile), &Person::of(&profile))
            .into_iter()
            .flat_map(|section| section.facts)
            .map(|fact| {
                let texts = fact.values.iter().map(|value| match value {
                    Shown::Text(text) => text.clone(),
                    Shown::Named { name, rest } => format!("{name} ({rest})"),
                    Shown::Moment(moment) => format!("{} = {}", moment.words, moment.exact),
                    Shown::Address {
                        email,
                        is_confirmed,
                    } => format!("{email} {is_confirmed}"),
                });
                (fact.label, texts.collect::<Vec<_>>().join(" | "))
            })
            .collect()
    }

    #[test]
    fn values_in_words() {
        let facts = shown(
            r#"{"id": 9223372036854775807123, "email": "ann@example.com", "timeZone": "US/Pacific", "locale": "en_GB",
                "admin": true, "jiraAdmin": false, "workPhone": "", "company": null,
                "lastLogin": "2016-08-15T18:32:47Z", "account": {"name": "Team", "id": 18446744073709551616},
                "alternateEmails": [{"id": 1, "email": "a@example.com", "confirmed": true},
                                    {"id": 2, "email": "b@example.com", "confirmed": false}],
                "favouriteColour": "<b>blue</b>", "new_list": [], "knight": true, " ": 1}"#,
        );
        let expected = [
            (
                "Other email addresses",
                "a@example.com true | b@example.com false",
            ),
            ("Organization", "Team (id 18446744073709551616)"),
            ("User id", "9223372036854775807123"),
            ("Locale", "en_GB"),
            ("Time zone", "US/Pacific"),
            (
                "Last login to Smartsheet",
                "15 August 2016 at 11:32 = 2016-08-15T18:32:47Z",
            ),
            ("A field without a name", "1"),
            ("Favourite colour", "<b>blue</b>"),
            ("Knight", "Yes"),
        ];
        let expected: Vec<(String, String)> = expected
            .map(|(label, text)| (label.to_owned(), text.to_owned()))
            .to_vec();
        assert_eq!(facts, expected);
    }

    #[test]
    fn odd_values_are_shown_as_they_are() {
        let facts = shown(
            r#"{"id":"x","email":["a","b"],"timeZone":"Mars/Base","lastLogin":"soon","account":7,"admin":"maybe",
                "alternateEmails":[{"email":"c","confirmed":"no"},{"email":"","confirmed":true},5,"d"],
                "deep":{"a":{"b":[1e300]},"name":" "}}"#,
        );
        for (label, text) in [
            ("Time zone", "Mars/Base"),
            ("Last login to Smartsheet", "soon"),
            ("Email", "a | b"),
            ("Organization", "7"),
            ("Admin", "maybe"),
            (
                "Other email addresses",
                "c (confirmed no) | confirmed, email  | 5 | d",
            ),
            ("Deep", r#"a {"b":[1e300]}, name  "#),
        ] {
            assert!(
                facts.contains(&(label.to_owned(), text.to_owned())),
                "{label}: {facts:?}"
            );
        }
    }

    #[test]
    fn what_is_much_folds_away() {
        let fact = |count| Fact {
            label: String::new(),
            values: (0..count).map(|n| Shown::Text(format!("{n}"))).collect(),
        };
        assert_eq!((fact(3).first().len(), fact(3).more().len()), (3, 0));
        assert_eq!((fact(200).first().len(), fact(200).more().len()), (5, 195));
    }
    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            "2016-08-15T18:32:47Z|9999-12-30T22:00:00Z".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            let keys = "name|email|confirmed|id|\\PC{0,6}";
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map(keys, inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_text_of_a_profile_is_shown(
            fields in proptest::collection::btree_map("locale|timeZone|account|admin|\\PC{0,8}", values(), 0..6),
        ) {
            let mut profile = serde_json::json!({"id": 1, "email": "ann@example.com"});
            for (name, value) in &fields {
                profile[name] = value.clone();
            }
            let facts = shown(&profile.to_string());
            for text in profile.as_object().unwrap().values().filter_map(Value::as_str) {
                let is_moment = text.parse::<jiff::Timestamp>().is_ok();
                let is_there = facts.iter().any(|(_, shown)| shown == text || (is_moment && shown.contains(" = ")));
                prop_assert!(text.trim().is_empty() || is_there, "{text:?} is not among {facts:?}");
            }
        }
    }
}
