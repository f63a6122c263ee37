//! Sheets that are larger than a page: one with many rows, one with many columns.

use serde_json::{Value, json};

use super::maker::Maker;
use crate::sheets::data::ColumnType;

const ROWS: usize = 5_000;
const COLUMNS: usize = 200;
const STATIONS: &[&str] = &["North", "East", "South", "West"];

/// The log of some stations, an entry a row.
pub(super) fn many_rows(maker: &mut Maker) {
    let people = [
        maker.person(0).email,
        maker.person(1).email,
        maker.person(2).email,
    ];
    maker.column("Entry", ColumnType::TextNumber);
    maker.column("Station", ColumnType::Picklist).options = STATIONS;
    maker.column("Day", ColumnType::Date);
    for title in ["Temperature", "Humidity", "Pressure", "Wind", "Rain"] {
        maker.column(title, ColumnType::TextNumber);
    }
    maker.column("Unit", ColumnType::TextNumber);
    maker.column("Measured by", ColumnType::ContactList);
    maker.column("Checked", ColumnType::Checkbox);
    maker.column("Remark", ColumnType::TextNumber);
    for number in 0..ROWS {
        let day = format!("2026-{:02}-{:02}", number / 28 % 12 + 1, number % 28 + 1);
        let remark = if number % 50 == 0 { "Calibrated" } else { "" };
        maker.row([
            json!(format!("Entry {}", number + 1)),
            json!(STATIONS[number % STATIONS.len()]),
            json!(day),
            json!(number * 7 % 40),
            json!(number * 11 % 100),
            json!(980 + number * 3 % 60),
            json!(number * 13 % 90),
            json!(number % 5),
            json!("metric"),
            json!(people[number % people.len()]),
            json!(number % 3 == 0),
            json!(remark),
        ]);
        if number % 100 == 0 {
            let hours = i64::try_from(number / 100).unwrap_or(0);
            maker.then(1, hours, 11, json!("Looked at again"));
        }
    }
}

/// A year of weeks and what hangs on them, a column each.
pub(super) fn many_columns(maker: &mut Maker) {
    maker.column("Who", ColumnType::TextNumber);
    for number in 2..=COLUMNS {
        let kind = match number % 4 {
            0 => ColumnType::Checkbox,
            1 => ColumnType::Date,
            _ => ColumnType::TextNumber,
        };
        maker.column(format!("Column {number}"), kind);
    }
    for row in 1..=10_usize {
        let values = (2..=COLUMNS).map(|number| match number % 4 {
            0 => json!((number + row).is_multiple_of(3)),
            1 => json!(format!("2026-{:02}-{:02}", row, number % 28 + 1)),
            2 => json!(row * number),
            _ => Value::Null,
        });
        maker.row(std::iter::once(json!(format!("Person {row}"))).chain(values));
    }
}
