//! Where a row is seen among the others.

use super::ROWS;

/// The page that the row of this number is on.
pub(super) fn page_of(number: u64) -> u64 {
    number.div_ceil(ROWS).max(1)
}

/// Where a row is seen among the others.
pub(super) fn path_of_row(sheet: u64, page: u64, row: u64) -> String {
    format!("/sheets/{sheet}?page={page}&row={row}#row-{row}")
}
