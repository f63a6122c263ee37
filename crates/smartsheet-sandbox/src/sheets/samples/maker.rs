//! Makes a sheet, column by column and row by row.

use std::{borrow::Cow, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{
    sheets::data::{
        AccessLevel, Cell, Column, ColumnType, Fill, Limits, Row, Sheet, Stamp, SystemColumn,
    },
    users::User,
};

/// How many rows a small sheet holds, and how many may be added to a large one.
const ROWS: usize = 500;
/// How many bytes of text may be added to a sheet.
const TEXT: usize = 256 * 1024;
/// When the sheets were made: 5 January 2026, 9:00 UTC. In seconds since 1970.
const ORIGIN: i64 = 1_767_603_600;

/// A sheet that is being made.
pub(super) struct Maker {
    sheet: Sheet,
    columns: Vec<Column>,
    rows: Vec<Row>,
    next_id: i64,
}

impl Maker {
    pub(super) fn new(
        id: i64,
        name: &'static str,
        people: Vec<(&'static User, AccessLevel)>,
    ) -> Self {
        let sheet = Sheet {
            id,
            name,
            people,
            version: 1,
            created_at: hours_later(0),
            modified_at: hours_later(0),
            columns: Arc::new([]),
            rows: Vec::new(),
            limits: Limits { rows: 0, text: 0 },
        };
        Self {
            sheet,
            columns: Vec::new(),
            rows: Vec::new(),
            next_id: id,
        }
    }

    /// Whose sheet it is.
    pub(super) fn owner(&self) -> &'static User {
        self.person(0)
    }

    /// One of those who share it, in the order of their names there; beyond the last one, the first again.
    pub(super) fn person(&self, number: usize) -> &'static User {
        let people = &self.sheet.people;
        people[number % people.len()].0
    }

    /// Adds a column, and hands it out to be made special.
    pub(super) fn column(
        &mut self,
        title: impl Into<Cow<'static, str>>,
        kind: ColumnType,
    ) -> &mut Column {
        let id = self.id();
        self.columns.push_mut(Column {
            id,
            title: title.into(),
            kind,
            options: &[],
            fill: Fill::People,
            is_money: false,
            locked: false,
            hidden: false,
        })
    }

    /// Adds a row of the owner's, and hands it out to be made special. Columns without a value stay empty.
    pub(super) fn row(&mut self, values: impl IntoIterator<Item = Value>) -> &mut Row {
        let created = self.stamp(0, 0);
        let mut row = Row::new(self.id(), &self.columns, created);
        for (cell, value) in row.cells.iter_mut().zip(values) {
            *cell = Cell::new(value);
        }
        for (cell, column) in row.cells.iter_mut().zip(&self.columns) {
            if matches!(column.fill, Fill::System(SystemColumn::AutoNumber)) {
                *cell = Cell::new((self.rows.len() + 1).into());
            }
        }
        self.rows.push_mut(row)
    }

    /// Lets one of those who share it change a cell of the last row, so many hours after the sheet was made.
    pub(super) fn then(&mut self, person: usize, hours: i64, place: usize, value: Value) {
        let stamp = self.stamp(person, hours);
        if let Some(row) = self.rows.last_mut() {
            row.set(place, &self.columns[place], Cell::new(value), stamp);
            self.sheet.changed(stamp.at);
        }
    }

    fn stamp(&self, person: usize, hours: i64) -> Stamp {
        Stamp {
            at: hours_later(hours),
            by: self.person(person),
        }
    }

    pub(super) fn finish(self) -> Sheet {
        let mut sheet = self.sheet;
        sheet.columns = self.columns.into();
        let rows = self.rows.into_iter().map(|mut row| {
            row.fill(&sheet.columns);
            Arc::new(row)
        });
        sheet.rows = rows.collect();
        sheet.limits = Limits {
            rows: if sheet.rows.len() < ROWS {
                ROWS
            } else {
                sheet.rows.len() + ROWS
            },
            text: sheet.text() + TEXT,
        };
        sheet
    }

    /// They are spaced, as Smartsheet's are not in a row either.
    fn id(&mut self) -> i64 {
        self.next_id += 4;
        self.next_id
    }
}

/// A time after the sheets were made. It can't overflow for the few hours of the samples.
fn hours_later(hours: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(ORIGIN + hours * 3_600)
}
