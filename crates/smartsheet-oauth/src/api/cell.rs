//! A cell, as Smartsheet sends it.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A value of JSON, as far as a cell can have one. Numbers stay text: they can be larger and finer than what an `f64` keeps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Value {
    /// None, or `null`.
    #[default]
    Empty,
    /// `true` or `false`.
    Flag(bool),
    /// A number, to the letter.
    Number(String),
    /// A text.
    Text(String),
    /// A list or an object: a kind of value that this app does not know.
    Other,
}

/// A cell of a row.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Cell {
    /// Which column it is in.
    pub column_id: u64,
    /// Its value.
    #[serde(default)]
    pub value: Value,
    /// The value as Smartsheet shows it to people.
    #[serde(default, deserialize_with = "text")]
    pub display_value: Option<String>,
    /// What it is computed by, if it is.
    #[serde(default, deserialize_with = "text")]
    pub formula: Option<String>,
    /// Where its text leads.
    #[serde(default)]
    pub hyperlink: Option<Hyperlink>,
    /// The picture in it.
    #[serde(default)]
    pub image: Option<CellImage>,
}

/// Where the text of a cell leads: to an address, or within Smartsheet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Hyperlink {
    /// The address.
    #[serde(default, deserialize_with = "text")]
    pub url: Option<String>,
}

/// A picture in a cell.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CellImage {
    /// What it shows, in words.
    #[serde(default, deserialize_with = "text")]
    pub alt_text: Option<String>,
}

impl Value {
    /// What a person would type to have it; empty when there is nothing.
    #[must_use]
    pub fn typed(&self) -> &str {
        match self {
            Self::Empty | Self::Other => "",
            Self::Flag(true) => "true",
            Self::Flag(false) => "false",
            Self::Number(text) | Self::Text(text) => text,
        }
    }

    fn of(raw: &RawValue) -> Self {
        let text = raw.get();
        // A RawValue is valid JSON, so its first character says what it is.
        match text.as_bytes().first() {
            Some(b't') => Self::Flag(true),
            Some(b'f') => Self::Flag(false),
            Some(b'"') => serde_json::from_str(text).map_or(Self::Other, Self::Text),
            Some(b'[' | b'{') => Self::Other,
            Some(b'-' | b'0'..=b'9') => Self::Number(text.to_owned()),
            _ => Self::Empty,
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(Self::of)
    }
}

impl Serialize for Value {
    /// A number is written as it is, if it is one of JSON; otherwise as a text.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Empty | Self::Other => serializer.serialize_none(),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => match RawValue::from_string(number.clone()) {
                Ok(raw) => raw.serialize(serializer),
                Err(_) => serializer.serialize_str(number),
            },
        }
    }
}

/// A text; nothing for what is of another type.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Text(text) => Some(text),
        _ => None,
    })
}

/// A list; an empty one for `null`.
pub(super) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// `true` or `false`; no for what is of another type.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Value::deserialize(deserializer)? == Value::Flag(true))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_stay_as_they_were_sent() {
        for (json, value) in [
            (r#""x""#, Value::Text("x".to_owned())),
            ("true", Value::Flag(true)),
            ("null", Value::Empty),
            ("1.50", Value::Number("1.50".to_owned())),
            (
                "123456789012345678901234567890",
                Value::Number("123456789012345678901234567890".to_owned()),
            ),
            (r#"{"a":1}"#, Value::Other),
        ] {
            let read: Value = serde_json::from_str(json).unwrap();
            assert_eq!(read, value, "{json}");
            if value != Value::Other {
                assert_eq!(serde_json::to_string(&value).unwrap(), json);
            }
        }
    }

    #[test]
    fn odd_members_are_read_as_none() {
        let cell: Cell = serde_json::from_str(
            r#"{"columnId":9223372036854775807,"displayValue":7,"formula":null,"hyperlink":{"url":3,"sheetId":5},"image":{}}"#,
        )
        .unwrap();
        assert_eq!(cell.column_id, 9_223_372_036_854_775_807);
        assert_eq!((cell.value, cell.display_value), (Value::Empty, None));
        assert_eq!(cell.hyperlink, Some(Hyperlink { url: None }));
    }

    proptest! {
        #[test]
        fn no_number_changes_on_its_way(number in any::<f64>().prop_filter("finite", |n| n.is_finite())) {
            let json = serde_json::to_string(&number).unwrap();
            let value: Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(serde_json::to_string(&value).unwrap(), json);
        }
    }
}
