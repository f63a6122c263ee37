//! The form of a row: one field a column that people can fill in.

use super::fields::{Field, offered, values};
use super::sent::Sent;
use super::shown;
use crate::smartsheet::{Column, Row, Sheet};

/// A form with one field a column that people can fill in.
pub(super) struct Form {
    pub(super) action: String,
    /// What it was made of, for a row that is there.
    pub(super) base: Option<Base>,
    pub(super) fields: Vec<Field>,
    pub(super) submit: &'static str,
}

/// The state of a row that a form shows.
pub(super) struct Base {
    pub(super) version: Option<u64>,
    pub(super) shown: String,
}

impl Form {
    /// A form that adds a row, filled with what was typed, if anything was.
    pub(super) fn to_add(sheet: &Sheet, sent: Option<&Sent>) -> Self {
        Self {
            action: format!("/sheets/{}/rows", sheet.id),
            base: None,
            fields: fields(&offered(sheet, None), None, sent),
            submit: "Add the row",
        }
    }

    /// A form that changes `row`, filled with what is there, or what was typed.
    pub(super) fn to_change(sheet: &Sheet, row: &Row, sent: Option<&Sent>) -> Self {
        let columns = offered(sheet, Some(row));
        Self {
            action: format!("/sheets/{}/rows/{}", sheet.id, row.id),
            base: Some(Base {
                version: sheet.version,
                shown: shown::of(&columns, row),
            }),
            fields: fields(&columns, Some(row), sent),
            submit: "Save",
        }
    }
}

fn fields(columns: &[&Column], row: Option<&Row>, sent: Option<&Sent>) -> Vec<Field> {
    let of = |column: &&Column| match sent.and_then(|sent| sent.typed(column)) {
        Some(typed) => Field::of(column, &typed),
        None => Field::of(column, &values(column, row)),
    };
    columns.iter().map(of).collect()
}

/// Why people don't write into a column.
pub(super) fn why(column: &Column, is_computed: bool) -> &'static str {
    if column.system_column_type.is_some() {
        "written by Smartsheet"
    } else if column.formula.is_some() || is_computed {
        "computed"
    } else if column.locked {
        "locked"
    } else {
        ""
    }
}
