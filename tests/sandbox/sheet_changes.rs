//! Changing rows: what changes, whose name it bears, what is remembered, and every way in which it is refused.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::World;
use crate::support::desk::{BOTH, Desk, names};

const BOARD: &str = "Team board";
const PLAN: &str = "Project plan";
const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn a_change_bears_the_name_of_who_made_it() {
    let world = World::new().await;
    let sam = Desk::of(&world, "minimal", BOARD).await;
    let grace = Desk::of(&world, "full", BOARD).await;
    assert_eq!(sam.sheet["id"], grace.sheet["id"]);
    assert_eq!(names(&sam.sheet), names(&grace.sheet));
    world.pass(DAY);
    let answer = grace
        .write("PUT", &grace.change("Look back", "Status", "In progress"))
        .await
        .json();
    assert_eq!(
        (&answer["message"], &answer["resultCode"]),
        (&json!("SUCCESS"), &json!(0))
    );
    assert_eq!(
        answer["version"],
        grace.sheet["version"].as_u64().unwrap() + 1
    );
    assert_eq!(answer["result"]["id"], grace.row("Look back"));
    assert_eq!(answer["result"]["cells"][3]["value"], "In progress");
    assert_eq!(answer["result"]["modifiedAt"], "2026-01-02T00:00:00Z");

    let row = format!("/rows/{}?include=writerInfo", sam.row("Look back"));
    let row = sam.read(&row).await.json();
    assert_eq!(row["createdBy"]["email"], "sam@example.com");
    assert_eq!(row["modifiedBy"]["name"], "Grace Hopper");
    assert_eq!(row["version"], answer["version"]);
    assert_eq!(
        sam.read("/version").await.json(),
        json!({"version": answer["version"]})
    );
    let sheet = sam.read("").await.json();
    assert_eq!(sheet["modifiedAt"], "2026-01-02T00:00:00Z");
    // A cell that was not sent stays as it was.
    assert_eq!(row["cells"][0]["value"], "Look back");
}

#[tokio::test]
async fn the_history_of_a_cell_says_who_wrote_what_when() {
    let world = World::new().await;
    let sam = Desk::of(&world, "minimal", BOARD).await;
    let past = sam.history("Draw the pages", "Status").await;
    let entries = past["data"].as_array().unwrap();
    let told: Vec<_> = entries
        .iter()
        .map(|entry| {
            (
                &entry["value"],
                &entry["modifiedBy"]["email"],
                &entry["modifiedAt"],
            )
        })
        .collect();
    let (sam_email, grace) = (json!("sam@example.com"), json!("grace.hopper@example.com"));
    assert_eq!(
        told,
        [
            (&json!("Complete"), &grace, &json!("2026-01-08T09:00:00Z")),
            (
                &json!("In progress"),
                &grace,
                &json!("2026-01-06T09:00:00Z")
            ),
            (
                &json!("Not started"),
                &sam_email,
                &json!("2026-01-05T09:00:00Z")
            ),
        ]
    );
    assert_eq!(entries[0]["columnId"], sam.column("Status")["id"]);
    assert_eq!(past["totalCount"], 3);

    // Emptied, and filled again.
    for value in ["", "On hold"] {
        let answer = sam
            .write("PUT", &sam.change("Draw the pages", "Status", value))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let past = sam.history("Draw the pages", "Status").await;
    assert_eq!(
        (&past["data"][0]["value"], past["data"][1].get("value")),
        (&json!("On hold"), None)
    );
    assert_eq!(past["data"][0]["modifiedBy"]["email"], "sam@example.com");
    // One that was never changed has its beginning, one that was always empty has nothing.
    let past = sam.history("Draw the pages", "Due").await;
    assert_eq!(
        (&past["totalCount"], &past["data"][0]["value"]),
        (&json!(1), &json!("2026-02-06"))
    );
    assert_eq!(sam.history("Look back", "Due").await["data"], json!([]));
    let column = &sam.column("Status")["id"];
    let path = format!(
        "/rows/{}/columns/{column}/history",
        sam.row("Draw the pages")
    );
    let page = sam.read(&format!("{path}?page=2&pageSize=2")).await.json();
    assert_eq!(
        (&page["totalPages"], &page["data"][1]["value"]),
        (&json!(3), &json!("In progress"))
    );
    for (row, column) in [(1, column.clone()), (sam.row("Look back"), json!(1))] {
        let path = format!("/rows/{row}/columns/{column}/history");
        sam.read(&path).await.refused(404, 1006);
    }
}

#[tokio::test]
async fn the_same_again_is_no_change() {
    let world = World::new().await;
    let desk = Desk::of(&world, "full", BOARD).await;
    world.pass(DAY);
    for row in [
        desk.change("Look back", "Task", "Look back"),
        json!({"id": desk.row("Look back")}),
        json!({"id": desk.row("Look back"), "toBottom": true, "expanded": true, "locked": false}),
    ] {
        let answer = desk.write("PUT", &row).await.json();
        assert_eq!(answer["version"], desk.sheet["version"], "{answer}");
    }
    assert_eq!(desk.read("").await.json(), desk.sheet);
}

#[tokio::test]
async fn several_rows_at_once_and_all_or_none() {
    let world = World::new().await;
    let desk = Desk::of(&world, "full", PLAN).await;
    let (one, two) = ("Register the app", "Sign somebody in");
    let rows = json!([
        desk.change(two, "Done", true),
        desk.change(one, "Task", "Registered")
    ]);
    let answer = desk.write("PUT", &rows).await.json();
    assert_eq!(answer["version"], 2);
    assert_eq!(
        answer["result"][0]["id"],
        desk.row(two),
        "in the order of the request"
    );
    assert_eq!(answer["result"][1]["cells"][0]["value"], "Registered");
    let before = desk.read("").await.json();
    let rows = json!([
        desk.change(two, "Task", "No"),
        desk.change(one, "Due", "soon")
    ]);
    let refused = desk.write("PUT", &rows).await.refused(400, 1042);
    assert_eq!(refused["detail"]["index"], 1);
    assert_eq!(desk.read("").await.json(), before);
}

#[tokio::test]
async fn rows_move_with_all_that_is_below_them() {
    let world = World::new().await;
    let desk = Desk::of(&world, "full", BOARD).await;
    let put = async |row: Value| desk.write("PUT", &row).await;
    let website = desk.row("Website");
    assert_eq!(
        put(json!({"id": website, "toBottom": true})).await.status,
        200
    );
    let sheet = desk.read("").await.json();
    let order = names(&sheet);
    assert_eq!(order[0], "Launch");
    assert_eq!(
        order[4..],
        [
            "Website",
            "Draw the pages",
            "Write the texts",
            "Translate them"
        ]
    );
    let below = json!({"id": desk.row("Look back"), "parentId": desk.row("Write the texts"), "toBottom": true});
    assert_eq!(
        put(below).await.json()["result"]["parentId"],
        desk.row("Write the texts")
    );
    let first = json!({"id": desk.row("Launch"), "parentId": website});
    assert_eq!(put(first).await.status, 200);
    let sheet = desk.read("").await.json();
    let order = names(&sheet);
    assert_eq!(order[..3], ["Website", "Launch", "Sign the contract"]);
    assert_eq!(order[6..], ["Translate them", "Look back"]);
    let rows = sheet["rows"].as_array().unwrap();
    assert_eq!(
        (rows[1]["parentId"].as_i64(), rows[1].get("siblingId")),
        (Some(website), None)
    );
    assert_eq!(
        rows[4]["siblingId"], rows[1]["id"],
        "siblings have the same parent"
    );
    // Nothing goes below itself.
    let version = sheet["version"].clone();
    put(json!({"id": website, "parentId": desk.row("Launch")}))
        .await
        .refused(400, 1063);
    put(json!({"id": website, "siblingId": website}))
        .await
        .refused(400, 1064);
    assert_eq!(desk.read("/version").await.json()["version"], version);
}

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

/// Smartsheet saves one change at a time, and says of the other that nothing was saved.
#[tokio::test]
async fn two_changes_at_once_collide() {
    let world = World::new().await;
    let sam = Desk::of(&world, "minimal", BOARD).await;
    let grace = Desk::of(&world, "full", BOARD).await;
    let plan = Desk::with(&world, grace.token.clone(), PLAN).await;
    let other = Desk::of(&world, "unicode", PLAN).await;
    is_slow(&grace, 60_000).await;
    let change = grace.change("Look back", "Hours", 5);
    let slow = grace.write("PUT", &change);
    let meanwhile = async {
        // The same token, here and elsewhere; the same sheet.
        for (desk, row) in [
            (&grace, "Look back"),
            (&plan, "Register the app"),
            (&sam, "Look back"),
        ] {
            let refused = desk.write("PUT", &desk.change(row, "Task", "Mine")).await;
            refused.refused(503, 4004);
        }
        let answer = other
            .write("PUT", &other.change("Register the app", "Task", "Mine"))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(
            sam.read("").await.json(),
            sam.sheet,
            "nothing was saved yet"
        );
    };
    // The slow one is asked first, and waits; with the rest it is given up.
    tokio::select! {
        biased;
        slow = slow => panic!("{slow:?}"),
        () = meanwhile => {}
    }
    assert_eq!(plan.read("").await.json(), plan.sheet);
    assert_eq!(
        grace.read("").await.json(),
        grace.sheet,
        "who goes away takes it back"
    );
    let answer = sam
        .write("PUT", &sam.change("Look back", "Task", "Mine"))
        .await;
    assert_eq!(answer.status, 200, "and holds up nobody: {answer:?}");
}

#[tokio::test]
async fn what_is_saved_slowly_is_saved() {
    let world = World::new().await;
    let grace = Desk::of(&world, "full", BOARD).await;
    is_slow(&grace, 60).await;
    let start = Instant::now();
    let answer = grace
        .write("PUT", &grace.change("Look back", "Hours", 5))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(start.elapsed() >= Duration::from_millis(60));
    assert_ne!(grace.read("").await.json(), grace.sheet);
}

/// The next change of this desk's sheet takes so long to save.
async fn is_slow(desk: &Desk<'_>, millis: u32) {
    let order = json!({"path": desk.path("/rows"), "fault": "slow", "delay_ms": millis});
    let answer = desk
        .world
        .control("/control/faults", &order.to_string())
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn former_values_are_bounded() {
    let world = World::new().await;
    let desk = Desk::of(&world, "full", PLAN).await;
    for number in 0..60 {
        desk.write(
            "PUT",
            &desk.change("Register the app", "Done", number % 2 == 0),
        )
        .await;
    }
    let past = desk.history("Register the app", "Done").await;
    assert_eq!(past["totalCount"], 50);
    // Text that no longer fits makes room by forgetting, until the sheet is full of what it holds now.
    let long = |number: usize| format!("{number:04}{}", "x".repeat(3_900));
    for number in 0..100 {
        let row = desk.change("Sign somebody in", "Task", long(number));
        assert_eq!(desk.write("PUT", &row).await.status, 200);
    }
    let sheet = desk.read("").await;
    assert!(sheet.body.contains("0099xxx"));
}
