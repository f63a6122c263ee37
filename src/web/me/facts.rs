//! A profile's fields in words, section by section.

use super::fields::Fields;
use super::roles;
use super::values::{Shown, show, words};
use crate::smartsheet::Profile;
use crate::web::moment::Reader;

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

/// What a page begins with ([`Profile::name`], [`Profile::email`]), where it is text.
const IN_THE_HEAD: [&str; 3] = ["firstName", "lastName", "email"];

/// Every field of `profile` that is there, in its section; those of unknown names come last. What [`roles`] tells is left out, and
/// so is what the page begins with.
pub(super) fn sections(fields: &Fields<'_>, reader: &Reader, profile: &Profile) -> Vec<Section> {
    let is_said = |name: &str| {
        FOR_PROGRAMS.contains(&name) || IN_THE_HEAD.contains(&name) && profile.text(name).is_some()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::session::Person;

    fn shown(raw: &str) -> Vec<(String, String)> {
        let profile = Profile::parse(raw.as_bytes().to_vec()).unwrap();
        let fields: Fields<'_> = serde_json::from_str(raw).unwrap();
        sections(&fields, &Reader::of(&profile), &profile)
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
            let raw = profile.to_string();
            let facts = shown(&raw);
            // What the page begins with.
            let person = Person::of(&Profile::parse(raw.into_bytes()).unwrap());
            for text in profile.as_object().unwrap().values().filter_map(Value::as_str) {
                let is_moment = text.parse::<jiff::Timestamp>().is_ok();
                let is_said = [&person.name, &person.email].iter().any(|said| said.contains(text));
                let is_there = is_said || facts.iter().any(|(_, shown)| shown == text || (is_moment && shown.contains(" = ")));
                prop_assert!(text.trim().is_empty() || is_there, "{text:?} is not among {facts:?}");
            }
        }
    }
}
