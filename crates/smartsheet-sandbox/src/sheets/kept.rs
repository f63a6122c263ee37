//! What the file keeps of a sheet: the rows that differ from how the sheet starts, and their order.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::data::{Cell, Past, Row, Sheet, Stamp};
use crate::users;

/// A sheet that was changed.
pub(crate) struct KeptSheet {
    pub(super) id: i64,
    pub(super) version: u64,
    /// Milliseconds since 1970.
    pub(super) modified_at: i64,
    /// The ids of the rows. `None`: as the sheet starts.
    pub(super) order: Option<Vec<i64>>,
    pub(super) rows: HashMap<i64, KeptRow>,
}

/// What a change of a sheet made different.
pub(crate) struct Differences {
    pub(super) id: i64,
    pub(super) version: u64,
    /// Milliseconds since 1970.
    pub(super) modified_at: i64,
    /// The ids of the rows, if there are others or in another order now.
    pub(super) order: Option<Vec<i64>>,
    pub(super) rows: Vec<(i64, KeptRow)>,
}

/// A row, in the form of the file.
#[derive(Serialize, Deserialize)]
pub(super) struct KeptRow {
    parent: Option<i64>,
    cells: Vec<KeptCell>,
    created: KeptStamp,
    modified: KeptStamp,
    expanded: bool,
    locked: bool,
    past: Vec<(i64, Vec<KeptPast>)>,
}

#[derive(Serialize, Deserialize)]
struct KeptCell {
    column: i64,
    value: Option<Value>,
    url: Option<Box<str>>,
}

#[derive(Serialize, Deserialize)]
struct KeptStamp {
    at: i64,
    by: String,
}

#[derive(Serialize, Deserialize)]
struct KeptPast {
    value: Option<Value>,
    stamp: KeptStamp,
}

/// What is different in `new`. Rows are shared by both as long as they are the same.
pub(super) fn differences(old: &Sheet, new: &Sheet) -> Differences {
    let before: HashMap<i64, &Arc<Row>> = old.rows.iter().map(|row| (row.id, row)).collect();
    let is_same = |row: &Arc<Row>| before.get(&row.id).is_some_and(|old| Arc::ptr_eq(old, row));
    let changed = new.rows.iter().filter(|row| !is_same(row));
    let ids = |sheet: &Sheet| sheet.rows.iter().map(|row| row.id).collect::<Vec<_>>();
    let order = ids(new);
    Differences {
        id: new.id,
        version: new.version,
        modified_at: new.modified_at.as_millisecond(),
        rows: changed.map(|row| (row.id, KeptRow::of(row, new))).collect(),
        order: (order != ids(old)).then_some(order),
    }
}

impl KeptSheet {
    /// Puts what was kept into the sheet as it starts. Rows of people whom this version does not know are left out.
    pub(super) fn restore(self, sheet: &mut Sheet) {
        let mut rows: HashMap<i64, Arc<Row>> = HashMap::new();
        let mut order: Vec<i64> = self.order.unwrap_or_default();
        for row in std::mem::take(&mut sheet.rows) {
            if !order.contains(&row.id) {
                order.push(row.id);
            }
            rows.insert(row.id, row);
        }
        for (id, kept) in self.rows {
            if let Some(row) = kept.restore(id, sheet) {
                rows.insert(id, Arc::new(row));
            }
        }
        sheet.rows = order.iter().filter_map(|id| rows.remove(id)).collect();
        sheet.version = self.version;
        sheet.modified_at = moment(self.modified_at).unwrap_or(sheet.modified_at);
    }
}

impl KeptRow {
    fn of(row: &Row, sheet: &Sheet) -> Self {
        let cells = row.cells.iter().zip(&*sheet.columns);
        let cells = cells.filter(|(cell, _)| cell.value.is_some());
        Self {
            parent: row.parent_id,
            cells: cells
                .map(|(cell, column)| KeptCell {
                    column: column.id,
                    value: cell.value.clone(),
                    url: cell.url.clone(),
                })
                .collect(),
            created: KeptStamp::of(row.created),
            modified: KeptStamp::of(row.modified),
            expanded: row.expanded,
            locked: row.locked,
            past: row
                .past
                .iter()
                .map(|(column, past)| (*column, past.iter().map(KeptPast::of).collect()))
                .collect(),
        }
    }

    fn restore(self, id: i64, sheet: &Sheet) -> Option<Row> {
        let mut row = Row::new(id, &sheet.columns, self.created.restore()?);
        row.modified = self.modified.restore()?;
        row.parent_id = self.parent;
        row.expanded = self.expanded;
        row.locked = self.locked;
        for KeptCell { column, value, url } in self.cells {
            if let Some(place) = sheet.column(column) {
                row.cells[place] = Cell { value, url };
            }
        }
        let past = self.past.into_iter();
        row.past = past
            .map(|(column, past)| {
                (
                    column,
                    past.into_iter().filter_map(KeptPast::restore).collect(),
                )
            })
            .collect::<BTreeMap<_, Vec<Past>>>();
        row.fill(&sheet.columns);
        Some(row)
    }
}

impl KeptPast {
    fn of(past: &Past) -> Self {
        Self {
            value: past.cell.value.clone(),
            stamp: KeptStamp::of(past.stamp),
        }
    }

    fn restore(self) -> Option<Past> {
        let stamp = self.stamp.restore()?;
        let cell = Cell {
            value: self.value,
            url: None,
        };
        Some(Past { cell, stamp })
    }
}

impl KeptStamp {
    fn of(stamp: Stamp) -> Self {
        Self {
            at: stamp.at.as_millisecond(),
            by: stamp.by.slug.to_owned(),
        }
    }

    fn restore(&self) -> Option<Stamp> {
        Some(Stamp {
            at: moment(self.at)?,
            by: users::find(&self.by)?,
        })
    }
}

fn moment(millis: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(millis).ok()
}
