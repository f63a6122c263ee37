//! The rows in the body of a request that adds or changes some.

use axum::{
    extract::Request,
    http::{HeaderMap, header::CONTENT_TYPE},
};
use serde::Deserialize;
use serde_json::Value;

use super::place::Location;
use crate::{api_error::ApiError, params::read_body};

/// The largest body, in bytes.
const BODY_LIMIT: usize = 256 * 1024;
/// How many rows one request may have, as at Smartsheet.
const ROWS: usize = 500;
/// What Smartsheet tells of a row and does not let anybody set.
const READ_ONLY: [&str; 8] = [
    "rowNumber",
    "sheetId",
    "version",
    "createdAt",
    "createdBy",
    "modifiedAt",
    "modifiedBy",
    "permalink",
];

/// A row as it is sent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SentRow {
    /// Of a row that is to be changed.
    pub(super) id: Option<i64>,
    to_top: Option<bool>,
    to_bottom: Option<bool>,
    parent_id: Option<i64>,
    sibling_id: Option<i64>,
    above: Option<bool>,
    #[serde(default)]
    pub(super) cells: Vec<SentCell>,
    pub(super) expanded: Option<bool>,
    pub(super) locked: Option<bool>,
    // Taken and not kept: how the row looks.
    #[serde(rename = "format")]
    _format: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SentCell {
    pub(super) column_id: Option<i64>,
    pub(super) value: Option<Value>,
    /// `false` takes a value that is not of the column's type.
    pub(super) strict: Option<bool>,
    #[serde(rename = "format")]
    _format: Option<String>,
}

/// The rows in a body.
pub(super) struct SentRows {
    pub(super) rows: Vec<Value>,
    /// Whether they are a list; the answer has the form of the request.
    pub(super) is_list: bool,
}

impl SentRows {
    /// Reads the body, but not yet the rows.
    pub(super) async fn read(request: Request) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let body = read_body(body, BODY_LIMIT).await?;
        if body.is_empty() {
            return Err(ApiError::body_required());
        }
        if !is_json(&parts.headers) {
            return Err(ApiError::unsupported_media_type());
        }
        match serde_json::from_slice(&body) {
            Ok(Value::Array(rows)) if rows.len() > ROWS => Err(ApiError::too_many_rows()),
            Ok(Value::Array(rows)) if rows.is_empty() => Err(ApiError::attribute_missing("row")),
            Ok(Value::Array(rows)) => Ok(Self {
                rows,
                is_list: true,
            }),
            Ok(row) => Ok(Self {
                rows: vec![row],
                is_list: false,
            }),
            Err(error) => Err(ApiError::unparsable(&error.to_string())),
        }
    }
}

impl SentRow {
    /// Reads a row. `id` tells whether it must have one, or must not.
    pub(super) fn read(row: &Value, id: bool) -> Result<Self, ApiError> {
        let set = |name: &&str| row.get(*name).is_some();
        let mut unsettable = READ_ONLY.iter().chain((!id).then_some(&"id"));
        if let Some(name) = unsettable.find(|name| set(name)) {
            return Err(ApiError::attribute_not_allowed(&format!("row.{name}")));
        }
        let row: Self =
            Self::deserialize(row).map_err(|error| ApiError::unparsable(&error.to_string()))?;
        if id && row.id.is_none() {
            return Err(ApiError::attribute_missing("row.id"));
        }
        Ok(row)
    }

    /// Where it is to be. `None` when it does not say so.
    pub(super) fn location(&self) -> Result<Option<Location>, ApiError> {
        let (top, bottom) = (self.to_top == Some(true), self.to_bottom == Some(true));
        match (self.parent_id, self.sibling_id, top, bottom, self.above) {
            (Some(id), None, _, false, None) => Ok(Some(Location::FirstChild(id))),
            (Some(id), None, false, true, None) => Ok(Some(Location::LastChild(id))),
            (None, None, true, false, None) => Ok(Some(Location::Top)),
            (None, None, false, true, None) => Ok(Some(Location::Bottom)),
            (None, Some(id), false, false, Some(true)) => Ok(Some(Location::Above(id))),
            (None, Some(id), false, false, _) => Ok(Some(Location::Below(id))),
            (None, None, false, false, _) => Ok(None),
            _ => Err(ApiError::row_location_ambiguous()),
        }
    }
}

/// Where the rows of a request go, gathered row by row: all to one place.
#[derive(Default)]
pub(super) struct CommonLocation(Vec<Option<Location>>);

impl CommonLocation {
    /// Refuses a row that goes elsewhere than those before it.
    pub(super) fn add(&mut self, location: Option<Location>) -> Result<(), ApiError> {
        self.0.push(location);
        if self.0.first() == Some(&location) {
            Ok(())
        } else {
            Err(ApiError::row_locations_differ())
        }
    }

    pub(super) fn get(self) -> Option<Location> {
        self.0.into_iter().next().flatten()
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next());
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}
