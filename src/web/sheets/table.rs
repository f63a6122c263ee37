//! `GET /sheets/{id}`: a page of a sheet's rows, each with who changed it last, and a form that adds one.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};

use super::cells::{Content, Shown};
use super::fields::{Control, MAX_CHARACTERS, in_reading_order, title};
use super::form::{Form, why};
use super::list::{in_smartsheet, named};
use super::names::{TAB, brief, name_of};
use super::place::page_of;
use super::rights::Rights;
use super::who::Who;
use super::{Asked, Found, Pages, ROWS, as_sent, failures, id, page_number};
use crate::session::Person;
use crate::smartsheet::{Column, ColumnType, GetSheet, Row, Sheet};
use crate::web::browser::Browser;
use crate::web::failure::Failure;
use crate::web::frame::Lesson;
use crate::web::moment::{Moment, Reader};
use crate::web::query;
use crate::web::shares::Caller;
use crate::web::{App, Frame, Here, break_it, page};

/// Rows that are deeper in the hierarchy are shown as deep as this.
const MAX_LEVEL: usize = 6;

#[derive(Template)]
#[template(path = "sheets/sheet.html")]
struct SheetPage {
    frame: Frame,
    path: String,
    /// What the browser's tab says.
    tab: String,
    name: String,
    access: &'static str,
    permalink: Option<String>,
    total: u64,
    columns: Vec<Header>,
    rows: Vec<Line>,
    pages: Pages,
    form: Option<Form>,
    rights: Rights,
    /// The row that the page is about.
    marked: Option<Marked>,
    is_utc: bool,
}

/// The row that somebody has just saved, say.
struct Marked {
    number: u64,
    who: Who,
    when: Option<Moment>,
}

/// A column.
struct Header {
    title: String,
    /// What is special about it.
    note: String,
}

/// A row.
struct Line {
    id: u64,
    number: u64,
    name: String,
    level: usize,
    is_locked: bool,
    is_marked: bool,
    cells: Vec<Shown>,
    who: Who,
    when: Option<Moment>,
}

pub(in crate::web) async fn get(
    State(app): State<Arc<App>>,
    browser: Browser,
    caller: Caller,
    headers: HeaderMap,
    Path(sheet): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let query = query.unwrap_or_default();
    let sheet = id(&sheet).ok_or_else(failures::no_such_sheet)?;
    let path = format!("/sheets/{sheet}");
    let here = match &*query {
        "" => path.clone(),
        query => format!("{path}?{query}"),
    };
    let asked = Asked::new(&app, &browser, caller, &headers, here);
    let Some(number) = page_number(&query) else {
        return Err(failures::no_such_page(path));
    };
    let call = GetSheet::page(sheet, number, ROWS);
    let Found {
        answer: sheet,
        login,
        person,
        ..
    } = match asked.find(&call).await {
        Ok(found) => found,
        Err(error) => return Ok(asked.failed(error)),
    };
    let last = page_of(total(&sheet));
    if number > last {
        return Err(failures::no_such_page(format!("{path}?page={last}")));
    }
    if asked.json {
        return Ok(as_sent(sheet.raw()));
    }
    let rights = Rights::of(&asked, &login, sheet.access_level);
    let marked = query::first(&query, "row").as_deref().and_then(id);
    let page_of_sheet = View {
        rights,
        person: person.as_ref(),
        number,
        marked,
        lesson: break_it::lesson(&browser),
    };
    let page_of_sheet = page_of_sheet.page(&app, &sheet);
    Ok(([(header::VARY, "Accept")], page_of_sheet).into_response())
}

/// What a page shows beside the sheet itself.
pub(in crate::web) struct View<'a> {
    pub(in crate::web) rights: Rights,
    pub(in crate::web) person: Option<&'a Person>,
    /// The number of the page, from 1.
    pub(in crate::web) number: u64,
    /// The row that it is about.
    pub(in crate::web) marked: Option<u64>,
    pub(in crate::web) lesson: Option<Lesson>,
}

impl View<'_> {
    /// The page of `sheet`.
    pub(in crate::web) fn page(self, app: &App, sheet: &Sheet) -> Response {
        let Self {
            rights,
            person,
            number,
            marked,
            lesson,
        } = self;
        let path = format!("/sheets/{}", sheet.id);
        let reader = Reader::for_person(person);
        let columns: Vec<&Column> = in_reading_order(sheet).collect();
        let total = total(sheet);
        page(&SheetPage {
            frame: Frame::of(app, Here::Sheets)
                .for_person(person)
                .teaching(lesson),
            tab: brief(&named(sheet.name.clone()), TAB),
            name: named(sheet.name.clone()),
            access: sheet.access_level.words(),
            permalink: in_smartsheet(sheet.permalink.clone()),
            total,
            columns: columns.iter().map(|column| Header::of(column)).collect(),
            rows: lines(sheet, &columns, marked, person, &reader),
            pages: Pages::of(number, page_of(total), |to| format!("{path}?page={to}")),
            form: rights.may_write().then(|| Form::to_add(sheet, None)),
            marked: marked.and_then(|id| sheet.row(id)).map(|row| Marked {
                number: row.row_number.unwrap_or_default(),
                who: Who::of(row.modified_by.as_ref(), person),
                when: row.modified_at.map(|at| reader.read_briefly(at)),
            }),
            rights,
            is_utc: reader.is_utc_instead(),
            path,
        })
    }
}

/// How many rows there are in all.
fn total(sheet: &Sheet) -> u64 {
    sheet.total_row_count.unwrap_or(sheet.rows.len() as u64)
}

fn lines(
    sheet: &Sheet,
    columns: &[&Column],
    marked: Option<u64>,
    person: Option<&Person>,
    reader: &Reader,
) -> Vec<Line> {
    let mut levels: HashMap<u64, usize> = HashMap::with_capacity(sheet.rows.len());
    let places: HashMap<u64, usize> = columns
        .iter()
        .enumerate()
        .map(|(place, column)| (column.id, place))
        .collect();
    let line = |row: &Row| {
        // Of a parent on an earlier page it is not known how deep it is.
        let level = match row.parent_id {
            None => 0,
            Some(parent) => levels.get(&parent).map_or(1, |level| level + 1),
        };
        levels.insert(row.id, level);
        let mut cells = vec![None; columns.len()];
        for cell in &row.cells {
            if let Some(place) = places.get(&cell.column_id) {
                cells[*place] = Some(cell);
            }
        }
        let shown = cells.into_iter().zip(columns);
        Line {
            id: row.id,
            number: row.row_number.unwrap_or_default(),
            name: name_of(sheet, row),
            level: level.min(MAX_LEVEL),
            is_locked: row.locked,
            is_marked: marked == Some(row.id),
            cells: shown
                .map(|(cell, column)| Shown::of(cell, column, reader))
                .collect(),
            who: Who::of(row.modified_by.as_ref(), person),
            when: row.modified_at.map(|at| reader.read_briefly(at)),
        }
    };
    sheet.rows.iter().map(line).collect()
}

impl Header {
    fn of(column: &Column) -> Self {
        let note = match (&column.kind, why(column, false)) {
            (ColumnType::Other(kind), _) => {
                format!("of the type {kind}, which this app does not know")
            }
            (_, why) => why.to_owned(),
        };
        Self {
            title: title(column),
            note,
        }
    }
}
