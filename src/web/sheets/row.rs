//! `GET /sheets/{id}/rows/{row}`: a form that changes a row, and the row's history.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use tokio::time::Instant;

use super::past::History;
use super::remembered::Form;
use super::rights::Rights;
use super::row_page::RowPage;
use super::{Asked, Found, as_sent, failures, id};
use crate::smartsheet::GetSheet;
use crate::web::browser::Browser;
use crate::web::failure::Failure;
use crate::web::query;
use crate::web::shares::Caller;
use crate::web::{App, Frame, Here, break_it, page};

pub(in crate::web) async fn get(
    State(app): State<Arc<App>>,
    browser: Browser,
    caller: Caller,
    headers: HeaderMap,
    Path((sheet, row)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let deadline = Instant::now() + app.settings.patience;
    let sheet = id(&sheet).ok_or_else(failures::no_such_sheet)?;
    let row = id(&row).ok_or_else(|| failures::no_such_row(sheet))?;
    let here = format!("/sheets/{sheet}/rows/{row}");
    let asked = Asked::new(&app, &browser, caller, &headers, here);
    let Found {
        answer: sheet,
        visit,
        login,
        person,
    } = match asked.find(&GetSheet::row(sheet, row)).await {
        Ok(found) => found,
        Err(error) => return Ok(asked.failed(error)),
    };
    let Some(row) = sheet.row(row) else {
        return Err(failures::no_such_row(sheet.id));
    };
    if asked.json {
        return Ok(as_sent(sheet.raw()));
    }
    let query = query.unwrap_or_default();
    let part = query::first(&query, "history");
    let part = part.and_then(|part| part.parse().ok()).unwrap_or(1);
    let person = person.as_ref();
    let history = History::read(&visit, &sheet, row, part, person, deadline).await;
    let rights = Rights::of(&asked, &login, sheet.access_level);
    let frame = Frame::of(&app, Here::Sheets)
        .for_person(person)
        .teaching(break_it::task(&browser));
    let page_of_row = RowPage {
        history: Some(history),
        ..RowPage::new(frame, &sheet, Some(row), rights, person, None)
    };
    if let Some(form) = &page_of_row.form
        && let Some(base) = &form.base
        && let Some(version) = base.version
    {
        let form = Form {
            sheet: sheet.id,
            row: row.id,
            version,
        };
        app.shown_forms.remember(form, &base.shown);
    }
    Ok(([(header::VARY, "Accept")], page(&page_of_row)).into_response())
}
