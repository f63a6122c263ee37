//! `POST /2.0/sheets/{id}/rows` adds rows, `PUT` changes them: one, or a list. Both need the scope `WRITE_SHEETS` and an access
//! level of `EDITOR` or more, and do all that a request says, or nothing.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    extract::{Path, Request, State, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;

use super::{
    data::{AccessLevel, Cell, Fill, Row, Sheet, Stamp, SystemColumn},
    place::Location,
    read::path_id,
    request::{CommonLocation, SentCell, SentRow, SentRows},
    store::Save,
    values,
    view::{RowView, Writers, row, rows},
};
use crate::{
    api_error::{ApiError, NO_CACHE},
    caller::Caller,
    params::Params,
    scopes::Scope,
    shared::Shared,
};

/// How long it takes to save, when that was ordered.
#[derive(Clone, Copy)]
pub(crate) struct SavingTakes(pub(crate) Duration);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Saved<'a> {
    message: &'static str,
    result_code: u8,
    version: u64,
    result: OneOrMany<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum OneOrMany<'a> {
    One(Option<RowView<'a>>),
    Many(Vec<RowView<'a>>),
}

/// Somebody who writes, now, with what they may do.
#[derive(Clone, Copy)]
struct Writer {
    stamp: Stamp,
    level: AccessLevel,
}

/// `POST`: adds the rows.
pub(crate) async fn add(
    State(sandbox): State<Arc<Shared>>,
    caller: Caller,
    id: Result<Path<i64>, PathRejection>,
    takes: Option<Extension<SavingTakes>>,
    request: Request,
) -> Result<Response, ApiError> {
    save(&sandbox, &caller, id, takes, request, insert).await
}

/// `PUT`: changes the rows.
pub(crate) async fn update(
    State(sandbox): State<Arc<Shared>>,
    caller: Caller,
    id: Result<Path<i64>, PathRejection>,
    takes: Option<Extension<SavingTakes>>,
    request: Request,
) -> Result<Response, ApiError> {
    save(&sandbox, &caller, id, takes, request, change).await
}

/// Makes a change of the rows in the body, and gives their ids in that order.
type Change = fn(&Shared, &mut Sheet, Writer, &[Value]) -> Result<Vec<i64>, ApiError>;

async fn save(
    sandbox: &Shared,
    caller: &Caller,
    id: Result<Path<i64>, PathRejection>,
    takes: Option<Extension<SavingTakes>>,
    request: Request,
    change: Change,
) -> Result<Response, ApiError> {
    caller.needs(Scope::WriteSheets)?;
    let id = path_id(id)?;
    let (_, level) = sandbox.sheets.find(caller.user, id)?;
    if !level.may_write() {
        return Err(ApiError::not_authorized());
    }
    let query = request.uri().query().unwrap_or_default();
    let query = Params::new(query, request.headers(), b"")?;
    let writers = Writers::asked_for(&query)?;
    let sent = SentRows::read(request).await?;
    let writer = Writer {
        stamp: Stamp {
            at: sandbox.time(),
            by: caller.user,
        },
        level,
    };
    let order = Save {
        token: caller.token,
        sheet: id,
        takes: takes.map_or(Duration::ZERO, |Extension(SavingTakes(time))| time),
    };
    let make = |sheet: &mut Sheet| change(sandbox, sheet, writer, &sent.rows);
    let (sheet, ids) = sandbox.sheets.save(order, make).await?;
    let mut saved: Vec<_> = rows(&sheet)
        .filter_map(|placed| Some((ids.iter().position(|id| *id == placed.row.id)?, placed)))
        .collect();
    saved.sort_by_key(|(place, _)| *place);
    let saved = saved.into_iter();
    let mut saved = saved.map(|(_, placed)| row(placed, &sheet, level, writers));
    let answer = Saved {
        message: "SUCCESS",
        result_code: 0,
        version: sheet.version,
        result: if sent.is_list {
            OneOrMany::Many(saved.collect())
        } else {
            OneOrMany::One(saved.next())
        },
    };
    Ok((NO_CACHE, Json(answer)).into_response())
}

fn insert(
    sandbox: &Shared,
    sheet: &mut Sheet,
    writer: Writer,
    sent: &[Value],
) -> Result<Vec<i64>, ApiError> {
    let mut common = CommonLocation::default();
    let mut new = Vec::with_capacity(sent.len());
    for (index, row) in sent.iter().enumerate() {
        let number = sheet.rows.len() + index + 1;
        let row = new_row(sandbox, sheet, writer, row, number).and_then(|(row, location)| {
            common.add(Some(location))?;
            Ok(row)
        });
        new.push(row.map_err(|error| error.at_row(index))?);
    }
    let location = common
        .get()
        .ok_or_else(|| ApiError::attribute_missing("row"))?;
    let ids = new.iter().map(|row| row.id).collect();
    sheet
        .insert(new, location)
        .map_err(|error| error.at_row(0))?;
    sheet.changed(writer.stamp.at);
    Ok(ids)
}

fn new_row(
    sandbox: &Shared,
    sheet: &Sheet,
    writer: Writer,
    sent: &Value,
    number: usize,
) -> Result<(Row, Location), ApiError> {
    let sent = SentRow::read(sent, false)?;
    let location = sent
        .location()?
        .ok_or_else(ApiError::row_location_missing)?;
    let mut row = Row::new(sandbox.dice.id(), &sheet.columns, writer.stamp);
    for (place, cell) in cells(sheet, writer, sent.cells)? {
        row.cells[place] = cell;
    }
    for (cell, column) in row.cells.iter_mut().zip(&*sheet.columns) {
        if matches!(column.fill, Fill::System(SystemColumn::AutoNumber)) {
            *cell = Cell::new(number.into());
        }
    }
    row.expanded = sent.expanded.unwrap_or(true);
    lock(&mut row, sent.locked, writer)?;
    row.fill(&sheet.columns);
    Ok((row, location))
}

fn change(
    _: &Shared,
    sheet: &mut Sheet,
    writer: Writer,
    sent: &[Value],
) -> Result<Vec<i64>, ApiError> {
    let mut common = CommonLocation::default();
    let mut ids = Vec::with_capacity(sent.len());
    let mut is_changed = false;
    for (index, row) in sent.iter().enumerate() {
        let changed = SentRow::read(row, true).and_then(|row| {
            let location = row.location()?;
            common.add(location)?;
            let id = row.id.unwrap_or_default();
            let changed = change_row(sheet, writer, id, row)?;
            let moved = match (location, ids.last()) {
                (None, _) => false,
                (Some(location), None) => sheet.relocate(id, location)?,
                (Some(location), Some(before)) => sheet.relocate(id, location.after(*before))?,
            };
            ids.push(id);
            Ok(changed || moved)
        });
        is_changed |= changed.map_err(|error| error.at_row(index))?;
    }
    if is_changed {
        sheet.changed(writer.stamp.at);
    }
    Ok(ids)
}

/// Says whether anything is different now.
fn change_row(sheet: &mut Sheet, writer: Writer, id: i64, sent: SentRow) -> Result<bool, ApiError> {
    let place = sheet
        .position(id)
        .ok_or_else(|| ApiError::row_invalid(id))?;
    let cells = cells(sheet, writer, sent.cells)?;
    let mut row = Row::clone(&sheet.rows[place]);
    if row.locked && !writer.level.may_unlock() {
        return Err(ApiError::not_authorized());
    }
    let was = (row.expanded, row.locked);
    row.expanded = sent.expanded.unwrap_or(row.expanded);
    lock(&mut row, sent.locked, writer)?;
    let mut is_changed = was != (row.expanded, row.locked);
    for (place, cell) in cells {
        is_changed |= row.set(place, &sheet.columns[place], cell, writer.stamp);
    }
    if is_changed {
        row.modified = writer.stamp;
        row.fill(&sheet.columns);
        sheet.rows[place] = Arc::new(row);
    }
    Ok(is_changed)
}

/// The cells that were sent, each with the place of its column.
fn cells(
    sheet: &Sheet,
    writer: Writer,
    sent: Vec<SentCell>,
) -> Result<Vec<(usize, Cell)>, ApiError> {
    let mut cells: Vec<(usize, Cell)> = Vec::with_capacity(sent.len());
    for cell in sent {
        let id = cell.column_id;
        let id = id.ok_or_else(|| ApiError::attribute_missing("cell.columnId"))?;
        let place = sheet
            .column(id)
            .ok_or_else(|| ApiError::column_invalid(id))?;
        if cells.iter().any(|(other, _)| *other == place) {
            return Err(ApiError::column_twice(id));
        }
        let column = &sheet.columns[place];
        let value = cell.value;
        let value = value.ok_or_else(|| ApiError::attribute_missing("cell.value"))?;
        if !matches!(column.fill, Fill::People) {
            return Err(ApiError::attribute_not_allowed("cell.value"));
        }
        if column.locked && !writer.level.may_unlock() {
            return Err(ApiError::not_authorized());
        }
        values::check(&value, column, cell.strict.unwrap_or(true))?;
        cells.push((place, Cell::new(value)));
    }
    Ok(cells)
}

fn lock(row: &mut Row, locked: Option<bool>, writer: Writer) -> Result<(), ApiError> {
    match locked {
        Some(locked) if locked != row.locked => {
            if !writer.level.may_unlock() {
                return Err(ApiError::not_authorized());
            }
            row.locked = locked;
            Ok(())
        }
        _ => Ok(()),
    }
}
