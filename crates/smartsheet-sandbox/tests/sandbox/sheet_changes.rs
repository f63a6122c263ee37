//! Changing rows: what changes, whose name it bears, and what is remembered.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::World;
use crate::support::desk::{Desk, names};

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
async fn rows_that_move_together_stay_in_their_order() {
    let world = World::new().await;
    let desk = Desk::of(&world, "full", PLAN).await;
    let (first, second, third) = (
        "Register the app",
        "Sign somebody in",
        "Refresh the token before it expires",
    );
    for (place, value, moved, order) in [
        (
            "toTop",
            json!(true),
            [third, second],
            [third, second, first],
        ),
        (
            "toBottom",
            json!(true),
            [third, first],
            [second, third, first],
        ),
        (
            "siblingId",
            json!(desk.row(second)),
            [first, third],
            [second, first, third],
        ),
    ] {
        let rows = moved.map(|row| json!({"id": desk.row(row), place: value}));
        let answer = desk.write("PUT", &json!(rows)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(names(&desk.read("").await.json()), order, "{place}");
    }
}

/// Ordered, somebody else changes the row that is read, and no other; once.
#[tokio::test]
async fn somebody_else_changes_a_row_by_order() {
    let world = World::new().await;
    let grace = Desk::of(&world, "full", BOARD).await;
    let order = json!({"path": grace.path(""), "fault": "changed_meanwhile", "times": 2});
    let ordered = world.control("/control/faults", &order.to_string()).await;
    assert_eq!(ordered.status, 200);
    // Without a row nothing is changed.
    let sheet = grace.read("").await.json();
    assert_eq!(sheet["version"], grace.sheet["version"]);

    let row = grace.row("Look back");
    let one = format!("?rowIds={row}&include=writerInfo");
    let sheet = grace.read(&one).await.json();
    assert_eq!(
        sheet["version"],
        grace.sheet["version"].as_u64().unwrap() + 1
    );
    let changed = &sheet["rows"][0];
    assert_eq!(
        changed["cells"][0]["value"],
        "Look back (as sam@example.com sees it)"
    );
    assert_eq!(changed["modifiedBy"]["email"], "sam@example.com");
    assert_eq!(grace.read(&one).await.json(), sheet);
    let others = names(&grace.sheet);
    let now = grace.read("").await.json();
    assert_eq!(names(&now)[..others.len() - 1], others[..others.len() - 1]);
}
