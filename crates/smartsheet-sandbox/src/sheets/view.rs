//! Sheets, rows and cells as the API tells them.

use std::{borrow::Cow, collections::HashMap};

use serde::Serialize;
use serde_json::Value;

use super::{
    data::{
        AccessLevel, Cell, Column, ColumnType, Fill, Past, Row, Sheet, Stamp, SystemColumn, moment,
    },
    values,
};
use crate::{api_error::ApiError, params::Params, users::User};

/// What the list tells of a sheet, and the sheet itself.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outline {
    id: i64,
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    access_level: AccessLevel,
    permalink: String,
    created_at: String,
    modified_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "it is the form of the API")]
pub(super) struct ColumnView<'a> {
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
    #[serde(skip_serializing_if = "Option::is_none")]
    system_column_type: Option<SystemColumn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    formula: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    locked: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    locked_for_user: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    hidden: bool,
    validation: bool,
    width: u16,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RowView<'a> {
    id: i64,
    row_number: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sibling_id: Option<i64>,
    expanded: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    locked: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    locked_for_user: bool,
    created_at: String,
    modified_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<WriterView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified_by: Option<WriterView>,
    pub(super) cells: Vec<CellView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CellView<'a> {
    pub(super) column_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_value: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    formula: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hyperlink: Option<LinkView<'a>>,
}

#[derive(Serialize)]
struct LinkView<'a> {
    url: &'a str,
}

/// A value of a cell's history.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PastView<'a> {
    #[serde(flatten)]
    cell: CellView<'a>,
    modified_at: String,
    modified_by: WriterView,
}

#[derive(Clone, Copy, Serialize)]
struct WriterView {
    email: &'static str,
    name: &'static str,
}

/// Whether rows tell who made and changed them. Smartsheet names people only when it is asked to.
#[derive(Clone, Copy)]
pub(super) struct Writers(bool);

impl Writers {
    /// `include=writerInfo`, or `rowWriterInfo`, as it was called before.
    pub(super) fn asked_for(params: &Params) -> Result<Self, ApiError> {
        let asked = params.includes("writerInfo")? || params.includes("rowWriterInfo")?;
        Ok(Self(asked))
    }
}

/// A row and its place among the others.
#[derive(Clone, Copy)]
pub(super) struct Placed<'a> {
    pub(super) row: &'a Row,
    /// From 1.
    pub(super) number: usize,
    /// The row above it, of those with the same parent.
    sibling_id: Option<i64>,
}

/// Every row of the sheet.
pub(super) fn rows(sheet: &Sheet) -> impl Iterator<Item = Placed<'_>> {
    let mut last_child = HashMap::new();
    sheet
        .rows
        .iter()
        .enumerate()
        .map(move |(index, row)| Placed {
            row,
            number: index + 1,
            sibling_id: last_child.insert(row.parent_id, row.id),
        })
}

/// A row as it is told.
pub(super) fn row<'a>(
    placed: Placed<'a>,
    sheet: &'a Sheet,
    level: AccessLevel,
    Writers(named): Writers,
) -> RowView<'a> {
    let row = placed.row;
    let cells = row.cells.iter().zip(&*sheet.columns);
    RowView {
        id: row.id,
        row_number: placed.number,
        parent_id: row.parent_id,
        sibling_id: placed.sibling_id,
        expanded: row.expanded,
        locked: row.locked,
        locked_for_user: row.locked && !level.may_unlock(),
        created_at: moment(row.created.at),
        modified_at: moment(row.modified.at),
        created_by: named.then(|| writer(row.created.by)),
        modified_by: named.then(|| writer(row.modified.by)),
        cells: cells
            .map(|(cell, column)| cell_view(cell, column))
            .collect(),
    }
}

fn cell_view<'a>(cell: &'a Cell, column: &'a Column) -> CellView<'a> {
    let value = cell.value.as_ref();
    CellView {
        column_id: column.id,
        value,
        display_value: value.and_then(|value| values::shown(value, column)),
        formula: match column.fill {
            Fill::Formula(text, _) => Some(text),
            Fill::People | Fill::System(_) => None,
        },
        hyperlink: cell.url.as_deref().map(|url| LinkView { url }),
    }
}

/// What was in the row's cell of that column, newest first.
pub(super) fn past<'a>(row: &'a Row, place: usize, column: &'a Column) -> Vec<PastView<'a>> {
    let view = |cell: &'a Cell, stamp: Stamp| PastView {
        cell: cell_view(cell, column),
        modified_at: moment(stamp.at),
        modified_by: writer(stamp.by),
    };
    if let Some(past) = row.past.get(&column.id) {
        let newest_first = past.iter().rev();
        return newest_first
            .map(|Past { cell, stamp }| view(cell, *stamp))
            .collect();
    }
    let cell = row.cells.get(place).filter(|cell| cell.value.is_some());
    cell.map(|cell| view(cell, row.created))
        .into_iter()
        .collect()
}

fn writer(user: &'static User) -> WriterView {
    WriterView {
        email: user.email,
        name: &user.name,
    }
}

/// The list tells versions only when it is asked to.
pub(super) fn outline(sheet: &Sheet, access_level: AccessLevel, with_version: bool) -> Outline {
    Outline {
        id: sheet.id,
        name: sheet.name,
        version: with_version.then_some(sheet.version),
        access_level,
        permalink: format!("https://smartsheet.invalid/sheets/{}", sheet.id),
        created_at: moment(sheet.created_at),
        modified_at: moment(sheet.modified_at),
    }
}

/// The columns, for somebody who may do so much.
pub(super) fn columns(sheet: &Sheet, level: AccessLevel) -> impl Iterator<Item = ColumnView<'_>> {
    let columns = sheet.columns.iter().enumerate();
    columns.map(move |(index, column)| column_view(index, column, level))
}

fn column_view(index: usize, column: &Column, level: AccessLevel) -> ColumnView<'_> {
    let (system_column_type, formula) = match column.fill {
        Fill::People => (None, None),
        Fill::System(kind) => (Some(kind), None),
        Fill::Formula(text, _) => (None, Some(text)),
    };
    ColumnView {
        id: column.id,
        version: 0,
        index,
        title: &column.title,
        kind: column.kind,
        primary: index == 0,
        options: column.options,
        system_column_type,
        formula,
        locked: column.locked,
        locked_for_user: column.locked && !level.may_unlock(),
        hidden: column.hidden,
        validation: false,
        width: 150,
    }
}

impl ColumnView<'_> {
    pub(super) fn id(&self) -> i64 {
        self.id
    }
}
