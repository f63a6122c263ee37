//! What was in a cell before.

use jiff::Timestamp;
use serde::Deserialize;

use super::cell::{self, Value};
use super::sheet::Writer;
use super::sheets::moment;
use super::{ApiCall, raw};
use crate::transport::Purpose;

/// `GET /sheets/{id}/rows/{row}/columns/{column}/history`: the newest values of a cell (Smartsheet's documentation, "List cell
/// history"). Needs `READ_SHEETS`. Smartsheet counts it as ten requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellHistory {
    /// The sheet.
    pub sheet: u64,
    /// The row.
    pub row: u64,
    /// The column.
    pub column: u64,
    /// How many values at most.
    pub at_most: u64,
}

/// A value that a cell has or had.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Past {
    /// The value.
    #[serde(default)]
    pub value: Value,
    /// The value as Smartsheet shows it to people.
    #[serde(default, deserialize_with = "cell::text")]
    pub display_value: Option<String>,
    /// Since when it was there.
    #[serde(default, deserialize_with = "moment")]
    pub modified_at: Option<Timestamp>,
    /// Who wrote it.
    #[serde(default)]
    pub modified_by: Option<Writer>,
}

#[derive(Deserialize)]
struct List {
    data: Vec<Past>,
}

impl ApiCall for CellHistory {
    /// The newest first.
    type Answer = Vec<Past>;
    type Unreadable = serde_json::Error;

    fn purpose(&self) -> Purpose {
        Purpose::CellHistory
    }

    fn path(&self) -> String {
        let Self {
            sheet, row, column, ..
        } = self;
        format!("sheets/{sheet}/rows/{row}/columns/{column}/history")
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        vec![("pageSize", self.at_most.to_string())]
    }

    fn read(&self, body: Vec<u8>) -> Result<Vec<Past>, serde_json::Error> {
        raw::read(&body).map(|list: List| list.data)
    }
}
