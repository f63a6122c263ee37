//! `GET /2.0/sheets`, a sheet, its version, a row of it, and the history of a cell. All need the scope `READ_SHEETS`.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, State, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    data::{AccessLevel, Sheet},
    index::Page,
    meanwhile::{self, ChangedMeanwhile},
    narrow::Narrow,
    view::{ColumnView, Outline, RowView, Writers, columns, outline, past, row, rows},
};
use crate::{
    api_error::{ApiError, NO_CACHE},
    caller::Caller,
    param_problems::BodyProblem,
    params::Params,
    scopes::Scope,
    shared::Shared,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SheetView<'a> {
    #[serde(flatten)]
    outline: Outline,
    total_row_count: usize,
    gantt_enabled: bool,
    dependencies_enabled: bool,
    columns: Vec<ColumnView<'a>>,
    rows: Vec<RowView<'a>>,
}

#[derive(Serialize)]
struct Version {
    version: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SingleRow<'a> {
    #[serde(flatten)]
    row: RowView<'a>,
    sheet_id: i64,
    version: u64,
    access_level: AccessLevel,
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<Vec<ColumnView<'a>>>,
}

/// `GET /2.0/sheets?page=1&pageSize=100&includeAll=false&include=sheetVersion`.
pub(crate) async fn list(
    State(sandbox): State<Arc<Shared>>,
    caller: Caller,
    params: Result<Params, BodyProblem>,
) -> Result<Response, ApiError> {
    caller.needs(Scope::ReadSheets)?;
    let params = params?;
    let with_version = params.includes("sheetVersion")?;
    let sheets: Vec<_> = sandbox
        .sheets
        .of(caller.user)
        .iter()
        .map(|(sheet, level)| outline(sheet, *level, with_version))
        .collect();
    let page = Page::of_list(&params, sheets.len())?;
    Ok(json(&page.list(sheets)))
}

/// `GET /2.0/sheets/{id}?page=1&pageSize=…`, where the page is one of rows; without a size all of them are on it.
pub(crate) async fn get(
    State(sandbox): State<Arc<Shared>>,
    caller: Caller,
    id: Result<Path<i64>, PathRejection>,
    meanwhile: Option<Extension<ChangedMeanwhile>>,
    params: Result<Params, BodyProblem>,
) -> Result<Response, ApiError> {
    let (mut sheet, level) = find(&sandbox, &caller, id)?;
    let params = params?;
    let page = Page::read(&params, usize::MAX)?;
    let writers = Writers::asked_for(&params)?;
    let narrow = Narrow::read(&params)?;
    if meanwhile.is_some() && narrow.names_rows() {
        sheet = meanwhile::change(&sandbox, caller.user, &sheet, &narrow).await?;
    }
    let known: Option<u64> = params.parsed("ifVersionAfter")?;
    if known.is_some_and(|known| sheet.version <= known) {
        let version = sheet.version;
        return Ok(json(&Version { version }));
    }
    let columns = columns(&sheet, level).filter(|column| narrow.has_column(column.id()));
    let rows = page.of(rows(&sheet).filter(|row| narrow.has_row(row)));
    let rows = rows.map(|placed| narrow.cells(row(placed, &sheet, level, writers)));
    Ok(json(&SheetView {
        outline: outline(&sheet, level, true),
        total_row_count: sheet.rows.len(),
        gantt_enabled: false,
        dependencies_enabled: false,
        columns: columns.collect(),
        rows: rows.collect(),
    }))
}

/// `GET /2.0/sheets/{id}/version`.
pub(crate) async fn version(
    State(sandbox): State<Arc<Shared>>,
    caller: Caller,
    id: Result<Path<i64>, PathRejection>,
) -> Result<Response, ApiError> {
    let (sheet, _) = find(&sandbox, &caller, id)?;
    let version = sheet.version;
    Ok(json(&Version { version }))
}

/// `GET /2.0/sheets/{id}/rows/{row}?include=writerInfo,columns`.
pub(crate) async fn get_row(
    State(sandbox): State<Arc<Shared>>,
    caller: Caller,
    path: Result<Path<(i64, i64)>, PathRejection>,
    params: Result<Params, BodyProblem>,
) -> Result<Response, ApiError> {
    caller.needs(Scope::ReadSheets)?;
    let (id, row_id) = path_id(path)?;
    let (sheet, access_level) = sandbox.sheets.find(caller.user, id)?;
    let params = params?;
    let writers = Writers::asked_for(&params)?;
    let with_columns = params.includes("columns")?;
    let placed = rows(&sheet).find(|placed| placed.row.id == row_id);
    let placed = placed.ok_or_else(ApiError::not_found)?;
    Ok(json(&SingleRow {
        row: row(placed, &sheet, access_level, writers),
        sheet_id: sheet.id,
        version: sheet.version,
        access_level,
        columns: with_columns.then(|| columns(&sheet, access_level).collect()),
    }))
}

/// `GET /2.0/sheets/{id}/rows/{row}/columns/{column}/history`, newest first.
pub(crate) async fn history(
    State(sandbox): State<Arc<Shared>>,
    caller: Caller,
    path: Result<Path<(i64, i64, i64)>, PathRejection>,
    params: Result<Params, BodyProblem>,
) -> Result<Response, ApiError> {
    caller.needs(Scope::ReadSheets)?;
    let (id, row, column) = path_id(path)?;
    let (sheet, _) = sandbox.sheets.find(caller.user, id)?;
    let row = sheet.position(row).ok_or_else(ApiError::not_found)?;
    let column = sheet.column(column).ok_or_else(ApiError::not_found)?;
    let past = past(&sheet.rows[row], column, &sheet.columns[column]);
    let page = Page::of_list(&params?, past.len())?;
    Ok(json(&page.list(past)))
}

fn find(
    sandbox: &Shared,
    caller: &Caller,
    id: Result<Path<i64>, PathRejection>,
) -> Result<(Arc<Sheet>, AccessLevel), ApiError> {
    caller.needs(Scope::ReadSheets)?;
    sandbox.sheets.find(caller.user, path_id(id)?)
}

/// The ids in the path; what is no number is nothing that there is.
pub(super) fn path_id<T: DeserializeOwned>(
    path: Result<Path<T>, PathRejection>,
) -> Result<T, ApiError> {
    path.map(|Path(id)| id).map_err(|_| ApiError::not_found())
}

fn json(answer: &impl Serialize) -> Response {
    (NO_CACHE, Json(answer)).into_response()
}
