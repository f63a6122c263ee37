//! Where rows go: their order, and the hierarchy in it.

use std::{collections::HashSet, ops::Range, sync::Arc};

use super::data::{Row, Sheet};
use crate::api_error::ApiError;

/// Where a row is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Location {
    Top,
    Bottom,
    Below(i64),
    Above(i64),
    FirstChild(i64),
    LastChild(i64),
}

impl Location {
    /// Where the next of several rows goes, when `before` has just gone here: so they stay in their order.
    pub(super) fn after(self, before: i64) -> Self {
        match self {
            Self::Top | Self::Below(_) | Self::FirstChild(_) => Self::Below(before),
            Self::Bottom | Self::Above(_) | Self::LastChild(_) => self,
        }
    }
}

impl Sheet {
    /// Puts new rows there, one below the other.
    pub(super) fn insert(&mut self, rows: Vec<Row>, location: Location) -> Result<(), ApiError> {
        let (place, parent_id) = self.place(location)?;
        let rows = rows
            .into_iter()
            .map(|row| Arc::new(Row { parent_id, ..row }));
        self.rows.splice(place..place, rows);
        Ok(())
    }

    /// Moves the row with this id, and all below it in the hierarchy. Says whether it was elsewhere before.
    pub(super) fn relocate(&mut self, row: i64, location: Location) -> Result<bool, ApiError> {
        let Some(start) = self.position(row) else {
            return Err(ApiError::row_invalid(row));
        };
        let before: Vec<_> = self.rows.iter().map(|row| row.id).collect();
        let mut moved: Vec<_> = self.rows.drain(self.family(start)).collect();
        // What would have to move below itself is not found there any more.
        let (place, parent_id) = self.place(location)?;
        let is_elsewhere = moved.first().is_some_and(|row| row.parent_id != parent_id);
        if let Some(first) = moved.first_mut().filter(|_| is_elsewhere) {
            Arc::make_mut(first).parent_id = parent_id;
        }
        self.rows.splice(place..place, moved);
        let after = self.rows.iter().map(|row| row.id);
        Ok(is_elsewhere || !after.eq(before))
    }

    /// The index and the parent of what goes there.
    fn place(&self, location: Location) -> Result<(usize, Option<i64>), ApiError> {
        let sibling = |id| {
            self.position(id)
                .ok_or_else(|| ApiError::sibling_invalid(id))
        };
        let parent = |id| {
            self.position(id)
                .ok_or_else(|| ApiError::parent_invalid(id))
        };
        Ok(match location {
            Location::Top => (0, None),
            Location::Bottom => (self.rows.len(), None),
            Location::Above(id) => {
                let place = sibling(id)?;
                (place, self.rows[place].parent_id)
            }
            Location::Below(id) => {
                let place = sibling(id)?;
                (self.family(place).end, self.rows[place].parent_id)
            }
            Location::FirstChild(id) => (parent(id)? + 1, Some(id)),
            Location::LastChild(id) => (self.family(parent(id)?).end, Some(id)),
        })
    }

    /// The row at `start` and all below it in the hierarchy.
    fn family(&self, start: usize) -> Range<usize> {
        let mut rows = self.rows.iter().skip(start);
        let mut ids: HashSet<i64> = rows.next().map(|row| row.id).into_iter().collect();
        let below = rows
            .take_while(|row| {
                row.parent_id.is_some_and(|id| ids.contains(&id)) && ids.insert(row.id)
            })
            .count();
        start..start + 1 + below
    }
}
