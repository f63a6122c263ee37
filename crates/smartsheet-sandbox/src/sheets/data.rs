//! What a sheet is made of.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::users::User;

/// How many former values of a cell are kept; beyond it the oldest is forgotten.
const PAST: usize = 50;

/// A sheet. Cloning it is cheap, so that answers are written outside the lock and a change that fails leaves nothing.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    pub(super) id: i64,
    pub(super) name: &'static str,
    /// Who may see it, and what else they may do; the first is the owner.
    pub(super) people: Vec<(&'static User, AccessLevel)>,
    /// Counts the changes.
    pub(super) version: u64,
    pub(super) created_at: Timestamp,
    pub(super) modified_at: Timestamp,
    pub(super) columns: Arc<[Column]>,
    /// From top to bottom; each is followed by the rows below it in the hierarchy.
    pub(super) rows: Vec<Arc<Row>>,
    pub(super) limits: Limits,
}

/// How much a sheet holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) rows: usize,
    /// Bytes of values, former ones included.
    pub(super) text: usize,
}

/// What somebody may do with a sheet, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum AccessLevel {
    Viewer,
    Commenter,
    Editor,
    EditorShare,
    Admin,
    Owner,
}

/// A column; the first is the primary one.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) id: i64,
    pub(super) title: Cow<'static, str>,
    pub(super) kind: ColumnType,
    /// What a value may be, for a picklist.
    pub(super) options: &'static [&'static str],
    pub(super) fill: Fill,
    /// Numbers are shown as dollars.
    pub(super) is_money: bool,
    /// Only administrators write into it.
    pub(super) locked: bool,
    pub(super) hidden: bool,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum ColumnType {
    TextNumber,
    Date,
    #[serde(rename = "DATETIME")]
    DateTime,
    #[serde(rename = "ABSTRACT_DATETIME")]
    AbstractDateTime,
    ContactList,
    MultiContactList,
    Checkbox,
    Picklist,
    MultiPicklist,
    Duration,
    Predecessor,
}

/// Who writes the cells of a column.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fill {
    People,
    System(SystemColumn),
    /// A column formula, and what it comes to in a row.
    Formula(&'static str, fn(&[Cell]) -> Option<Value>),
}

/// What Smartsheet itself writes into a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum SystemColumn {
    AutoNumber,
    CreatedBy,
    CreatedDate,
    ModifiedBy,
    ModifiedDate,
}

/// A row, with the cells in the order of the columns.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) parent_id: Option<i64>,
    pub(super) cells: Vec<Cell>,
    pub(super) created: Stamp,
    pub(super) modified: Stamp,
    pub(super) expanded: bool,
    /// Only administrators write into it.
    pub(super) locked: bool,
    /// The values of cells that were changed, by the column's id, oldest first; the last one is the present one.
    pub(super) past: BTreeMap<i64, Vec<Past>>,
}

/// A cell; without a value it is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Cell {
    pub(super) value: Option<Value>,
    /// Where its text leads.
    pub(super) url: Option<Box<str>>,
}

/// Who did something, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    pub(super) at: Timestamp,
    pub(super) by: &'static User,
}

/// A value that a cell has or had.
#[derive(Clone, Debug)]
pub(super) struct Past {
    pub(super) cell: Cell,
    pub(super) stamp: Stamp,
}

impl Sheet {
    /// What the user may do with it; `None` when they can't see it.
    pub(super) fn access_of(&self, user: &User) -> Option<AccessLevel> {
        let mut people = self.people.iter();
        people.find_map(|(person, level)| (person.slug == user.slug).then_some(*level))
    }

    /// Where the row with this id is.
    pub(super) fn position(&self, row: i64) -> Option<usize> {
        self.rows.iter().position(|other| other.id == row)
    }

    /// Where the column with this id is.
    pub(super) fn column(&self, id: i64) -> Option<usize> {
        self.columns.iter().position(|column| column.id == id)
    }

    /// Counts a change.
    pub(super) fn changed(&mut self, at: Timestamp) {
        self.version += 1;
        self.modified_at = at;
    }

    /// Bytes of values, former ones included.
    pub(super) fn text(&self) -> usize {
        self.rows.iter().map(|row| row.text()).sum()
    }
}

impl AccessLevel {
    pub(super) fn may_write(self) -> bool {
        self >= Self::Editor
    }

    /// Whether it is enough for what is locked.
    pub(super) fn may_unlock(self) -> bool {
        self >= Self::Admin
    }
}

impl Row {
    /// A row that somebody has just made.
    pub(super) fn new(id: i64, columns: &[Column], created: Stamp) -> Self {
        Self {
            id,
            parent_id: None,
            cells: vec![Cell::default(); columns.len()],
            created,
            modified: created,
            expanded: true,
            locked: false,
            past: BTreeMap::new(),
        }
    }

    /// Puts a value into the cell of a column, and remembers the one before. Says whether that changed anything.
    pub(super) fn set(&mut self, place: usize, column: &Column, cell: Cell, stamp: Stamp) -> bool {
        let Some(old) = self.cells.get_mut(place).filter(|old| **old != cell) else {
            return false;
        };
        let old = std::mem::replace(old, cell.clone());
        let first = Past {
            cell: old,
            stamp: self.created,
        };
        let past = self.past.entry(column.id).or_insert_with(|| {
            let was_empty = first.cell.value.is_none();
            if was_empty { Vec::new() } else { vec![first] }
        });
        if past.len() == PAST {
            past.remove(0);
        }
        past.push(Past { cell, stamp });
        self.modified = stamp;
        true
    }

    /// Writes the cells that people don't: formulas and what Smartsheet knows of the row.
    pub(super) fn fill(&mut self, columns: &[Column]) {
        for (place, column) in columns.iter().enumerate() {
            let value = match column.fill {
                Fill::People | Fill::System(SystemColumn::AutoNumber) => continue,
                Fill::Formula(_, compute) => compute(&self.cells),
                Fill::System(SystemColumn::CreatedBy) => Some(self.created.by.email.into()),
                Fill::System(SystemColumn::CreatedDate) => Some(moment(self.created.at).into()),
                Fill::System(SystemColumn::ModifiedBy) => Some(self.modified.by.email.into()),
                Fill::System(SystemColumn::ModifiedDate) => Some(moment(self.modified.at).into()),
            };
            if let Some(cell) = self.cells.get_mut(place) {
                *cell = Cell { value, url: None };
            }
        }
    }

    /// Forgets all values but the present ones, which still say who wrote them.
    pub(super) fn forget_former(&mut self) {
        for past in self.past.values_mut() {
            past.drain(..past.len().saturating_sub(1));
        }
    }

    fn text(&self) -> usize {
        let past = self.past.values().flatten().map(|past| &past.cell);
        self.cells.iter().chain(past).map(Cell::text).sum()
    }
}

impl Cell {
    /// A cell with a value; an empty text makes it empty.
    pub(super) fn new(value: Value) -> Self {
        let is_empty = matches!(&value, Value::Null) || value.as_str() == Some("");
        Self {
            value: (!is_empty).then_some(value),
            url: None,
        }
    }

    fn text(&self) -> usize {
        let value = match &self.value {
            Some(Value::String(text)) => text.len(),
            _ => 8,
        };
        value + self.url.as_ref().map_or(0, |url| url.len())
    }
}

/// A time as the API writes it.
pub(super) fn moment(at: Timestamp) -> String {
    format!("{at:.0}")
}
