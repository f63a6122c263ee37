//! The sheets as they start: two of everybody's own, and some that several people share.

mod kinds;
mod large;
mod maker;
mod shared;

use std::sync::LazyLock;

use serde_json::json;

use self::maker::Maker;
use super::data::{AccessLevel, ColumnType, Sheet};
use crate::users::{self, User};

/// A sheet that is made when somebody asks for it.
pub(super) struct Sample {
    pub(super) id: i64,
    name: &'static str,
    people: Vec<(&'static User, AccessLevel)>,
    /// Makes columns and rows.
    content: fn(&mut Maker),
}

impl Sample {
    pub(super) fn make(&self) -> Sheet {
        let mut maker = Maker::new(self.id, self.name, self.people.clone());
        (self.content)(&mut maker);
        maker.finish()
    }
}

/// The sheets that the user can see: their own, then those of others.
pub(super) fn seen_by(user: &'static User) -> impl Iterator<Item = &'static Sample> {
    let can_see = |sample: &&Sample| {
        sample
            .people
            .iter()
            .any(|(person, _)| person.slug == user.slug)
    };
    ALL.iter().filter(can_see)
}

static ALL: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let own = users::all().zip(0..).flat_map(|(user, number)| {
        // Spaced so that the ids of every user, column and row differ.
        [
            own(
                user,
                number,
                4_583_173_393_803_140,
                "Project plan",
                project_plan,
            ),
            own(
                user,
                number,
                7_291_844_620_193_668,
                "Travel budget",
                travel_budget,
            ),
        ]
    });
    own.chain(others()).collect()
});

fn own(
    user: &'static User,
    number: i64,
    id: i64,
    name: &'static str,
    content: fn(&mut Maker),
) -> Sample {
    Sample {
        id: id + 1_000 * number,
        name,
        people: vec![(user, AccessLevel::Owner)],
        content,
    }
}

/// The sheets with several people; the first of each is its owner.
fn others() -> impl Iterator<Item = Sample> {
    use AccessLevel::{Admin, Commenter, Editor, EditorShare, Owner, Viewer};
    type Kind = (
        i64,
        &'static str,
        fn(&mut Maker),
        &'static [(&'static str, AccessLevel)],
    );
    let kinds: [Kind; 4] = [
        (
            2_331_373_580_117_892,
            "Team board",
            shared::team_board,
            &[
                ("minimal", Owner),
                ("full", Editor),
                ("unicode", Viewer),
                ("rtl", Commenter),
            ],
        ),
        (
            5_508_263_417_997_188,
            "Columns of every type",
            kinds::every_type,
            &[("many", Owner), ("full", Admin), ("unicode", Editor)],
        ),
        (
            8_046_124_903_589_764,
            "5,000 rows",
            large::many_rows,
            &[("many", Owner), ("full", EditorShare), ("minimal", Viewer)],
        ),
        (
            1_205_473_673_316_228,
            "200 columns",
            large::many_columns,
            &[("many", Owner), ("full", Editor)],
        ),
    ];
    kinds.into_iter().map(|(id, name, content, people)| Sample {
        id,
        name,
        people: people
            .iter()
            .filter_map(|(slug, level)| Some((users::find(slug)?, *level)))
            .collect(),
        content,
    })
}

fn project_plan(maker: &mut Maker) {
    let email = maker.owner().email;
    maker.column("Task", ColumnType::TextNumber);
    maker.column("Assigned to", ColumnType::ContactList);
    maker.column("Due", ColumnType::Date);
    maker.column("Status", ColumnType::Picklist).options =
        &["Not started", "In progress", "Complete"];
    maker.column("Done", ColumnType::Checkbox);
    maker.row([
        json!("Register the app"),
        json!(email),
        json!("2026-02-02"),
        json!("Complete"),
        json!(true),
    ]);
    maker.row([
        json!("Sign somebody in"),
        json!(email),
        json!("2026-02-09"),
        json!("In progress"),
        json!(false),
    ]);
    maker.row([json!("Refresh the token before it expires")]);
}

fn travel_budget(maker: &mut Maker) {
    maker.column("Item", ColumnType::TextNumber);
    maker.column("Amount", ColumnType::TextNumber);
    maker.column("Paid", ColumnType::Checkbox);
    maker.row([json!("Train"), json!(128.5), json!(true)]);
    maker.row([json!("Hotel"), json!(420), json!(false)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_things_share_an_id() {
        let mut ids: Vec<_> = ALL
            .iter()
            .flat_map(|sample| {
                let sheet = sample.make();
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

    #[test]
    fn everybody_named_is_there_and_values_fit() {
        for sample in others() {
            let sheet = sample.make();
            assert!(sample.people.len() >= 2 && sample.people[0].1 == AccessLevel::Owner);
            assert!(sheet.text() < sheet.limits.text && sheet.rows.len() < sheet.limits.rows);
            for row in &sheet.rows {
                assert_eq!(row.cells.len(), sheet.columns.len());
                assert!(row.parent_id.is_none_or(|id| sheet.position(id).is_some()));
            }
        }
    }
}
