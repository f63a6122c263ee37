//! A change that somebody else makes just when a sheet is read, for those who try what happens then.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    data::{Cell, ColumnType, Fill, Sheet, Stamp},
    narrow::Narrow,
    store::Save,
    view::rows,
};
use crate::{api_error::ApiError, grants::Digest, shared::Shared, users::User};

/// That it was ordered.
#[derive(Clone, Copy)]
pub(crate) struct ChangedMeanwhile;

/// Lets somebody else than `user` who sees the sheet write into the first column of text of the rows that were asked for.
///
/// # Errors
///
/// Those of saving.
pub(super) async fn change(
    sandbox: &Shared,
    user: &'static User,
    sheet: &Sheet,
    narrow: &Narrow,
) -> Result<Arc<Sheet>, ApiError> {
    let others = sheet.people.iter().map(|(person, _)| *person);
    let mut others = others.filter(|person| person.slug != user.slug);
    let stamp = Stamp {
        at: sandbox.time(),
        by: others.next().unwrap_or(user),
    };
    let ids: Vec<i64> = rows(sheet)
        .filter(|row| narrow.has_row(row))
        .map(|placed| placed.row.id)
        .collect();
    let make = |sheet: &mut Sheet| {
        let is_text = |column: &super::data::Column| {
            column.kind == ColumnType::TextNumber
                && matches!(column.fill, Fill::People)
                && !column.locked
        };
        let place = sheet.columns.iter().position(is_text);
        for (id, place) in ids.iter().zip(place.into_iter().cycle()) {
            let Some(at) = sheet.position(*id) else {
                continue;
            };
            let row = Arc::make_mut(&mut sheet.rows[at]);
            let before = row.cells[place].value.as_ref().and_then(Value::as_str);
            let text = format!(
                "{} (as {} sees it)",
                before.unwrap_or("Something"),
                stamp.by.name
            );
            let column = &sheet.columns[place];
            row.set(place, column, Cell::new(text.into()), stamp);
            row.fill(&sheet.columns);
        }
        sheet.changed(stamp.at);
        Ok(())
    };
    let order = Save {
        token: Digest::of(stamp.by.slug),
        sheet: sheet.id,
        takes: Duration::ZERO,
    };
    let (sheet, ()) = sandbox.sheets.save(order, make).await?;
    Ok(sheet)
}
