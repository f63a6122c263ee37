//! `POST /sheets/{id}/rows` and `POST /sheets/{id}/rows/{row}`: adds or changes a row in the name of whoever is signed in.
//!
//! The row is read before it is written, so that nothing that somebody wrote meanwhile is undone unseen. Only what differs is
//! written. Whatever goes wrong, the answer holds what was typed.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use tokio::time::{Instant, timeout_at};
use url::form_urlencoded;

use super::conflict::{Conflict, changed, settle};
use super::fields::{meant, offered, values};
use super::place::{page_of, path_of_row};
use super::refused::{nothing_written, with_status};
use super::remembered::{Form, ShownForms};
use super::rights::{self, Rights};
use super::row_page::{KeptPage, Note, RowPage};
use super::sent::{Sent, Unfit};
use super::{Asked, failures, id};
use crate::oauth::Scope;
use crate::session::{Login, Person};
use crate::smartsheet::{Column, GetSheet, NewCell, Row, SaveRow, Sheet, Value};
use crate::web::browser::Browser;
use crate::web::failure::Failure;
use crate::web::person::visitor;
use crate::web::person_failures::{PersonError, slow};
use crate::web::request_log::Reference;
use crate::web::shares::Caller;
use crate::web::visit::{Visit, VisitError};
use crate::web::{App, Frame, Here, break_it, page};

pub(in crate::web) async fn add(
    State(app): State<Arc<App>>,
    browser: Browser,
    caller: Caller,
    Extension(reference): Extension<Reference>,
    Path(sheet): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let sheet = id(&sheet).ok_or_else(failures::no_such_sheet)?;
    let here = format!("/sheets/{sheet}");
    let asked = Asked::new(&app, &browser, caller, &headers, here);
    let form = Draft::new(sheet, None, &headers, &body);
    save(asked, form, reference).await
}

pub(in crate::web) async fn change(
    State(app): State<Arc<App>>,
    browser: Browser,
    caller: Caller,
    Extension(reference): Extension<Reference>,
    Path((sheet, row)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let sheet = id(&sheet).ok_or_else(failures::no_such_sheet)?;
    let row = id(&row).ok_or_else(|| failures::no_such_row(sheet))?;
    let here = format!("/sheets/{sheet}/rows/{row}");
    let asked = Asked::new(&app, &browser, caller, &headers, here);
    let mut form = Draft::new(sheet, Some(row), &headers, &body);
    form.recall(&app.shown_forms);
    save(asked, form, reference).await
}

/// What somebody sent, and where to.
struct Draft {
    sheet: u64,
    row: Option<u64>,
    sent: Result<Sent, Unfit>,
    pairs: Vec<(String, String)>,
}

/// What is known of the sheet when a draft is not saved.
struct Context {
    sheet: Sheet,
    login: Login,
    person: Option<Person>,
}

/// Why a draft was not saved, or not surely.
enum Unsaved {
    Failed(Failure),
    /// The row is not the one that the form showed.
    Conflict,
}

impl Draft {
    fn new(sheet: u64, row: Option<u64>, headers: &HeaderMap, body: &[u8]) -> Self {
        let sent = Sent::read(headers, body);
        let pairs = match &sent {
            Ok(_) => form_urlencoded::parse(body).into_owned().collect(),
            Err(_) => Vec::new(),
        };
        Self {
            sheet,
            row,
            sent,
            pairs,
        }
    }

    /// Adds what the form showed, if it does not say so itself and it is known here.
    fn recall(&mut self, forms: &ShownForms) {
        if let (Ok(sent), Some(row)) = (&mut self.sent, self.row)
            && let (None, Some(version)) = (&sent.shown, sent.version)
        {
            let sheet = self.sheet;
            sent.shown = forms.of(Form {
                sheet,
                row,
                version,
            });
        }
    }

    /// Where the form goes.
    fn action(&self) -> String {
        match self.row {
            None => format!("/sheets/{}/rows", self.sheet),
            Some(row) => format!("/sheets/{}/rows/{row}", self.sheet),
        }
    }
}

async fn save(asked: Asked<'_>, draft: Draft, reference: Reference) -> Result<Response, Failure> {
    let mut context = None;
    let saved = attempt(&asked, &draft, &mut context).await;
    let unsaved = match saved {
        Ok(path) => return Ok(Redirect::to(&path).into_response()),
        Err(unsaved) => unsaved,
    };
    // For the record: the session may be of no use, but its flow can still be shown.
    let _ = asked.browser.session().await;
    let (failure, is_conflict) = match unsaved {
        Unsaved::Failed(failure) => (asked.leading_back(failure), false),
        Unsaved::Conflict => (failures::conflict(), true),
    };
    if asked.json {
        return Err(failure);
    }
    let rights = context
        .as_ref()
        .map(|context| Rights::of(&asked, &context.login, context.sheet.access_level));
    let frame = Frame::of(asked.app, Here::Sheets)
        .for_viewer(asked.browser.viewer())
        .teaching(break_it::lesson(asked.browser));
    let shown = match (&context, rights) {
        (Some(context), Some(rights)) if rights.may_write() => {
            form_again(&asked, &draft, context, rights, &failure, is_conflict)
        }
        _ => None,
    };
    let response = match shown {
        Some(shown) => page(&RowPage {
            frame,
            reference: reference.0,
            ..shown
        }),
        None => page(&KeptPage {
            frame,
            status: failure.status.as_u16(),
            kind: failure.kind,
            why: failure.why,
            note: Note::of(&failure, asked.app),
            action: draft.action(),
            is_signed_out: failure.status == StatusCode::UNAUTHORIZED,
            pairs: draft.pairs,
            reference: reference.0,
        }),
    };
    Ok(with_status(response, failure))
}

/// Reads the row, looks whether it is the one that the form showed, and writes what differs. The path where it can be seen.
async fn attempt(
    asked: &Asked<'_>,
    draft: &Draft,
    context: &mut Option<Context>,
) -> Result<String, Unsaved> {
    let deadline = Instant::now() + asked.app.settings.patience;
    let read = timeout_at(deadline, read(asked, draft)).await;
    let (mut visit, known) = match read {
        Ok(Ok(read)) => read,
        Ok(Err(PersonError::SignedOut)) => return Err(failures::signed_out_meanwhile().into()),
        Ok(Err(PersonError::Failed(failure))) => return Err(nothing_written(failure).into()),
        Err(_) => return Err(nothing_written(slow()).into()),
    };
    let Context {
        sheet,
        login,
        person: _,
    } = &*context.insert(known);
    let row = match draft.row {
        None => None,
        Some(id) => Some(
            sheet
                .row(id)
                .ok_or_else(|| failures::no_such_row(sheet.id))?,
        ),
    };
    if let Rights::NoAccess(level) = Rights::of(asked, login, sheet.access_level) {
        return Err(failures::no_access(level.words()).into());
    }
    if row.is_some_and(|row| row.locked) {
        return Err(failures::row_locked().into());
    }
    let columns = offered(sheet, row);
    let sent = draft.sent.as_ref();
    let sent = sent.map_err(|what| failures::unreadable_form(what))?;
    sent.check(&columns)
        .map_err(|what| failures::unreadable_form(&what))?;
    if let Some(row) = row {
        if sent.version.is_none() {
            return Err(failures::unreadable_form("The field “version” is missing.").into());
        }
        if !changed(sent, sheet.version, &columns, row).is_empty() {
            return Err(Unsaved::Conflict);
        }
    }
    let cells = new_cells(&columns, sent, row);
    if let (true, Some(row)) = (cells.is_empty(), row) {
        // It is as it was to be.
        let page = row.row_number.map_or(1, page_of);
        return Ok(path_of_row(sheet.id, page, row.id));
    }
    if cells.is_empty() {
        return Err(failures::empty_row().into());
    }
    let call = SaveRow {
        sheet: sheet.id,
        row: draft.row,
        cells,
        agent: env!("CARGO_PKG_NAME"),
    };
    match timeout_at(deadline, visit.call(&call)).await {
        Ok(Ok(saved)) => {
            tracing::info!(is_new = draft.row.is_none(), "a row was saved");
            let page = saved.row.row_number.map_or(1, page_of);
            Ok(path_of_row(sheet.id, page, saved.row.id))
        }
        Ok(Err(VisitError::Call(error))) => Err(failures::of_write(asked, login, error).into()),
        Ok(Err(error)) => match visit.failed(error) {
            PersonError::SignedOut => Err(failures::signed_out_meanwhile().into()),
            PersonError::Failed(failure) => Err(nothing_written(failure).into()),
        },
        Err(_) => Err(failures::perhaps_done(slow()).into()),
    }
}

/// The sheet with the row that is to be changed, for whoever may write by the scopes that they were asked for.
async fn read<'a>(asked: &Asked<'a>, draft: &Draft) -> Result<(Visit<'a>, Context), PersonError> {
    let mut visit = Visit::begin(asked.app, asked.browser, asked.caller).await?;
    for scope in [Scope::WriteSheets, Scope::ReadSheets] {
        if !rights::has(asked.app, visit.login(), scope) {
            let failure = failures::no_scope(asked, visit.login(), scope);
            return Err(PersonError::Failed(failure));
        }
    }
    let call = match draft.row {
        // For its columns.
        None => GetSheet::page(draft.sheet, 1, 1),
        Some(row) => GetSheet::row(draft.sheet, row),
    };
    let sheet = match visit.call(&call).await {
        Ok(sheet) => sheet,
        Err(error) => return Err(asked.refused(&visit, error)),
    };
    let person = visitor(asked.app, &mut visit).await;
    let context = Context {
        sheet,
        login: visit.login().clone(),
        person,
    };
    Ok((visit, context))
}

/// What of the form is not in the row yet.
fn new_cells(columns: &[&Column], sent: &Sent, row: Option<&Row>) -> Vec<NewCell> {
    let cells = columns.iter().filter_map(|column| {
        let typed = sent.typed(column)?;
        let is_new = typed != values(column, row);
        let value = meant(column, &typed);
        // A new row has nothing to be emptied.
        let says_something =
            row.is_some() || !matches!(&value, Value::Text(text) if text.is_empty());
        (is_new && says_something).then_some(NewCell {
            column_id: column.id,
            value,
        })
    });
    cells.collect()
}

/// The form with what was typed and what went wrong. `None` when its row is not there.
fn form_again(
    asked: &Asked<'_>,
    draft: &Draft,
    context: &Context,
    rights: Rights,
    failure: &Failure,
    is_conflict: bool,
) -> Option<RowPage> {
    let Context { sheet, person, .. } = context;
    let row = match draft.row {
        None => None,
        Some(id) => Some(sheet.row(id)?),
    };
    if row.is_some_and(|row| row.locked) {
        return None;
    }
    let person = person.as_ref();
    let sent = draft.sent.as_ref().ok();
    let frame = Frame::of(asked.app, Here::Sheets).for_person(person);
    let mut shown = RowPage::new(frame, sheet, row, rights, person, sent);
    if let (true, Some(row), Some(sent)) = (is_conflict, row, sent) {
        let columns = offered(sheet, Some(row));
        let changed = changed(sent, sheet.version, &columns, row);
        shown.conflict = Some(Conflict::of(sent, &changed, &columns, row, person));
        if let Some(form) = &mut shown.form {
            settle(form, sent, &columns, row);
        }
    } else {
        shown.note = Some(Note::of(failure, asked.app));
    }
    Some(shown)
}

impl From<Failure> for Unsaved {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
