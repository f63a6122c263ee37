//! A sheet: its columns, and as many of its rows as were asked for.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::ApiCall;
use super::cell::{self, Cell, Value};
use super::raw;
use super::sheets::{AccessLevel, moment};
use crate::transport::Purpose;

/// How long an answer with a sheet may be, in bytes: 100 rows of 500 columns have some five million.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// `GET /sheets/{id}` with `include=writerInfo`: columns, rows, and who changed these last (Smartsheet's documentation, "Get
/// sheet"). Needs `READ_SHEETS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetSheet {
    id: u64,
    part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Page { number: u64, size: u64 },
    Row(u64),
}

/// A sheet, as much of it as was asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Sheet {
    /// Its id.
    pub id: u64,
    /// Its name.
    #[serde(default, deserialize_with = "cell::text")]
    pub name: Option<String>,
    /// Counts the changes.
    #[serde(default)]
    pub version: Option<u64>,
    /// How many rows it has in all.
    #[serde(default)]
    pub total_row_count: Option<u64>,
    /// What the person may do with it.
    #[serde(default)]
    pub access_level: AccessLevel,
    /// Where it is in Smartsheet.
    #[serde(default, deserialize_with = "cell::text")]
    pub permalink: Option<String>,
    /// Its columns, in Smartsheet's order.
    #[serde(default, deserialize_with = "cell::list")]
    pub columns: Vec<Column>,
    /// Those of its rows that were asked for.
    #[serde(default, deserialize_with = "cell::list")]
    pub rows: Vec<Row>,
    #[serde(skip)]
    raw: String,
}

/// A column (Smartsheet's documentation, "Columns").
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Column {
    /// Its id.
    pub id: u64,
    /// Its title. It may be empty, and others may have the same.
    #[serde(default, deserialize_with = "cell::text")]
    pub title: Option<String>,
    /// What its values are.
    #[serde(rename = "type", default)]
    pub kind: ColumnType,
    /// Whether its values name the rows.
    #[serde(default, deserialize_with = "cell::flag")]
    pub primary: bool,
    /// What can be chosen.
    #[serde(default, deserialize_with = "cell::list")]
    pub options: Vec<String>,
    /// What Smartsheet itself writes into it, if it does.
    #[serde(default, deserialize_with = "cell::text")]
    pub system_column_type: Option<String>,
    /// What its cells are computed by, if they are.
    #[serde(default, deserialize_with = "cell::text")]
    pub formula: Option<String>,
    /// Whether nobody but administrators writes into it.
    #[serde(default, deserialize_with = "cell::flag")]
    pub locked: bool,
    /// Whether Smartsheet does not show it.
    #[serde(default, deserialize_with = "cell::flag")]
    pub hidden: bool,
}

/// What the values of a column are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ColumnType {
    /// Text or a number.
    #[default]
    TextNumber,
    /// A day.
    Date,
    /// An instant.
    DateTime,
    /// A day and a time, without a zone.
    AbstractDateTime,
    /// Somebody's email address.
    ContactList,
    /// Several of these.
    MultiContactList,
    /// Yes or no.
    Checkbox,
    /// One of some options.
    Picklist,
    /// Several of some options.
    MultiPicklist,
    /// A span of work, such as `2d 4h`.
    Duration,
    /// The rows that come before.
    Predecessor,
    /// Another one, by Smartsheet's name.
    Other(String),
}

/// A row.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Row {
    /// Its id.
    pub id: u64,
    /// Its place in the sheet, from 1.
    #[serde(default)]
    pub row_number: Option<u64>,
    /// The row that it is below in the hierarchy.
    #[serde(default)]
    pub parent_id: Option<u64>,
    /// Whether nobody but administrators changes it.
    #[serde(default, deserialize_with = "cell::flag")]
    pub locked: bool,
    /// When it was changed last.
    #[serde(default, deserialize_with = "moment")]
    pub modified_at: Option<Timestamp>,
    /// Who changed it last.
    #[serde(default)]
    pub modified_by: Option<Writer>,
    /// Its cells; there may be none for a column.
    #[serde(default, deserialize_with = "cell::list")]
    pub cells: Vec<Cell>,
}

/// Who made a change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Writer {
    /// Their name.
    #[serde(default, deserialize_with = "cell::text")]
    pub name: Option<String>,
    /// Their email address.
    #[serde(default, deserialize_with = "cell::text")]
    pub email: Option<String>,
}

impl GetSheet {
    /// The page of rows of this number, from 1, with `size` rows on it.
    #[must_use]
    pub fn page(id: u64, number: u64, size: u64) -> Self {
        let part = Part::Page { number, size };
        Self { id, part }
    }

    /// One row, with all columns.
    #[must_use]
    pub fn row(id: u64, row: u64) -> Self {
        let part = Part::Row(row);
        Self { id, part }
    }
}

impl ApiCall for GetSheet {
    type Answer = Sheet;
    type Unreadable = serde_json::Error;

    fn purpose(&self) -> Purpose {
        Purpose::Sheet
    }

    fn path(&self) -> String {
        format!("sheets/{}", self.id)
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = match self.part {
            Part::Page { number, size } => {
                vec![("page", number.to_string()), ("pageSize", size.to_string())]
            }
            Part::Row(row) => vec![("rowIds", row.to_string())],
        };
        query.push(("include", "writerInfo".to_owned()));
        query
    }

    fn max_answer_bytes(&self) -> Option<usize> {
        Some(MAX_BYTES)
    }

    fn read(&self, body: Vec<u8>) -> Result<Sheet, serde_json::Error> {
        let sheet: Sheet = raw::read(&body)?;
        Ok(Sheet {
            raw: raw::kept(body),
            ..sheet
        })
    }
}

impl Sheet {
    /// What Smartsheet sent, to the letter.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The row with this id, if it is among those that were asked for.
    #[must_use]
    pub fn row(&self, id: u64) -> Option<&Row> {
        self.rows.iter().find(|row| row.id == id)
    }
}

impl Column {
    /// Whether people write into it, rather than Smartsheet or a formula.
    #[must_use]
    pub fn is_peoples(&self) -> bool {
        self.system_column_type.is_none() && self.formula.is_none()
    }
}

impl Row {
    /// Its cell in the column with this id, if it has one.
    #[must_use]
    pub fn cell(&self, column: u64) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.column_id == column)
    }
}

impl Writer {
    /// Their name, or else their address.
    #[must_use]
    pub fn called(&self) -> Option<&str> {
        let name = self.name.as_deref().filter(|name| !name.trim().is_empty());
        name.or(self.email.as_deref())
    }
}

impl<'de> Deserialize<'de> for ColumnType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)?.typed() {
            "TEXT_NUMBER" => Self::TextNumber,
            "DATE" => Self::Date,
            "DATETIME" => Self::DateTime,
            "ABSTRACT_DATETIME" => Self::AbstractDateTime,
            "CONTACT_LIST" => Self::ContactList,
            "MULTI_CONTACT_LIST" => Self::MultiContactList,
            "CHECKBOX" => Self::Checkbox,
            "PICKLIST" => Self::Picklist,
            "MULTI_PICKLIST" => Self::MultiPicklist,
            "DURATION" => Self::Duration,
            "PREDECESSOR" => Self::Predecessor,
            other => Self::Other(other.to_owned()),
        })
    }
}
