//! The page of a row: its form, what is fixed, and what is known of it.

use askama::Template;

use super::cells::{Content, Shown};
use super::conflict::Conflict;
use super::fields::{Control, MAX_CHARACTERS, in_reading_order, offered, title};
use super::form::{Form, why};
use super::list::named;
use super::names::{TAB, brief, name_of};
use super::past::History;
use super::place::{page_of, path_of_row};
use super::rights::Rights;
use super::sent::Sent;
use super::who::Who;
use crate::session::Person;
use crate::smartsheet::{Column, Row, Sheet};
use crate::web::failure::Failure;
use crate::web::moment::{Moment, Reader};
use crate::web::{Frame, Here};

/// Something to be said above a page.
pub(super) struct Note {
    /// The stylesheet's name for how bad it is.
    pub(super) class: &'static str,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) link: Option<(&'static str, String)>,
}

/// A column that is shown and not offered.
pub(super) struct Fixed {
    pub(super) title: String,
    pub(super) why: &'static str,
    pub(super) shown: Shown,
}

/// A row: its form, and what is known of it.
#[derive(Template)]
#[template(path = "sheets/row.html")]
pub(super) struct RowPage {
    pub(super) frame: Frame,
    pub(super) sheet: String,
    pub(super) sheet_path: String,
    /// What the browser's tab says.
    pub(super) tab: String,
    /// What the row is called; empty for a new one.
    pub(super) name: String,
    pub(super) number: Option<u64>,
    pub(super) note: Option<Note>,
    pub(super) conflict: Option<Conflict>,
    pub(super) form: Option<Form>,
    /// Why there is no form.
    pub(super) rights: Rights,
    pub(super) is_locked: bool,
    pub(super) fixed: Vec<Fixed>,
    pub(super) changed: Option<(Who, Option<Moment>)>,
    pub(super) history: Option<History>,
    /// Where the history of other columns is.
    pub(super) row_path: String,
    /// What an error is found by in the log; empty when there is none.
    pub(super) reference: String,
}

/// What was typed, where there is no form for it.
#[derive(Template)]
#[template(path = "sheets/kept.html")]
pub(super) struct KeptPage {
    pub(super) frame: Frame,
    pub(super) status: u16,
    pub(super) kind: &'static str,
    pub(super) why: &'static str,
    pub(super) note: Note,
    pub(super) action: String,
    pub(super) pairs: Vec<(String, String)>,
    pub(super) is_signed_out: bool,
    pub(super) reference: String,
}

impl Fixed {
    /// What the form of `row` does not offer.
    pub(super) fn all(sheet: &Sheet, row: &Row, has_form: bool, reader: &Reader) -> Vec<Self> {
        let offered = if has_form {
            offered(sheet, Some(row))
        } else {
            Vec::new()
        };
        let is_fixed = |column: &&Column| !offered.iter().any(|offered| offered.id == column.id);
        let columns = in_reading_order(sheet).filter(is_fixed);
        columns
            .map(|column| {
                let cell = row.cell(column.id);
                Self {
                    title: title(column),
                    why: why(column, cell.is_some_and(|cell| cell.formula.is_some())),
                    shown: Shown::of(cell, column, reader),
                }
            })
            .collect()
    }
}

impl Note {
    pub(super) fn of(failure: &Failure, app: &crate::web::App) -> Self {
        Self {
            class: if failure.status.is_server_error() {
                "error"
            } else {
                "warn"
            },
            title: failure.title.to_owned(),
            text: failure.in_one(),
            link: Some((failure.action.label(), failure.action.url(app))),
        }
    }
}

impl RowPage {
    /// The page of `row`, or of a new one, without a note, a conflict or a history.
    pub(super) fn new(
        frame: Frame,
        sheet: &Sheet,
        row: Option<&Row>,
        rights: Rights,
        person: Option<&Person>,
        sent: Option<&Sent>,
    ) -> Self {
        let reader = Reader::for_person(person);
        let is_locked = row.is_some_and(|row| row.locked);
        let has_form = rights.may_write() && !is_locked;
        let form = has_form.then(|| match row {
            None => Form::to_add(sheet, sent),
            Some(row) => Form::to_change(sheet, row, sent),
        });
        let page = row.and_then(|row| row.row_number);
        let page = page.map_or(1, page_of);
        Self {
            frame,
            sheet: named(sheet.name.clone()),
            sheet_path: match row {
                None => format!("/sheets/{}", sheet.id),
                Some(row) => path_of_row(sheet.id, page, row.id),
            },
            tab: row.map_or_else(
                || "Add a row".to_owned(),
                |row| brief(&name_of(sheet, row), TAB),
            ),
            name: row.map(|row| name_of(sheet, row)).unwrap_or_default(),
            number: row.and_then(|row| row.row_number),
            note: None,
            conflict: None,
            form,
            rights,
            is_locked,
            fixed: row.map_or_else(Vec::new, |row| Fixed::all(sheet, row, has_form, &reader)),
            changed: row.map(|row| {
                let when = row.modified_at.map(|at| reader.read_briefly(at));
                (Who::of(row.modified_by.as_ref(), person), when)
            }),
            history: None,
            row_path: match row {
                None => String::new(),
                Some(row) => format!("/sheets/{}/rows/{}", sheet.id, row.id),
            },
            reference: String::new(),
        }
    }
}
