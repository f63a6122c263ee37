//! What a form showed in a row, in short, so that it can be told which columns somebody changed meanwhile.
//!
//! Smartsheet counts versions of a sheet, not of a row, and tells the time of a change to the second. So the form brings a few
//! bits of a hash of each value that it showed. They are no secret and no proof: whoever changes them deceives themselves.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::fields::values;
use super::id;
use crate::smartsheet::{Column, Row};

/// The values of some columns in short: `COLUMN:HASH`, with commas between.
pub(super) fn of(columns: &[&Column], row: &Row) -> String {
    let mut shown = String::new();
    for column in columns {
        let comma = if shown.is_empty() { "" } else { "," };
        let hash = hash(&values(column, Some(row)));
        let _ = write!(shown, "{comma}{}:{hash}", column.id);
    }
    shown
}

/// Which of the columns were shown with other values than these.
pub(super) fn differing<'a>(shown: &str, columns: &[&'a Column], row: &Row) -> Vec<&'a Column> {
    let shown: BTreeMap<u64, &str> = shown.split(',').filter_map(entry).collect();
    let differs = |column: &&&Column| {
        let before = shown.get(&column.id);
        before.is_some_and(|before| **before != hash(&values(column, Some(row))))
    };
    columns.iter().filter(differs).copied().collect()
}

/// Whether the column was shown with these values.
pub(super) fn had(shown: &str, column: &Column, values: &[String]) -> bool {
    let mut entries = shown.split(',').filter_map(entry);
    entries.any(|(id, known)| id == column.id && known == hash(values))
}

fn entry(entry: &str) -> Option<(u64, &str)> {
    let (column, hash) = entry.split_once(':')?;
    Some((id(column)?, hash))
}

fn hash(values: &[String]) -> String {
    let digest = Sha256::digest(values.join("\u{1f}"));
    hex::encode(&digest[..4])
}
