//! Values as people read them, each as its column's type means it.

use std::str::FromStr as _;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use url::Url;

use crate::smartsheet::{Cell, Column, ColumnType, Value};
use crate::web::moment::Reader;

/// A cell as it is shown.
pub(super) struct Shown {
    pub(super) content: Content,
    /// Whether a formula of the cell's own computes it.
    pub(super) is_computed: bool,
}

/// What is in a cell.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    Nothing,
    Text(String),
    Number(String),
    Check(bool),
    /// A day, or a day and a time: in words, their language, and as it was sent.
    Time {
        words: String,
        language: String,
        exact: String,
    },
    Person {
        name: String,
        email: String,
    },
    /// Several people or choices.
    Several(Vec<String>),
    Link {
        text: String,
        url: String,
    },
    /// A picture, in words.
    Image(String),
    /// A kind of value that this app does not know.
    Unknown,
}

impl Shown {
    pub(super) fn of(cell: Option<&Cell>, column: &Column, reader: &Reader) -> Self {
        let is_computed = cell.is_some_and(|cell| cell.formula.is_some());
        Self {
            content: cell.map_or(Content::Nothing, |cell| content(cell, column, reader)),
            is_computed: is_computed && column.formula.is_none(),
        }
    }
}

fn content(cell: &Cell, column: &Column, reader: &Reader) -> Content {
    if let Some(image) = &cell.image {
        let words = image.alt_text.as_deref().unwrap_or_default().trim();
        return Content::Image(words.to_owned());
    }
    let shown = cell
        .display_value
        .as_deref()
        .filter(|text| !text.is_empty());
    let url = cell.hyperlink.as_ref().and_then(|link| link.url.as_deref());
    if let Some(url) = url.and_then(followable) {
        let text = shown.unwrap_or_else(|| cell.value.typed());
        let text = if text.is_empty() { &url } else { text };
        return Content::Link {
            text: text.to_owned(),
            url: url.clone(),
        };
    }
    value(&cell.value, shown, column, reader)
}

/// A value, which Smartsheet itself shows as `shown`.
pub(super) fn value(
    value: &Value,
    shown: Option<&str>,
    column: &Column,
    reader: &Reader,
) -> Content {
    let text = match value {
        Value::Empty => {
            return match (&column.kind, shown) {
                (ColumnType::Checkbox, _) => Content::Check(false),
                (_, Some(shown)) => Content::Text(shown.to_owned()),
                (_, None) => Content::Nothing,
            };
        }
        Value::Other => {
            return shown.map_or(Content::Unknown, |shown| Content::Text(shown.to_owned()));
        }
        Value::Flag(flag) => {
            return match (&column.kind, shown) {
                (ColumnType::Checkbox, _) | (_, None) => Content::Check(*flag),
                (_, Some(shown)) => Content::Text(shown.to_owned()),
            };
        }
        Value::Number(number) => return Content::Number(shown.unwrap_or(number).to_owned()),
        Value::Text(text) => text,
    };
    if text.is_empty() {
        return Content::Nothing;
    }
    let otherwise = || Content::Text(shown.unwrap_or(text).to_owned());
    match column.kind {
        ColumnType::Date => time(text, Date::from_str(text).ok().map(|day| reader.day(day))),
        ColumnType::AbstractDateTime => {
            let at = DateTime::from_str(text).ok();
            time(text, at.map(|at| reader.day_and_time(at)))
        }
        ColumnType::DateTime => {
            let instant = Timestamp::from_str(text).ok();
            let moment = instant.map(|instant| reader.read_briefly(instant));
            time(text, moment.map(|moment| (moment.words, moment.language)))
        }
        ColumnType::ContactList if text.contains('@') => Content::Person {
            name: shown.unwrap_or(text).to_owned(),
            email: text.clone(),
        },
        ColumnType::MultiContactList | ColumnType::MultiPicklist => {
            let parts = parts(shown.unwrap_or(text));
            Content::Several(parts.map(str::to_owned).collect())
        }
        _ => otherwise(),
    }
}

/// The parts of a value with several.
pub(super) fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

fn time(exact: &str, words: Option<(String, String)>) -> Content {
    match words {
        Some((words, language)) => Content::Time {
            words,
            language,
            exact: exact.to_owned(),
        },
        None => Content::Text(exact.to_owned()),
    }
}

/// An address that a browser may follow from here.
fn followable(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    matches!(url.scheme(), "https" | "http").then(|| url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: &str, cell: &str) -> Content {
        let column = format!(r#"{{"id":1,"type":"{kind}"}}"#);
        let column: Column = serde_json::from_str(&column).unwrap();
        let cell = format!(r#"{{"columnId":1,{cell}}}"#);
        let cell: Cell = serde_json::from_str(&cell).unwrap();
        Shown::of(Some(&cell), &column, &Reader::for_person(None)).content
    }

    fn text(text: &str) -> Content {
        Content::Text(text.to_owned())
    }

    #[test]
    fn each_type_as_it_is_meant() {
        for (kind, cell, expected) in [
            (
                "TEXT_NUMBER",
                r#""value":"x","displayValue":"x""#,
                text("x"),
            ),
            (
                "TEXT_NUMBER",
                r#""value":1234.5,"displayValue":"$1,234.50""#,
                Content::Number("$1,234.50".to_owned()),
            ),
            (
                "TEXT_NUMBER",
                r#""value":7"#,
                Content::Number("7".to_owned()),
            ),
            ("CHECKBOX", r#""value":true"#, Content::Check(true)),
            ("CHECKBOX", r#""value":null"#, Content::Check(false)),
            ("CHECKBOX", r#""value":"perhaps""#, text("perhaps")),
            (
                "DATE",
                r#""value":"2026-12-31""#,
                Content::Time {
                    words: "2026-12-31".to_owned(),
                    language: String::new(),
                    exact: "2026-12-31".to_owned(),
                },
            ),
            ("DATE", r#""value":"next week""#, text("next week")),
            ("DATE", r#""value":17"#, Content::Number("17".to_owned())),
            (
                "CONTACT_LIST",
                r#""value":"a@b.example","displayValue":"Ada""#,
                Content::Person {
                    name: "Ada".to_owned(),
                    email: "a@b.example".to_owned(),
                },
            ),
            (
                "MULTI_PICKLIST",
                r#""value":"Red, Blue""#,
                Content::Several(vec!["Red".to_owned(), "Blue".to_owned()]),
            ),
            (
                "TEXT_NUMBER",
                r#""value":"t","hyperlink":{"url":"https://x.example/"}"#,
                Content::Link {
                    text: "t".to_owned(),
                    url: "https://x.example/".to_owned(),
                },
            ),
            (
                "TEXT_NUMBER",
                r#""value":"t","hyperlink":{"url":"javascript:alert(1)"}"#,
                text("t"),
            ),
            (
                "TEXT_NUMBER",
                r#""value":"","image":{"altText":"A cat"}"#,
                Content::Image("A cat".to_owned()),
            ),
            ("HOLOGRAM", r#""value":{"a":1}"#, Content::Unknown),
            ("HOLOGRAM", r#""value":"x""#, text("x")),
        ] {
            assert_eq!(shown(kind, cell), expected, "{kind} {cell}");
        }
    }
}
