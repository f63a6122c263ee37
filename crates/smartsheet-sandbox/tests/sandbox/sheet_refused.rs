//! Changes that are refused: mistakes, access levels, scopes, locks.

use serde_json::json;

use crate::support::World;
use crate::support::desk::{BOTH, Desk};

const BOARD: &str = "Team board";
const PLAN: &str = "Project plan";

#[tokio::test]
async fn every_wrong_change_has_its_code() {
    let world = World::new().await;
    let desk = Desk::of(&world, "full", PLAN).await;
    let row = || desk.row("Register the app");
    let task = || desk.cell("Task", "x");
    for (body, code) in [
        (json!({"cells": [task()]}), 1012),
        (json!({"id": 1, "cells": [task()]}), 1036),
        (
            json!({"id": row(), "cells": [{"columnId": 1, "value": "x"}]}),
            1036,
        ),
        (json!({"id": row(), "cells": [task(), task()]}), 1037),
        (
            json!({"id": row(), "cells": [desk.cell("Done", "yes")]}),
            1042,
        ),
        (
            json!({"id": row(), "cells": [desk.cell("Task", json!([1]))]}),
            1038,
        ),
        (json!({"id": row(), "toTop": true, "toBottom": true}), 1062),
        (json!({"id": row(), "siblingId": 1}), 1064),
        (json!({"id": row(), "parentId": 1}), 1063),
        (
            json!({"id": row(), "modifiedBy": {"email": "me@example.com"}}),
            1032,
        ),
        (json!({"id": "x"}), 1008),
        (
            json!([{"id": row(), "toTop": true}, {"id": row(), "toBottom": true}]),
            1123,
        ),
    ] {
        desk.write("PUT", &body).await.refused(400, code);
    }
    desk.write("PUT", &json!([])).await.refused(400, 1012);
    assert_eq!(
        desk.read("").await.json(),
        desk.sheet,
        "nothing was changed"
    );
}

#[tokio::test]
async fn access_levels_and_scopes_are_enforced() {
    let world = World::new().await;
    let levels = [
        ("minimal", Some("OWNER"), true),
        ("full", Some("EDITOR"), true),
        ("rtl", Some("COMMENTER"), false),
        ("unicode", Some("VIEWER"), false),
        ("long", None, false),
    ];
    let owner = Desk::of(&world, "minimal", BOARD).await;
    for (user, level, may_write) in levels {
        let token = world.sign_in(user, BOTH).await.access;
        let desk = Desk {
            token,
            ..owner.clone()
        };
        let new = desk.write("POST", &json!({"toBottom": true})).await;
        let changed = desk
            .write("PUT", &desk.change("Look back", "Hours", user.len()))
            .await;
        let read = desk.read("").await;
        match level {
            Some(level) => assert_eq!(read.json()["accessLevel"], level),
            None => drop(read.refused(404, 1006)),
        }
        for answer in [new, changed] {
            match (level, may_write) {
                (None, _) => drop(answer.refused(404, 1006)),
                (_, false) => drop(answer.refused(403, 1004)),
                (_, true) => assert_eq!(answer.status, 200, "{user}: {answer:?}"),
            }
        }
    }
    let reader = world.sign_in("full", "READ_SHEETS").await.access;
    let reader = Desk {
        token: reader,
        ..owner.clone()
    };
    let change = reader.change("Look back", "Hours", 1);
    reader.write("PUT", &change).await.refused(403, 1004);
    let writer = world.sign_in("full", "WRITE_SHEETS").await.access;
    let writer = Desk {
        token: writer,
        ..owner.clone()
    };
    let row = owner.row("Look back");
    let history = format!("/rows/{row}/columns/{}/history", owner.column("Task")["id"]);
    for path in ["/version", &format!("/rows/{row}"), &history] {
        writer.read(path).await.refused(403, 1004);
        assert_eq!(reader.read(path).await.status, 200);
    }
    assert_eq!(writer.write("PUT", &change).await.status, 200);
}

#[tokio::test]
async fn what_is_locked_is_for_administrators() {
    let world = World::new().await;
    let editor = Desk::of(&world, "full", BOARD).await;
    let contract = editor.change("Sign the contract", "Hours", 1);
    editor.write("PUT", &contract).await.refused(403, 1004);
    let unlock = json!({"id": editor.row("Sign the contract"), "locked": false});
    editor.write("PUT", &unlock).await.refused(403, 1004);
    let owner = Desk::of(&world, "minimal", BOARD).await;
    let answer = owner.write("PUT", &unlock).await.json();
    assert_eq!(answer["result"].get("locked"), None);
    assert_eq!(editor.write("PUT", &contract).await.status, 200);

    let kinds = "Columns of every type";
    let editor = Desk::of(&world, "unicode", kinds).await;
    let code = editor.change("Nothing but a name", "Budget code", "B-1");
    editor.write("PUT", &code).await.refused(403, 1004);
    assert_eq!(editor.column("Budget code")["lockedForUser"], true);
    let admin = Desk::of(&world, "full", kinds).await;
    assert_eq!(admin.column("Budget code").get("lockedForUser"), None);
    assert_eq!(admin.write("PUT", &code).await.status, 200);
}
