//! What can be filled in: one field a column, of the kind that its type takes.

use std::str::FromStr as _;

use jiff::civil::{Date, DateTime};

use super::cells::parts;
use crate::smartsheet::{Column, ColumnType, Row, Sheet, Value};

/// How many characters a cell holds (Smartsheet's documentation, "Cells").
pub(super) const MAX_CHARACTERS: usize = 4_000;

/// What longer texts than this are typed into has several lines.
const ONE_LINE: usize = 80;

/// A field of the form.
pub(super) struct Field {
    pub(super) id: u64,
    pub(super) label: String,
    pub(super) control: Control,
}

/// What one fills in by.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Control {
    Text(String),
    Lines(String),
    Date(String),
    DateTime(String),
    Email {
        value: String,
        several: bool,
    },
    Check(bool),
    /// One of these.
    Choice(Vec<Choice>),
    /// Any of these.
    Choices(Vec<Choice>),
}

/// What can be chosen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) text: String,
    pub(super) is_chosen: bool,
}

/// The columns that people can fill in: in every row, or in this one.
pub(super) fn offered<'a>(sheet: &'a Sheet, row: Option<&Row>) -> Vec<&'a Column> {
    if row.is_some_and(|row| row.locked) {
        return Vec::new();
    }
    let is_computed = |column: &Column| {
        let cell = row.and_then(|row| row.cell(column.id));
        cell.is_some_and(|cell| cell.formula.is_some())
    };
    let columns = in_reading_order(sheet).filter(|column| {
        let is_known = !matches!(column.kind, ColumnType::Other(_));
        column.is_peoples() && !column.locked && is_known && !is_computed(column)
    });
    columns.collect()
}

/// The columns that Smartsheet shows, the primary one first.
pub(super) fn in_reading_order(sheet: &Sheet) -> impl Iterator<Item = &Column> {
    let shown = |primary: bool| {
        let columns = sheet.columns.iter();
        columns.filter(move |column| !column.hidden && column.primary == primary)
    };
    shown(true).chain(shown(false))
}

/// The title of a column, whatever it is called.
pub(super) fn title(column: &Column) -> String {
    let title = column.title.as_deref().map(str::trim);
    let title = title.filter(|title| !title.is_empty());
    title.unwrap_or("Column without a title").to_owned()
}

/// What the form says when it shows what is in the row: as many values as its field sends.
pub(super) fn values(column: &Column, row: Option<&Row>) -> Vec<String> {
    let cell = row.and_then(|row| row.cell(column.id));
    let value = cell.map_or(&Value::Empty, |cell| &cell.value);
    let values = match column.kind {
        ColumnType::Checkbox => {
            let is_checked = *value == Value::Flag(true);
            is_checked.then(|| "true".to_owned()).into_iter().collect()
        }
        ColumnType::MultiPicklist => parts(value.typed()).map(str::to_owned).collect(),
        _ => vec![value.typed().to_owned()],
    };
    canonical(column, values)
}

/// The same values in the one form that they are compared in. Browsers send some of them in another one than they were given.
pub(super) fn canonical(column: &Column, mut values: Vec<String>) -> Vec<String> {
    if column.kind == ColumnType::MultiPicklist {
        let place = |text: &String| column.options.iter().position(|option| option == text);
        values.sort_by_key(|text| place(text).unwrap_or(usize::MAX));
        return values;
    }
    for value in &mut values {
        match column.kind {
            // A new line is one character in Smartsheet and two in a form.
            ColumnType::TextNumber => *value = value.replace("\r\n", "\n").replace('\r', "\n"),
            ColumnType::MultiContactList => {
                let people: Vec<&str> = parts(value).collect();
                *value = people.join(", ");
            }
            // Seconds that are none are left out.
            ColumnType::AbstractDateTime if value.len() == "2026-12-31T08:00".len() => {
                value.push_str(":00");
            }
            _ => *value = value.trim().to_owned(),
        }
    }
    values
}

/// Whether a field sends as many values as are chosen, or one.
pub(super) fn sends_several(column: &Column) -> bool {
    matches!(
        column.kind,
        ColumnType::Checkbox | ColumnType::MultiPicklist
    )
}

impl Field {
    /// The field of `column` that has `values`.
    pub(super) fn of(column: &Column, values: &[String]) -> Self {
        Self {
            id: column.id,
            label: title(column),
            control: control(column, values),
        }
    }
}

fn control(column: &Column, values: &[String]) -> Control {
    let value = values.first().cloned().unwrap_or_default();
    let is_empty = value.is_empty();
    match column.kind {
        ColumnType::Checkbox => Control::Check(value == "true"),
        // A field for days can't show what is none.
        ColumnType::Date if is_empty || is_day(&value) => Control::Date(value),
        ColumnType::AbstractDateTime if is_empty || DateTime::from_str(&value).is_ok() => {
            Control::DateTime(value)
        }
        ColumnType::ContactList if is_empty || value.contains('@') => Control::Email {
            value,
            several: false,
        },
        ColumnType::MultiContactList if parts(&value).all(|part| part.contains('@')) => {
            Control::Email {
                value,
                several: true,
            }
        }
        ColumnType::Picklist if !column.options.is_empty() => {
            Control::Choice(choices(column, values))
        }
        ColumnType::MultiPicklist if !column.options.is_empty() => {
            Control::Choices(choices(column, values))
        }
        ColumnType::MultiPicklist => Control::Text(values.join(", ")),
        _ if value.contains(['\n', '\r']) || value.chars().count() > ONE_LINE => {
            Control::Lines(value)
        }
        _ => Control::Text(value),
    }
}

fn is_day(text: &str) -> bool {
    text.len() == 10 && Date::from_str(text).is_ok()
}

/// The options, and what was chosen without being one.
fn choices(column: &Column, values: &[String]) -> Vec<Choice> {
    let others = values.iter().filter(|value| !value.is_empty());
    let others = others.filter(|value| !column.options.contains(value));
    let all = column.options.iter().chain(others);
    all.map(|text| Choice {
        text: text.clone(),
        is_chosen: values.contains(text),
    })
    .collect()
}

/// The value that a field of `column` which sends `values` means.
pub(super) fn meant(column: &Column, values: &[String]) -> Value {
    let value = values.first().map_or("", String::as_str);
    match column.kind {
        ColumnType::Checkbox => Value::Flag(value == "true"),
        ColumnType::MultiPicklist => Value::Text(values.join(", ")),
        ColumnType::TextNumber if is_number(value) => Value::Number(value.to_owned()),
        _ => Value::Text(value.to_owned()),
    }
}

/// Whether a text is a number as people and JSON write it alike. `007` is none, nor is one with more digits than Smartsheet keeps.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole)
        && all_digits(rest)
        && (whole == "0" || !whole.starts_with('0'))
        && digits.len() <= 15
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn column(kind: &str) -> Column {
        let json = format!(r#"{{"id":1,"type":"{kind}","options":["Red","Blue"]}}"#);
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn numbers_as_people_write_them() {
        for text in ["0", "7", "-7", "1.5", "-0.5", "123456789012345"] {
            assert!(is_number(text), "{text}");
        }
        for text in [
            "",
            "-",
            "007",
            "1.",
            ".5",
            "1e3",
            "+1",
            "1,5",
            " 1",
            "0x1",
            "1234567890123456",
            "٣",
        ] {
            assert!(!is_number(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_value_of_its_type_can_still_be_seen() {
        let value = |text: &str| vec![text.to_owned()];
        assert_eq!(
            control(&column("DATE"), &value("next week")),
            Control::Text("next week".to_owned())
        );
        assert_eq!(
            control(&column("CONTACT_LIST"), &value("Somebody")),
            Control::Text("Somebody".to_owned())
        );
        let Control::Choice(choices) = control(&column("PICKLIST"), &value("Mauve")) else {
            panic!();
        };
        let last = choices.last().unwrap();
        assert!(last.text == "Mauve" && last.is_chosen && choices.len() == 3);
    }

    #[test]
    fn what_a_browser_sends_back_is_no_change() {
        let strings = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        for (kind, shown, sent) in [
            ("TEXT_NUMBER", &["a\nb"][..], &["a\r\nb"][..]),
            ("MULTI_CONTACT_LIST", &["a@b, c@d"], &["a@b,c@d"]),
            (
                "ABSTRACT_DATETIME",
                &["2026-03-02T08:00:00"],
                &["2026-03-02T08:00"],
            ),
            ("MULTI_PICKLIST", &["Blue", "Red"], &["Red", "Blue"]),
            ("CONTACT_LIST", &["a@b "], &["a@b"]),
        ] {
            let column = column(kind);
            let shown = canonical(&column, strings(shown));
            assert_eq!(shown, canonical(&column, strings(sent)), "{kind}");
        }
    }

    proptest! {
        #[test]
        fn numbers_are_numbers_of_json(text in "-?[0-9.]{1,17}") {
            if is_number(&text) {
                let value = serde_json::to_string(&Value::Number(text.clone())).unwrap();
                prop_assert_eq!(value, text);
            }
        }
    }
}
