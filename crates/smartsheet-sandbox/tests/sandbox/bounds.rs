//! However much is sent, the sandbox stays within a fixed amount of memory.

use std::{fs, process::Command};

use crate::support::{World, authorize_path, encode, exchange_params, hash, refresh_params};

/// How many requests the flood sends after everything is full. `SANDBOX_FLOOD=1000000` makes it a million.
const REQUESTS: usize = 30_000;

/// Runs the flood in a process of its own, because the other tests of this one take memory as well.
#[test]
fn a_flood_stays_within_fixed_memory() {
    let this = std::env::current_exe().unwrap();
    let output = Command::new(this)
        .args(["--exact", "bounds::flood", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Fills everything that has a limit, and then checks that as many requests again take no more memory.
#[tokio::test]
#[ignore = "started by a_flood_stays_within_fixed_memory"]
async fn flood() {
    let requests = std::env::var("SANDBOX_FLOOD").map_or(REQUESTS, |count| count.parse().unwrap());
    let world = World::with(|options| options.rate_limit = Some(300)).await;
    // More than the 10,000 codes, 20,000 grants, 10,000 log entries and 20,000 counted tokens that are kept.
    send(&world, 110_000).await;
    let Some(full) = resident() else {
        return;
    };
    send(&world, requests).await;
    let after = resident().unwrap();
    println!("resident: {full} KiB when full, {after} KiB after {requests} more requests");
    assert!(after < full + 8 * 1024, "{full} KiB grew to {after} KiB");
    assert!(after < 160 * 1024, "{after} KiB");
}

/// Sign-ins that are completed and refreshed, others that are given up, calls, and orders for faults.
async fn send(world: &World, requests: usize) {
    let mut token = String::new();
    for number in 0..requests / 5 {
        let state = format!("{number}");
        let allow = authorize_path(&[("sandbox_decision", "allow"), ("state", &state)]);
        world.get(&allow).await;
        let code = world.get(&allow).await.returned()["code"].clone();
        let pair = world.exchange(&code).await.pair();
        if number % 2 == 0 {
            let pair = world.refresh(&pair.refresh).await.pair();
            token = pair.access;
        } else {
            world.me(&pair.access).await;
        }
        match number % 4 {
            0 => drop(
                world
                    .control(
                        "/control/faults",
                        r#"{"path": "/2.0/never", "fault": "slow"}"#,
                    )
                    .await,
            ),
            1 => drop(world.me(&token).await),
            2 => drop(
                world
                    .get(&format!("/2.0/{}", "x".repeat(number % 5_000)))
                    .await,
            ),
            _ => drop(world.token(&exchange_params(&code, "wrong")).await),
        }
    }
}

/// The resident memory of this process in KiB, where the system tells it.
fn resident() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[tokio::test]
async fn the_oldest_code_goes_first_and_no_grant_with_it() {
    let world = World::new().await;
    let kept = world.sign_in("full", "").await;
    let oldest = world.code("full", "").await;
    for _ in 0..10_000 {
        world.code("minimal", "").await;
    }
    world.exchange(&oldest).await.refused(400, 1071);
    assert_eq!(world.me(&kept.access).await.status, 200);
    let params = encode(&refresh_params(&kept.refresh, &hash(&kept.refresh)));
    let answer = world.post("/2.0/token", crate::support::FORM, params).await;
    answer.pair();
}
