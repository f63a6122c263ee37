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
    // Text that no longer fits makes room by forgetting what was, and not who wrote what is.
    let long = |number: usize| format!("{number:04}{}", "x".repeat(3_900));
    for number in 0..80 {
        let rows = json!([
            desk.change("Sign somebody in", "Task", long(number)),
            desk.change("Register the app", "Task", long(number)),
        ]);
        let answer = desk.write("PUT", &rows).await;
        assert_eq!(answer.status, 200, "{number}: {answer:?}");
    }
    let past = desk.history("Sign somebody in", "Task").await;
    let kept = past["totalCount"].as_u64().unwrap();
    assert!((1..50).contains(&kept), "{kept}");
    assert_eq!(past["data"][0]["value"], long(79));
    assert_eq!(past["data"][0]["modifiedAt"], "2026-01-01T00:00:00Z");
}

#[tokio::test]
async fn a_sheet_is_full_at_some_point() {
    let world = World::new().await;
    let desk = Desk::of(&world, "full", PLAN).await;
    let long = json!({"toBottom": true, "cells": [desk.cell("Task", "x".repeat(4_000))]});
    let thirty: Vec<_> = std::iter::repeat_n(&long, 30).collect();
    for _ in 0..2 {
        let answer = desk.write("POST", &json!(thirty)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let version = desk.read("/version").await.json();
    desk.write("POST", &json!(thirty)).await.refused(400, 5636);
    assert_eq!(desk.read("/version").await.json(), version);
}
