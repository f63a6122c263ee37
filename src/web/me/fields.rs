//! A profile's fields as they were sent.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::value::RawValue;

/// A field as it was sent. Numbers stay text: they can be larger than what JSON readers keep.
pub(super) enum Sent<'a> {
    Nothing,
    Flag(bool),
    Number(&'a str),
    Text(String),
    List(Vec<&'a RawValue>),
    Object(Fields<'a>),
}

/// The members of an object.
pub(super) type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// Reads one level of `raw`.
pub(super) fn read(raw: &RawValue) -> Sent<'_> {
    let text = raw.get();
    // A RawValue is valid JSON, so its first character says what it is, and reading it as that succeeds.
    match text.as_bytes().first() {
        Some(b't') => Sent::Flag(true),
        Some(b'f') => Sent::Flag(false),
        // Without an escape, it is what it says.
        Some(b'"') if !text.contains('\\') => Sent::Text(text.trim_matches('"').to_owned()),
        Some(b'"') => serde_json::from_str(text).map_or(Sent::Nothing, Sent::Text),
        Some(b'[') => serde_json::from_str(text).map_or(Sent::Nothing, Sent::List),
        Some(b'{') => serde_json::from_str(text).map_or(Sent::Nothing, Sent::Object),
        Some(b'-' | b'0'..=b'9') => Sent::Number(text),
        _ => Sent::Nothing,
    }
}

/// Whether `raw` is `true` or `false`, and which.
pub(super) fn flag(raw: &RawValue) -> Option<bool> {
    match read(raw) {
        Sent::Flag(value) => Some(value),
        _ => None,
    }
}

/// The instant that `text` is. It begins with the digits of a year or with its sign, and few other texts do.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    let begins = |first: char| first.is_ascii_digit() || "+-\u{2212}".contains(first);
    text.starts_with(begins).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_no_instant_at_a_look_is_none(text in "\\PC{0,3}(2026-03-02[T ]08:15:30Z|[+-]?00[0-9]{4}-01-01T00Z)\\PC{0,2}") {
            prop_assert_eq!(instant(&text), text.parse().ok());
        }
    }
}
