//! What a row is called.

use super::fields::in_reading_order;
use crate::smartsheet::{Row, Sheet};

/// What the primary column says, cut to what fits a title.
pub(super) fn name_of(sheet: &Sheet, row: &Row) -> String {
    let primary = in_reading_order(sheet).next();
    let cell = primary.and_then(|column| row.cell(column.id));
    let text = cell.map_or("", |cell| {
        cell.display_value
            .as_deref()
            .unwrap_or_else(|| cell.value.typed())
    });
    if text.trim().is_empty() {
        "Row without a name".to_owned()
    } else {
        brief(text, 200)
    }
}

/// How many characters of a name a browser's tab says.
pub(super) const TAB: usize = 40;

/// The beginning of `text`, if it has more characters than that.
pub(super) fn brief(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
