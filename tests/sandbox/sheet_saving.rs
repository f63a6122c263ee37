//! Saving: one change at a time, slowly if need be, within bounds.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::World;
use crate::support::desk::Desk;

const BOARD: &str = "Team board";
const PLAN: &str = "Project plan";

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
