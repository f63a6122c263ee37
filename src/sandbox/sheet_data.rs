//! The sheets themselves: two for each user, in memory. After a restart they are as in `sample_sheets.rs` again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;
use serde_json::Value;

use super::{api_error::ApiError, sample_sheets, users::User};

/// How many rows a sheet of the sandbox holds.
const ROWS: usize = 500;
/// How many bytes of text a sheet of the sandbox holds.
const TEXT: usize = 256 * 1024;

/// The sheets of every user who has looked at theirs, by the user's slug.
#[derive(Default)]
pub(super) struct Sheets(Mutex<HashMap<&'static str, Vec<Sheet>>>);

/// A sheet. Cloning it is cheap, so that answers are written outside the lock.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    pub(super) id: i64,
    pub(super) name: &'static str,
    /// Counts the changes.
    pub(super) version: u64,
    pub(super) created_at: String,
    pub(super) modified_at: String,
    pub(super) columns: Arc<[Column]>,
    /// From top to bottom.
    pub(super) rows: Vec<Arc<Row>>,
}

/// A column; the first is the primary one.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) id: i64,
    pub(super) title: &'static str,
    pub(super) kind: ColumnType,
    /// What a value may be, for a picklist.
    pub(super) options: &'static [&'static str],
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum ColumnType {
    TextNumber,
    ContactList,
    Date,
    Picklist,
    Checkbox,
}

/// A row, with the cells in the order of the columns.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) cells: Vec<Cell>,
    pub(super) created_at: String,
    pub(super) created_by: &'static User,
}

/// A cell; without a value it is empty.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cell {
    pub(super) column_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) display_value: Option<String>,
}

/// Where new rows go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Location {
    Top,
    Bottom,
    Below(i64),
    Above(i64),
}

impl Sheets {
    /// The user's sheets.
    pub(super) fn of(&self, user: &'static User) -> Vec<Sheet> {
        own(&mut self.lock(), user).clone()
    }

    /// The user's sheet with this id, or 404 (errorCode 1006).
    pub(super) fn find(&self, user: &'static User, id: i64) -> Result<Sheet, ApiError> {
        let sheet = self.of(user).into_iter().find(|sheet| sheet.id == id);
        sheet.ok_or_else(ApiError::not_found)
    }

    /// Puts rows into a sheet, and returns the sheet as it is then.
    pub(super) fn insert(
        &self,
        user: &'static User,
        id: i64,
        rows: Vec<Row>,
        location: Location,
    ) -> Result<Sheet, ApiError> {
        let mut sheets = self.lock();
        let sheet = own(&mut sheets, user)
            .iter_mut()
            .find(|sheet| sheet.id == id)
            .ok_or_else(ApiError::not_found)?;
        let text: usize = sheet.rows.iter().map(|row| row.text()).sum();
        let added: usize = rows.iter().map(Row::text).sum();
        if sheet.rows.len() + rows.len() > ROWS || text + added > TEXT {
            return Err(ApiError::sheet_full());
        }
        let place = sheet.place(location)?;
        if let Some(row) = rows.first() {
            sheet.modified_at.clone_from(&row.created_at);
        }
        sheet.version += 1;
        sheet
            .rows
            .splice(place..place, rows.into_iter().map(Arc::new));
        Ok(sheet.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<&'static str, Vec<Sheet>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sheet {
    fn place(&self, location: Location) -> Result<usize, ApiError> {
        let of = |id| {
            let place = self.rows.iter().position(|row| row.id == id);
            place.ok_or_else(|| ApiError::sibling_invalid(id))
        };
        match location {
            Location::Top => Ok(0),
            Location::Bottom => Ok(self.rows.len()),
            Location::Above(id) => of(id),
            Location::Below(id) => Ok(of(id)? + 1),
        }
    }
}

impl Row {
    fn text(&self) -> usize {
        self.cells
            .iter()
            .map(|cell| match &cell.value {
                Some(Value::String(text)) => text.len(),
                _ => 8,
            })
            .sum()
    }
}

impl Cell {
    /// A cell with a value; an empty text makes it empty.
    pub(super) fn new(column: &Column, value: Value) -> Self {
        let display_value = match (&value, column.kind) {
            (Value::Number(number), _) => Some(number.to_string()),
            (Value::String(_), ColumnType::Date) => None,
            (Value::String(text), _) => Some(text.clone()),
            _ => None,
        };
        if matches!(&value, Value::String(text) if text.is_empty()) {
            return Self::empty(column);
        }
        Self {
            column_id: column.id,
            value: Some(value),
            display_value,
        }
    }

    pub(super) fn empty(column: &Column) -> Self {
        Self {
            column_id: column.id,
            value: None,
            display_value: None,
        }
    }
}

fn own<'a>(
    sheets: &'a mut HashMap<&'static str, Vec<Sheet>>,
    user: &'static User,
) -> &'a mut Vec<Sheet> {
    sheets
        .entry(user.slug)
        .or_insert_with(|| sample_sheets::of(user))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::users::ORDINARY;

    #[test]
    fn sheets_are_bounded_in_rows_and_in_text() {
        let sheets = Sheets::default();
        let user = &ORDINARY[0];
        let sheet = &sheets.of(user)[1];
        let row = |id, text: &str| Row {
            id,
            cells: vec![Cell::new(&sheet.columns[0], text.into())],
            created_at: "2026-01-05T09:00:00Z".into(),
            created_by: user,
        };
        let mut full = 0;
        for id in (0..).take(2 * ROWS) {
            let result = sheets.insert(user, sheet.id, vec![row(id, "x")], Location::Top);
            full += usize::from(result.is_err());
        }
        assert_eq!(sheets.find(user, sheet.id).unwrap().rows.len(), ROWS);
        assert_eq!(full, ROWS + 2);
        let other = sheets.of(user)[0].id;
        let long = "x".repeat(TEXT);
        let refused = sheets.insert(user, other, vec![row(1, &long)], Location::Bottom);
        assert_eq!(refused.unwrap_err().code, 5636);
    }
}
