//! The parameters by which a client asks for a part of a sheet.

use std::{collections::HashSet, str::FromStr};

use jiff::Timestamp;

use super::view::{Placed, RowView};
use crate::{api_error::ApiError, params::Params};

/// What of a sheet is asked for; all of it unless said otherwise.
pub(super) struct Narrow {
    rows: Option<HashSet<i64>>,
    row_numbers: Option<HashSet<usize>>,
    columns: Option<HashSet<i64>>,
    modified_since: Option<Timestamp>,
}

impl Narrow {
    /// `rowIds`, `rowNumbers` and `columnIds`, separated by commas, and `rowsModifiedSince`.
    pub(super) fn read(params: &Params) -> Result<Self, ApiError> {
        Ok(Self {
            rows: set(params, "rowIds")?,
            row_numbers: set(params, "rowNumbers")?,
            columns: set(params, "columnIds")?,
            modified_since: params.parsed("rowsModifiedSince")?,
        })
    }

    pub(super) fn has_row(&self, Placed { row, number, .. }: &Placed<'_>) -> bool {
        self.rows.as_ref().is_none_or(|ids| ids.contains(&row.id))
            && (self.row_numbers.as_ref()).is_none_or(|numbers| numbers.contains(number))
            && self
                .modified_since
                .is_none_or(|since| row.modified.at >= since)
    }

    /// Whether rows are asked for by their ids.
    pub(super) fn names_rows(&self) -> bool {
        self.rows.is_some()
    }

    pub(super) fn has_column(&self, id: i64) -> bool {
        self.columns.as_ref().is_none_or(|ids| ids.contains(&id))
    }

    /// The row without the cells that were not asked for.
    pub(super) fn cells<'a>(&self, mut row: RowView<'a>) -> RowView<'a> {
        row.cells.retain(|cell| self.has_column(cell.column_id));
        row
    }
}

fn set<T: FromStr + Eq + std::hash::Hash>(
    params: &Params,
    name: &str,
) -> Result<Option<HashSet<T>>, ApiError> {
    let Some(list) = params.get(name)? else {
        return Ok(None);
    };
    let parts = list.split(',').map(|part| part.trim().parse());
    let set = parts.collect::<Result<_, _>>();
    set.map(Some)
        .map_err(|_| ApiError::invalid_value(list, name))
}
