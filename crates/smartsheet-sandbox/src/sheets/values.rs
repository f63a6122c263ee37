//! Which values fit which columns, and how they are shown.

use std::borrow::Cow;

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
};
use serde_json::Value;

use super::data::{Column, ColumnType};
use crate::{api_error::ApiError, users};

/// How many characters a cell holds, as at Smartsheet.
const CHARACTERS: usize = 4_000;

/// Refuses a value that does not fit the column. With `strict` off, only one that fits no column.
pub(super) fn check(value: &Value, column: &Column, strict: bool) -> Result<(), ApiError> {
    let conforms = match value {
        Value::String(text) => {
            let length = text.chars().count();
            if length > CHARACTERS {
                return Err(ApiError::cell_value_too_long(CHARACTERS, length));
            }
            text.is_empty() || text_conforms(text, column)
        }
        Value::Number(_) => matches!(column.kind, ColumnType::TextNumber | ColumnType::Duration),
        Value::Bool(_) => matches!(column.kind, ColumnType::TextNumber | ColumnType::Checkbox),
        _ => return Err(ApiError::cell_value_invalid()),
    };
    if conforms || !strict {
        return Ok(());
    }
    let told = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let kind = serde_json::to_value(column.kind).unwrap_or_default();
    Err(ApiError::cell_value_of_wrong_type(
        column.id,
        &told,
        kind.as_str().unwrap_or_default(),
    ))
}

fn text_conforms(text: &str, column: &Column) -> bool {
    let is_option = |text: &str| column.options.contains(&text);
    match column.kind {
        ColumnType::TextNumber => true,
        ColumnType::ContactList => text.contains('@'),
        ColumnType::MultiContactList => parts(text).all(|part| part.contains('@')),
        ColumnType::Date => text.len() == 10 && text.parse::<Date>().is_ok(),
        ColumnType::DateTime => text.parse::<Timestamp>().is_ok(),
        ColumnType::AbstractDateTime => text.parse::<DateTime>().is_ok(),
        ColumnType::Picklist => is_option(text),
        ColumnType::MultiPicklist => parts(text).all(is_option),
        ColumnType::Checkbox => false,
        ColumnType::Duration => is_duration(text),
        ColumnType::Predecessor => parts(text).all(is_predecessor),
    }
}

/// The parts of a value with several.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim)
}

/// Such as `3d`, `1.5w` or `2d 4h`.
fn is_duration(text: &str) -> bool {
    let is_part = |part: &str| {
        let number = part.strip_suffix(['w', 'd', 'h', 'm', 's']);
        number.is_some_and(|number| {
            let is_number = number.parse::<f64>().is_ok_and(f64::is_finite);
            is_number && number.starts_with(|first: char| first.is_ascii_digit())
        })
    };
    text.split(' ').all(is_part)
}

/// Such as `7`, `7FS` or `7SS +2d`: a row's number, how the two hang together, and the time in between.
fn is_predecessor(text: &str) -> bool {
    let (row, lag) = text.split_once(' ').unwrap_or((text, "+0d"));
    let kind = row.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let lag = lag.strip_prefix(['+', '-']);
    kind.len() < row.len()
        && ["", "FS", "FF", "SS", "SF"].contains(&kind)
        && lag.is_some_and(is_duration)
}

/// The value as people read it; `None` where Smartsheet leaves that to the client.
pub(super) fn shown<'a>(value: &'a Value, column: &Column) -> Option<Cow<'a, str>> {
    match (value, column.kind) {
        (Value::Number(number), _) if column.is_money => {
            Some(dollars(number.as_f64().unwrap_or_default()).into())
        }
        (Value::Number(number), _) => Some(number.to_string().into()),
        (
            Value::String(_),
            ColumnType::Date | ColumnType::DateTime | ColumnType::AbstractDateTime,
        ) => None,
        (Value::String(text), ColumnType::ContactList) => Some(name_of(text)),
        (Value::String(text), ColumnType::MultiContactList) => {
            let names: Vec<_> = parts(text).map(name_of).collect();
            Some(names.join(", ").into())
        }
        (Value::String(text), _) => Some(text.into()),
        _ => None,
    }
}

/// The name of whose address it is, or the address.
fn name_of(email: &str) -> Cow<'_, str> {
    let user = users::all().find(|user| user.email == email);
    user.map_or(email.into(), |user| Cow::Borrowed(&*user.name))
}

fn dollars(amount: f64) -> String {
    let sign = if amount < 0.0 { "-" } else { "" };
    let plain = format!("{:.2}", amount.abs());
    let (whole, cents) = plain.split_once('.').unwrap_or((&plain, "00"));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}${grouped}.{cents}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sheets::data::Fill;

    fn column(kind: ColumnType) -> Column {
        Column {
            id: 1,
            title: "".into(),
            kind,
            options: &["Red", "Blue"],
            fill: Fill::People,
            is_money: true,
            locked: false,
            hidden: false,
        }
    }

    #[test]
    fn texts_of_every_type() {
        for (kind, good, bad) in [
            (ColumnType::MultiContactList, "a@b, c@d", "a@b, c"),
            (ColumnType::DateTime, "2026-03-02T08:15:30Z", "2026-03-02"),
            (ColumnType::AbstractDateTime, "2026-03-02T08:15:30", "08:15"),
            (ColumnType::MultiPicklist, "Blue, Red", "Blue, Green"),
            (ColumnType::Duration, "2d 4.5h", "two days"),
            (ColumnType::Duration, "1w", "infd"),
            (ColumnType::Predecessor, "3FS +2d, 4, 12SS -1.5h", "FS"),
            (ColumnType::Predecessor, "1", "1XX"),
        ] {
            let column = column(kind);
            check(&good.into(), &column, true).unwrap();
            check(&bad.into(), &column, false).unwrap();
            assert_eq!(check(&bad.into(), &column, true).unwrap_err().code, 1042);
        }
    }

    #[test]
    fn money_and_names() {
        let number = column(ColumnType::TextNumber);
        for (value, text) in [
            (1_234_567.5, "$1,234,567.50"),
            (-0.5, "-$0.50"),
            (999.0, "$999.00"),
        ] {
            assert_eq!(shown(&value.into(), &number).unwrap(), text);
        }
        let contacts = column(ColumnType::MultiContactList);
        let value = "grace.hopper@example.com, nobody@example.com".into();
        let names = shown(&value, &contacts).unwrap();
        assert_eq!(names, "Grace Hopper, nobody@example.com");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,30}") {
            for kind in [ColumnType::Duration, ColumnType::Predecessor, ColumnType::DateTime, ColumnType::AbstractDateTime] {
                let _ = check(&text.clone().into(), &column(kind), true);
            }
        }
    }
}
