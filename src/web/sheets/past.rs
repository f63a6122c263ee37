//! A row's history: who wrote which value when, column by column.

use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::cells::{Content, value};
use super::fields::{in_reading_order, title};
use super::who::Who;
use crate::session::Person;
use crate::smartsheet::{CellHistory, Column, Past, Row, Sheet};
use crate::web::moment::{Moment, Reader};
use crate::web::visit::Visit;

/// How many columns' history is asked for at once. Smartsheet counts each as ten of the 300 requests that a token has a minute.
const COLUMNS: usize = 12;

/// How many of these calls are made at the same time.
const AT_ONCE: usize = 4;

/// How many values of a cell are shown.
const VALUES: u64 = 20;

/// The history of some columns of a row.
pub(super) struct History {
    pub(super) columns: Vec<ColumnPast>,
    /// Why it is not all that was asked for.
    pub(super) failure: Option<String>,
    /// Which part of the columns this is, from 1.
    pub(super) part: usize,
    /// How many parts there are.
    pub(super) parts: usize,
}

/// What was in a cell.
pub(super) struct ColumnPast {
    pub(super) title: String,
    pub(super) values: Vec<PastValue>,
}

/// A value, and who wrote it.
pub(super) struct PastValue {
    pub(super) content: Content,
    pub(super) who: Who,
    pub(super) when: Option<Moment>,
}

impl History {
    /// Reads part number `part` of the history of `row`, until `deadline`. What can't be read is left out, and said.
    pub(super) async fn read(
        visit: &Visit<'_>,
        sheet: &Sheet,
        row: &Row,
        part: usize,
        person: Option<&Person>,
        deadline: Instant,
    ) -> Self {
        let columns: Vec<&Column> = in_reading_order(sheet)
            .filter(|column| column.is_peoples())
            .collect();
        let parts = columns.len().div_ceil(COLUMNS).max(1);
        let part = part.clamp(1, parts);
        let columns = columns.chunks(COLUMNS).nth(part - 1).unwrap_or_default();
        let reader = Reader::for_person(person);
        let mut history = Self {
            columns: Vec::new(),
            failure: None,
            part,
            parts,
        };
        for columns in columns.chunks(AT_ONCE) {
            let calls: Vec<CellHistory> = columns
                .iter()
                .map(|column| CellHistory {
                    sheet: sheet.id,
                    row: row.id,
                    column: column.id,
                    at_most: VALUES,
                })
                .collect();
            let answers = join_all(calls.iter().map(|call| visit.call_once(call)));
            let Ok(answers) = timeout_at(deadline, answers).await else {
                history.failure = Some("Smartsheet did not answer in time".to_owned());
                return history;
            };
            for (column, answer) in columns.iter().zip(answers) {
                match answer {
                    Ok(values) if values.is_empty() => {}
                    Ok(values) => {
                        let column = ColumnPast::of(column, &values, person, &reader);
                        history.columns.push(column);
                    }
                    Err(error) => {
                        tracing::debug!(%error, "a cell's history can't be read");
                        let said = error.refusal().map(str::to_owned);
                        let why = "Smartsheet can’t be reached, or its answer can’t be read";
                        history.failure = Some(said.unwrap_or_else(|| why.to_owned()));
                    }
                }
            }
            if history.failure.is_some() {
                return history;
            }
        }
        history
    }
}

impl ColumnPast {
    fn of(column: &Column, values: &[Past], person: Option<&Person>, reader: &Reader) -> Self {
        let values = values.iter().map(|past| PastValue {
            content: value(&past.value, past.display_value.as_deref(), column, reader),
            who: Who::of(past.modified_by.as_ref(), person),
            when: past.modified_at.map(|at| reader.read_briefly(at)),
        });
        Self {
            title: title(column),
            values: values.collect(),
        }
    }
}
