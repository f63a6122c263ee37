//! `POST /2.0/sheets/{id}/rows` adds a row, or a list of rows. It needs the scope `WRITE_SHEETS`.
//!
//! Rows have no hierarchy here: a `parentId` is always an invalid one.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Shared,
    api_error::{ApiError, NO_CACHE},
    caller::Caller,
    params::read_body,
    scopes::Scope,
    sheet_data::{Cell, Column, ColumnType, Location, Row, Sheet},
    sheets::{RowView, rows, sheet_id},
};

/// The largest body, in bytes.
const BODY_LIMIT: usize = 256 * 1024;
/// How many rows one request may add, as at Smartsheet.
const ROWS: usize = 500;
/// How many characters a cell holds, as at Smartsheet.
const CHARACTERS: usize = 4_000;
/// What Smartsheet tells of a row and does not let anybody set.
const READ_ONLY: [&str; 9] = [
    "id",
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
struct NewRow {
    to_top: Option<bool>,
    to_bottom: Option<bool>,
    parent_id: Option<i64>,
    sibling_id: Option<i64>,
    above: Option<bool>,
    #[serde(default)]
    cells: Vec<NewCell>,
    // Taken and not kept: how the row looks.
    #[serde(rename = "expanded")]
    _expanded: Option<bool>,
    #[serde(rename = "locked")]
    _locked: Option<bool>,
    #[serde(rename = "format")]
    _format: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewCell {
    column_id: Option<i64>,
    value: Option<Value>,
    /// `false` takes a value that is not of the column's type.
    strict: Option<bool>,
    #[serde(rename = "format")]
    _format: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Added<'a> {
    message: &'static str,
    result_code: u8,
    version: u64,
    result: OneOrMany<'a>,
}

/// The answer has the form of the request.
#[derive(Serialize)]
#[serde(untagged)]
enum OneOrMany<'a> {
    One(Option<RowView<'a>>),
    Many(Vec<RowView<'a>>),
}

/// Adds all rows of the request, or none.
pub(super) async fn add(
    State(sandbox): State<Arc<Shared>>,
    caller: Caller,
    id: Result<Path<i64>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    caller.needs(Scope::WriteSheets)?;
    let id = sheet_id(id)?;
    let sheet = sandbox.sheets.find(caller.user, id)?;
    let (sent, is_list) = read_rows(&headers, body).await?;
    let created_at = format!("{:.0}", sandbox.time());
    let mut location = None;
    let mut new = Vec::with_capacity(sent.len());
    for (index, row) in sent.into_iter().enumerate() {
        let (cells, place) = check(row, &sheet).map_err(|error| error.at_row(index))?;
        if *location.get_or_insert(place) != place {
            return Err(ApiError::row_locations_differ().at_row(index));
        }
        new.push(Row {
            id: sandbox.dice.id(),
            cells,
            created_at: created_at.clone(),
            created_by: caller.user,
        });
    }
    let location = location.ok_or_else(|| ApiError::attribute_missing("row"))?;
    let ids: Vec<_> = new.iter().map(|row| row.id).collect();
    let sheet = sandbox.sheets.insert(caller.user, id, new, location)?;
    let mut added = rows(&sheet).filter(|row| ids.contains(&row.id()));
    let answer = Added {
        message: "SUCCESS",
        result_code: 0,
        version: sheet.version,
        result: if is_list {
            OneOrMany::Many(added.collect())
        } else {
            OneOrMany::One(added.next())
        },
    };
    Ok((NO_CACHE, Json(answer)).into_response())
}

/// The rows in the body, and whether they are a list.
async fn read_rows(headers: &HeaderMap, body: Body) -> Result<(Vec<Value>, bool), ApiError> {
    let body = read_body(body, BODY_LIMIT).await?;
    if body.is_empty() {
        return Err(ApiError::body_required());
    }
    if !is_json(headers) {
        return Err(ApiError::unsupported_media_type());
    }
    match serde_json::from_slice(&body) {
        Ok(Value::Array(rows)) if rows.len() > ROWS => Err(ApiError::too_many_rows()),
        Ok(Value::Array(rows)) => Ok((rows, true)),
        Ok(row) => Ok((vec![row], false)),
        Err(error) => Err(ApiError::unparsable(&error.to_string())),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next());
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// The cells of a row, one for every column, and where it goes.
fn check(row: Value, sheet: &Sheet) -> Result<(Vec<Cell>, Location), ApiError> {
    if let Some(name) = READ_ONLY.into_iter().find(|name| row.get(name).is_some()) {
        return Err(ApiError::attribute_not_allowed(&format!("row.{name}")));
    }
    let row: NewRow =
        serde_json::from_value(row).map_err(|error| ApiError::unparsable(&error.to_string()))?;
    let location = location(&row)?;
    let mut cells: Vec<_> = sheet.columns.iter().map(Cell::empty).collect();
    let mut seen = Vec::new();
    for cell in row.cells {
        let id = cell.column_id;
        let id = id.ok_or_else(|| ApiError::attribute_missing("cell.columnId"))?;
        let place = sheet.columns.iter().position(|column| column.id == id);
        let place = place.ok_or_else(|| ApiError::column_invalid(id))?;
        if seen.contains(&id) {
            return Err(ApiError::column_twice(id));
        }
        seen.push(id);
        let value = cell.value;
        let value = value.ok_or_else(|| ApiError::attribute_missing("cell.value"))?;
        check_value(&value, &sheet.columns[place], cell.strict.unwrap_or(true))?;
        cells[place] = Cell::new(&sheet.columns[place], value);
    }
    Ok((cells, location))
}

fn location(row: &NewRow) -> Result<Location, ApiError> {
    if let Some(id) = row.parent_id {
        return Err(ApiError::parent_invalid(id));
    }
    match (
        row.to_top == Some(true),
        row.to_bottom == Some(true),
        row.sibling_id,
        row.above,
    ) {
        (true, false, None, None) => Ok(Location::Top),
        (false, true, None, None) => Ok(Location::Bottom),
        (false, false, Some(id), Some(true)) => Ok(Location::Above(id)),
        (false, false, Some(id), _) => Ok(Location::Below(id)),
        (false, false, None, _) => Err(ApiError::row_location_missing()),
        _ => Err(ApiError::row_location_ambiguous()),
    }
}

fn check_value(value: &Value, column: &Column, strict: bool) -> Result<(), ApiError> {
    let conforms = match value {
        Value::String(text) => {
            let length = text.chars().count();
            if length > CHARACTERS {
                return Err(ApiError::cell_value_too_long(CHARACTERS, length));
            }
            text.is_empty() || text_conforms(text, column)
        }
        Value::Number(_) => column.kind == ColumnType::TextNumber,
        Value::Bool(_) => matches!(column.kind, ColumnType::TextNumber | ColumnType::Checkbox),
        _ => return Err(ApiError::cell_value_invalid()),
    };
    if conforms || !strict {
        return Ok(());
    }
    let told = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let kind = serde_json::to_value(column.kind).unwrap_or_default();
    Err(ApiError::cell_value_of_wrong_type(
        column.id,
        &told,
        kind.as_str().unwrap_or_default(),
    ))
}

fn text_conforms(text: &str, column: &Column) -> bool {
    match column.kind {
        ColumnType::TextNumber => true,
        ColumnType::ContactList => text.contains('@'),
        ColumnType::Date => text.len() == 10 && text.parse::<Date>().is_ok(),
        ColumnType::Picklist => column.options.contains(&text),
        ColumnType::Checkbox => false,
    }
}
