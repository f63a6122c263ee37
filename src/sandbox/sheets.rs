//! `GET /2.0/sheets` and `GET /2.0/sheets/{id}`. Both need the scope `READ_SHEETS`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{
    Shared,
    api_error::{ApiError, NO_CACHE},
    caller::Caller,
    param_problems::BodyProblem,
    params::Params,
    scopes::Scope,
    sheet_data::{Cell, Column, ColumnType, Row, Sheet},
    users::User,
};

const PAGE_SIZE: usize = 100;

/// The form of every list of the API.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IndexResult<T> {
    page_number: usize,
    page_size: usize,
    total_pages: usize,
    total_count: usize,
    data: Vec<T>,
}

/// What both endpoints tell of a sheet.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outline {
    id: i64,
    name: &'static str,
    version: u64,
    access_level: &'static str,
    permalink: String,
    created_at: String,
    modified_at: String,
}

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
#[serde(rename_all = "camelCase")]
struct ColumnView<'a> {
    id: i64,
    version: u8,
    index: usize,
    title: &'a str,
    #[serde(rename = "type")]
    kind: ColumnType,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    primary: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    options: &'a [&'a str],
    validation: bool,
    width: u16,
}

/// A row as the API tells it. Smartsheet names who made it only when asked to (`include=rowWriterInfo`); the sandbox always
/// does.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RowView<'a> {
    id: i64,
    row_number: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    sibling_id: Option<i64>,
    expanded: bool,
    created_at: &'a str,
    modified_at: &'a str,
    created_by: Writer,
    modified_by: Writer,
    cells: &'a [Cell],
}

#[derive(Clone, Copy, Serialize)]
struct Writer {
    email: &'static str,
    name: &'static str,
}

/// `GET /2.0/sheets?page=1&pageSize=100&includeAll=false`.
pub(super) async fn list(
    State(sandbox): State<Arc<Shared>>,
    caller: Caller,
    params: Result<Params, BodyProblem>,
) -> Result<Response, ApiError> {
    caller.needs(Scope::ReadSheets)?;
    let params = params?;
    let sheets = sandbox.sheets.of(caller.user);
    let total_count = sheets.len();
    let page = if params.flag("includeAll")? {
        Page {
            number: 1,
            size: total_count.max(1),
        }
    } else {
        Page::read(&params, PAGE_SIZE)?
    };
    let answer = IndexResult {
        page_number: page.number,
        page_size: page.size,
        total_pages: total_count.div_ceil(page.size),
        total_count,
        data: page.of(sheets.iter()).map(outline).collect(),
    };
    Ok((NO_CACHE, Json(answer)).into_response())
}

/// `GET /2.0/sheets/{id}?page=1&pageSize=…`, where the page is one of rows; without a size all of them are on it.
pub(super) async fn get(
    State(sandbox): State<Arc<Shared>>,
    caller: Caller,
    id: Result<Path<i64>, PathRejection>,
    params: Result<Params, BodyProblem>,
) -> Result<Response, ApiError> {
    caller.needs(Scope::ReadSheets)?;
    let page = Page::read(&params?, usize::MAX)?;
    let sheet = sandbox.sheets.find(caller.user, sheet_id(id)?)?;
    let answer = SheetView {
        outline: outline(&sheet),
        total_row_count: sheet.rows.len(),
        gantt_enabled: false,
        dependencies_enabled: false,
        columns: sheet.columns.iter().enumerate().map(column_view).collect(),
        rows: page.of(rows(&sheet)).collect(),
    };
    Ok((NO_CACHE, Json(answer)).into_response())
}

/// The id in the path; what is no number is no sheet.
pub(super) fn sheet_id(path: Result<Path<i64>, PathRejection>) -> Result<i64, ApiError> {
    path.map(|Path(id)| id).map_err(|_| ApiError::not_found())
}

/// Every row of the sheet, as it is told.
pub(super) fn rows(sheet: &Sheet) -> impl Iterator<Item = RowView<'_>> {
    let above = std::iter::once(None).chain(sheet.rows.iter().map(|row| Some(row.id)));
    sheet
        .rows
        .iter()
        .zip(above)
        .enumerate()
        .map(|(index, (row, above))| row_view(row, index + 1, above))
}

impl RowView<'_> {
    pub(super) fn id(&self) -> i64 {
        self.id
    }
}

fn row_view(row: &Row, row_number: usize, above: Option<i64>) -> RowView<'_> {
    let writer = writer(row.created_by);
    RowView {
        id: row.id,
        row_number,
        sibling_id: above,
        expanded: true,
        created_at: &row.created_at,
        modified_at: &row.created_at,
        created_by: writer,
        modified_by: writer,
        cells: &row.cells,
    }
}

fn writer(user: &'static User) -> Writer {
    Writer {
        email: user.email,
        name: &user.name,
    }
}

fn outline(sheet: &Sheet) -> Outline {
    Outline {
        id: sheet.id,
        name: sheet.name,
        version: sheet.version,
        access_level: "OWNER",
        permalink: format!("https://smartsheet.invalid/sheets/{}", sheet.id),
        created_at: sheet.created_at.clone(),
        modified_at: sheet.modified_at.clone(),
    }
}

fn column_view((index, column): (usize, &Column)) -> ColumnView<'_> {
    ColumnView {
        id: column.id,
        version: 0,
        index,
        title: column.title,
        kind: column.kind,
        primary: index == 0,
        options: column.options,
        validation: false,
        width: 150,
    }
}

/// A part of a list; pages beyond the end are empty.
struct Page {
    /// From 1.
    number: usize,
    size: usize,
}

impl Page {
    fn read(params: &Params, size: usize) -> Result<Self, ApiError> {
        Ok(Self {
            number: params.count("page")?.unwrap_or(1),
            size: params.count("pageSize")?.unwrap_or(size),
        })
    }

    fn of<T>(&self, list: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
        let before = (self.number - 1).saturating_mul(self.size);
        list.skip(before).take(self.size)
    }
}
