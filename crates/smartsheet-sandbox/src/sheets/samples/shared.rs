//! A sheet that several people work on, with different access levels and a history.

use serde_json::json;

use super::maker::Maker;
use crate::sheets::data::ColumnType;

const STATUS: &[&str] = &["Not started", "In progress", "Complete", "On hold"];

/// Rows in a hierarchy, made by the owner (person 0) and changed by an editor (person 1).
pub(super) fn team_board(maker: &mut Maker) {
    let (owner, editor) = (maker.owner().email, maker.person(1).email);
    maker.column("Task", ColumnType::TextNumber);
    maker.column("Assigned to", ColumnType::ContactList);
    maker.column("Due", ColumnType::Date);
    maker.column("Status", ColumnType::Picklist).options = STATUS;
    maker.column("Hours", ColumnType::TextNumber);
    maker.column("Done", ColumnType::Checkbox);

    let website = maker.row([json!("Website")]).id;
    maker
        .row([
            json!("Draw the pages"),
            json!(owner),
            json!("2026-02-06"),
            json!("Not started"),
            json!(12),
            json!(false),
        ])
        .parent_id = Some(website);
    maker.then(1, 24, 3, json!("In progress"));
    maker.then(0, 48, 4, json!(16.5));
    maker.then(1, 72, 3, json!("Complete"));
    maker.then(1, 72, 5, json!(true));
    let texts = maker.row([
        json!("Write the texts"),
        json!(editor),
        json!("2026-02-13"),
        json!("In progress"),
        json!(8),
    ]);
    texts.parent_id = Some(website);
    let texts = texts.id;
    maker
        .row([json!("Translate them"), json!(""), json!("2026-02-20")])
        .parent_id = Some(texts);
    maker.then(1, 96, 1, json!(owner));

    let launch = maker.row([json!("Launch")]).id;
    let contract = maker.row([
        json!("Sign the contract"),
        json!(owner),
        json!("2026-03-02"),
        json!("On hold"),
    ]);
    contract.parent_id = Some(launch);
    contract.locked = true;
    maker
        .row([
            json!("Invite everybody"),
            json!(editor),
            json!("2026-03-09"),
        ])
        .parent_id = Some(launch);
    maker.row([json!("Look back")]);
}
