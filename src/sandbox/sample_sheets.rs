//! What is in the sheets when the sandbox starts.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    sheet_data::{Cell, Column, ColumnType, Row, Sheet},
    users::{self, User},
};

/// When the sheets were made.
const ORIGIN: &str = "2026-01-05T09:00:00Z";

/// The sheets of a user who has changed nothing yet.
pub(super) fn of(user: &'static User) -> Vec<Sheet> {
    vec![project_plan(user), travel_budget(user)]
}

fn project_plan(user: &'static User) -> Sheet {
    let columns = [
        ("Task", ColumnType::TextNumber, &[][..]),
        ("Assigned to", ColumnType::ContactList, &[]),
        ("Due", ColumnType::Date, &[]),
        (
            "Status",
            ColumnType::Picklist,
            &["Not started", "In progress", "Complete"],
        ),
        ("Done", ColumnType::Checkbox, &[]),
    ];
    let rows = [
        vec![
            json!("Register the app"),
            json!(user.email),
            json!("2026-02-02"),
            json!("Complete"),
            json!(true),
        ],
        vec![
            json!("Sign somebody in"),
            json!(user.email),
            json!("2026-02-09"),
            json!("In progress"),
            json!(false),
        ],
        vec![json!("Refresh the token before it expires")],
    ];
    sheet(user, 4_583_173_393_803_140, "Project plan", &columns, rows)
}

fn travel_budget(user: &'static User) -> Sheet {
    let columns = [
        ("Item", ColumnType::TextNumber, &[][..]),
        ("Amount", ColumnType::TextNumber, &[]),
        ("Paid", ColumnType::Checkbox, &[]),
    ];
    let rows = [
        vec![json!("Train"), json!(128.5), json!(true)],
        vec![json!("Hotel"), json!(420), json!(false)],
    ];
    sheet(user, 7_291_844_620_193_668, "Travel budget", &columns, rows)
}

/// The ids are spaced so that those of every user, column and row differ.
fn sheet(
    user: &'static User,
    id: i64,
    name: &'static str,
    columns: &[(&'static str, ColumnType, &'static [&'static str])],
    rows: impl IntoIterator<Item = Vec<Value>>,
) -> Sheet {
    let owner = users::all()
        .position(|other| other.slug == user.slug)
        .unwrap_or(0);
    let mut ids = (id + 1_000 * i64::try_from(owner).unwrap_or(0)..).step_by(4);
    let mut next = || ids.next().unwrap_or(id);
    let id = next();
    let columns: Arc<[Column]> = columns
        .iter()
        .map(|(title, kind, options)| Column {
            id: next(),
            title,
            kind: *kind,
            options,
        })
        .collect();
    let rows = rows
        .into_iter()
        .map(|values| {
            let mut values = values.into_iter();
            Arc::new(Row {
                id: next(),
                cells: columns
                    .iter()
                    .map(|column| match values.next() {
                        Some(value) => Cell::new(column, value),
                        None => Cell::empty(column),
                    })
                    .collect(),
                created_at: ORIGIN.into(),
                created_by: user,
            })
        })
        .collect();
    Sheet {
        id,
        name,
        version: 1,
        created_at: ORIGIN.into(),
        modified_at: ORIGIN.into(),
        columns,
        rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_things_share_an_id() {
        let mut ids: Vec<_> = users::all()
            .flat_map(of)
            .flat_map(|sheet| {
                let columns: Vec<_> = sheet.columns.iter().map(|column| column.id).collect();
                let rows: Vec<_> = sheet.rows.iter().map(|row| row.id).collect();
                [vec![sheet.id], columns, rows].concat()
            })
            .collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}
