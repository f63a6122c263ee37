//! `GET /sheets`: the sheets that the person can see.

use std::cmp::Reverse;
use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use percent_encoding::utf8_percent_encode;

use super::{Asked, Found, IN_PARAMETER, Pages, as_sent, failures, page_number};
use crate::smartsheet::{ListSheets, SheetList, SheetOutline};
use crate::web::browser::Browser;
use crate::web::failure::Failure;
use crate::web::moment::{Moment, Reader};
use crate::web::query;
use crate::web::shares::Caller;
use crate::web::{App, Frame, Here, break_it, page};

/// Sheets on a page.
const SIZE: u8 = 50;

/// The longest text that is looked for, in characters. Names are shorter.
const MAX_SOUGHT: usize = 200;

#[derive(Template)]
#[template(path = "sheets/list.html")]
struct ListPage {
    frame: Frame,
    sought: String,
    /// How many there are, where that is known.
    count: Option<u64>,
    sheets: Vec<Line>,
    pages: Pages,
}

/// A sheet in the list.
struct Line {
    id: u64,
    name: String,
    access: &'static str,
    modified: Option<Moment>,
    /// In Smartsheet.
    permalink: Option<String>,
}

/// Which part of the list is asked for.
struct Part {
    number: u64,
    sought: String,
    call: ListSheets,
}

impl Part {
    fn of(query: &str) -> Option<Self> {
        let number = page_number(query)?;
        let sought = query::first(query, "q").unwrap_or_default().into_owned();
        // No name has control characters, and no page may.
        let sought = sought.replace(char::is_control, " ");
        let sought: String = sought.trim().chars().take(MAX_SOUGHT).collect();
        let call = match query::first(query, "after") {
            // Smartsheet has no search by name in the scope that this app has.
            _ if !sought.is_empty() => ListSheets::All,
            Some(key) => ListSheets::After {
                key: key.into_owned(),
                size: SIZE.into(),
            },
            None => ListSheets::Page {
                number,
                size: SIZE.into(),
            },
        };
        Some(Self {
            number,
            sought,
            call,
        })
    }

    /// The address of another page of the same.
    fn address(&self, number: u64) -> String {
        match &*self.sought {
            "" => format!("/sheets?page={number}"),
            sought => {
                let sought = utf8_percent_encode(sought, IN_PARAMETER);
                format!("/sheets?q={sought}&page={number}")
            }
        }
    }
}

pub(in crate::web) async fn get(
    State(app): State<Arc<App>>,
    browser: Browser,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let query = query.unwrap_or_default();
    let here = match &*query {
        "" => "/sheets".to_owned(),
        query => format!("/sheets?{query}"),
    };
    let asked = Asked::new(&app, &browser, caller, &headers, here);
    let Some(part) = Part::of(&query) else {
        return Err(failures::no_such_page("/sheets".to_owned()));
    };
    let found = match asked.find(&part.call).await {
        Ok(found) => found,
        Err(error) => return Ok(asked.failed(error)),
    };
    let Found { answer, person, .. } = found;
    if let Some(last) = beyond(&part, &answer) {
        return Err(failures::no_such_page(part.address(last)));
    }
    if asked.json {
        return Ok(as_sent(answer.raw()));
    }
    let reader = Reader::for_person(person.as_ref());
    let lesson = break_it::lesson(&browser);
    let (sheets, pages, count) = part.view(answer);
    if part.number > 1 && sheets.is_empty() {
        let last = pages.last.unwrap_or(1).max(1);
        return Err(failures::no_such_page(part.address(last)));
    }
    let list = ListPage {
        frame: Frame::of(&app, Here::Sheets)
            .for_person(person.as_ref())
            .teaching(lesson),
        sheets: sheets
            .into_iter()
            .map(|sheet| Line::of(sheet, &reader))
            .collect(),
        sought: part.sought,
        count,
        pages,
    };
    Ok(([(header::VARY, "Accept")], page(&list)).into_response())
}

/// The last page, when there is none of the number that was asked for.
fn beyond(part: &Part, answer: &SheetList) -> Option<u64> {
    let ListSheets::Page { number, .. } = part.call else {
        return None;
    };
    let last = answer.total_pages?.max(1);
    (number > last).then_some(last)
}

impl Part {
    /// The sheets to show, the newest change first where Smartsheet says when that was; the pages; and how many there are.
    fn view(&self, answer: SheetList) -> (Vec<SheetOutline>, Pages, Option<u64>) {
        let (total, last_key) = (answer.total_count, answer.last_key);
        let mut sheets = answer.sheets;
        sheets.sort_by_key(|sheet| Reverse(sheet.modified_at));
        let to = |number| self.address(number);
        if !self.sought.is_empty() {
            let sought = self.sought.to_lowercase();
            let has_it = |name: &str| name.to_lowercase().contains(&sought);
            sheets.retain(|sheet| has_it(sheet.name.as_deref().unwrap_or_default()));
            let count = sheets.len() as u64;
            let before = usize::try_from((self.number - 1).saturating_mul(SIZE.into()));
            let rest = sheets.into_iter().skip(before.unwrap_or(usize::MAX));
            let of_page: Vec<_> = rest.take(SIZE.into()).collect();
            let pages = Pages::of(self.number, count.div_ceil(SIZE.into()), to);
            return (of_page, pages, Some(count));
        }
        let pages = if let Some(last) = answer.total_pages {
            Pages::of(self.number, last, to)
        } else {
            self.pages_of_unknown_number(sheets.len() >= usize::from(SIZE), last_key)
        };
        (sheets, pages, total)
    }

    /// The pages of a list that does not say how many it has.
    fn pages_of_unknown_number(&self, is_full: bool, last_key: Option<String>) -> Pages {
        let is_keyed = matches!(self.call, ListSheets::After { .. });
        let by_key = last_key.map(|key| {
            let key = utf8_percent_encode(&key, IN_PARAMETER);
            format!("/sheets?after={key}")
        });
        let may_go_on = is_full && !is_keyed;
        Pages {
            number: self.number,
            last: None,
            previous: if is_keyed {
                Some("/sheets".to_owned())
            } else {
                (self.number > 1).then(|| self.address(self.number - 1))
            },
            next: by_key.or_else(|| may_go_on.then(|| self.address(self.number + 1))),
        }
    }
}

impl Line {
    fn of(sheet: SheetOutline, reader: &Reader) -> Self {
        Self {
            id: sheet.id,
            name: named(sheet.name),
            access: sheet.access_level.words(),
            modified: sheet.modified_at.map(|at| reader.read_briefly(at)),
            permalink: in_smartsheet(sheet.permalink),
        }
    }
}

/// The name of a sheet, whatever it is called.
pub(super) fn named(name: Option<String>) -> String {
    let name = name.filter(|name| !name.trim().is_empty());
    name.unwrap_or_else(|| "Sheet without a name".to_owned())
}

/// A link into Smartsheet, if it is one that a browser may follow.
pub(super) fn in_smartsheet(permalink: Option<String>) -> Option<String> {
    let url = url::Url::parse(&permalink?).ok()?;
    (url.scheme() == "https").then(|| url.into())
}
