//! Values of a profile's fields, in words.

use serde_json::value::RawValue;

use super::fields::{Fields, Sent, flag, instant, read};
use crate::web::moment::{Moment, Reader};

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

/// A value in words, in as many parts as it has. Nothing for what is empty.
pub(super) fn show(raw: &RawValue, reader: &Reader) -> Vec<Shown> {
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
pub(super) fn words(name: &str) -> String {
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
