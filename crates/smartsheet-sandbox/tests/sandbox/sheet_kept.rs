//! What was written to sheets outlives the process, where grants do.

use std::path::Path;

use serde_json::json;

use crate::support::World;
use crate::support::desk::{BOTH, Desk, names};

const BOARD: &str = "Team board";

async fn at(path: &Path) -> World {
    World::on_file(path.to_owned()).await
}

#[tokio::test]
async fn changes_rows_order_and_history_survive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grants.db");
    let world = at(&path).await;
    let token = world.sign_in("full", BOTH).await.access;
    let desk = Desk::with(&world, token.clone(), BOARD).await;
    let new = json!({"parentId": desk.row("Launch"), "cells": [desk.cell("Task", "Bake a cake"), desk.cell("Hours", 2.5)]});
    let written = [
        desk.write("PUT", &desk.change("Look back", "Status", "On hold"))
            .await,
        desk.write("PUT", &desk.change("Look back", "Status", "Complete"))
            .await,
        desk.write("POST", &new).await,
        desk.write("PUT", &json!({"id": desk.row("Website"), "toBottom": true}))
            .await,
    ];
    assert!(
        written.iter().all(|answer| answer.status == 200),
        "{written:?}"
    );
    let before = desk.read("?include=writerInfo").await.json();
    let past = desk.history("Look back", "Status").await;
    let list = world
        .with_token("GET", "/2.0/sheets?include=sheetVersion", &token)
        .await
        .body;
    let kinds = Desk::with(&world, token.clone(), "Columns of every type").await;
    kinds
        .write("PUT", &kinds.change("Nothing but a name", "Count", 3))
        .await;
    kinds
        .write("PUT", &kinds.change("Nothing but a name", "Price", 3))
        .await;
    let computed = kinds.read("").await.json();
    drop(world);

    let world = at(&path).await;
    let desk = Desk::with(&world, token.clone(), BOARD).await;
    assert_eq!(desk.read("?include=writerInfo").await.json(), before);
    assert_eq!(desk.history("Look back", "Status").await, past);
    assert_eq!(past["totalCount"], 2);
    let kinds = Desk::with(&world, token.clone(), "Columns of every type").await;
    assert_eq!(kinds.sheet, computed);
    assert!(list.contains("\"version\":"));
    // And on it goes, from where it was.
    let answer = desk
        .write("PUT", &desk.change("Look back", "Status", "On hold"))
        .await
        .json();
    assert_eq!(answer["version"], before["version"].as_u64().unwrap() + 1);
    drop(world);
    let world = at(&path).await;
    let desk = Desk::with(&world, token, BOARD).await;
    assert_eq!(desk.history("Look back", "Status").await["totalCount"], 3);
    assert_eq!(names(&desk.sheet), names(&before));
}

#[tokio::test]
async fn in_memory_they_start_anew() {
    let world = World::new().await;
    let desk = Desk::of(&world, "full", BOARD).await;
    desk.write("PUT", &desk.change("Look back", "Status", "On hold"))
        .await;
    let world = World::new().await;
    assert_eq!(Desk::of(&world, "full", BOARD).await.sheet, desk.sheet);
}

/// A change that can't be kept is not made, and is refused as a mistake of the server.
#[tokio::test]
async fn what_the_file_does_not_take_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grants.db");
    let world = at(&path).await;
    let desk = Desk::of(&world, "full", BOARD).await;
    drop(desk);
    drop(world);
    let file = rusqlite::Connection::open(&path).unwrap();
    let trigger = "CREATE TRIGGER full BEFORE INSERT ON sandbox_rows BEGIN SELECT raise(ABORT, 'no room'); END";
    file.execute(trigger, []).unwrap();
    drop(file);
    let world = at(&path).await;
    let desk = Desk::of(&world, "full", BOARD).await;
    for _ in 0..2 {
        let answer = desk
            .write("PUT", &desk.change("Look back", "Status", "On hold"))
            .await;
        answer.refused(500, 4000);
        assert_eq!(desk.read("").await.json(), desk.sheet);
    }
}

/// What another version wrote, or somebody with an editor, is left out; the rest is there.
#[tokio::test]
async fn rows_that_can_not_be_read_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grants.db");
    let world = at(&path).await;
    let desk = Desk::of(&world, "full", BOARD).await;
    desk.write("PUT", &desk.change("Look back", "Status", "On hold"))
        .await;
    desk.write("PUT", &desk.change("Website", "Status", "On hold"))
        .await;
    let (broken, unknown) = (desk.row("Look back"), desk.row("Website"));
    let sheet = desk.sheet.clone();
    drop(world);
    let file = rusqlite::Connection::open(&path).unwrap();
    let update = "UPDATE sandbox_rows SET content = ?1 WHERE id = ?2";
    file.execute(update, ("{}", broken)).unwrap();
    let update =
        "UPDATE sandbox_rows SET content = replace(content, '\"full\"', '\"gone\"') WHERE id = ?1";
    assert_eq!(file.execute(update, [unknown]).unwrap(), 1);
    drop(file);
    let world = at(&path).await;
    let desk = Desk::of(&world, "full", BOARD).await;
    assert_eq!(desk.sheet["rows"], sheet["rows"]);
    assert_eq!(
        desk.sheet["version"],
        sheet["version"].as_u64().unwrap() + 2
    );
}
