//! The log of messages fails: nothing else does.

use std::fs;

use crate::flow_kept::{file, open, rows, signed_in, world};
use crate::support::said::{brief, said, says_nothing};
use crate::support::{SECOND, Setup, World, until};

fn execute(setup: &Setup, sql: &str) {
    open(setup).execute_batch(sql).unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database_is_a_clear_error_at_the_start() {
    let world = world().await;
    let World { setup, app, .. } = world;
    app.stop().await;
    fs::write(file(&setup), "garbage ".repeat(1000)).unwrap();
    let error = setup.try_start().await.err().unwrap().to_string();
    for part in [
        "session.store",
        "log of messages",
        "not a database",
        "flow.db",
    ] {
        assert!(error.contains(part), "no {part} in {error}");
    }
    assert_eq!(error.lines().count(), 1);
    fs::remove_file(file(&setup)).unwrap();
    setup.start().await.stop().await;
}

/// The whole life of a session, with whatever happened to the log.
async fn everything_else_works(world: &World) {
    let browser = world.signed_in("full").await;
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    world.sandbox.expire("access_tokens").await;
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    browser.get("/").await.shows(200, &["Grace Hopper"]);
    browser.sign_out().await.redirects_to("/signed-out");
    browser.get("/me").await.is_signed_out();
}

#[tokio::test]
async fn a_log_that_fails_fails_nothing_else() {
    let world = world().await;
    let browser = signed_in(&world).await;
    execute(&world.setup, "ALTER TABLE messages RENAME TO elsewhere");
    everything_else_works(&world).await;
    let page = browser.get("/flow").await;
    page.is_error(
        503,
        &[
            "The messages can’t be read right now",
            "Sign-ins are not affected",
        ],
    );
    let problem = browser
        .json("/flow")
        .await
        .is_problem(503, "flow-unavailable");
    assert!(!problem.to_string().contains("messages:"), "{problem}");
    // Without a session there is nothing to read.
    says_nothing(&world.browser()).await;
    execute(&world.setup, "ALTER TABLE elsewhere RENAME TO messages");
    assert_eq!(said(&browser).await.len(), 6);
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    // The tokens of everybody had expired.
    assert_eq!(said(&browser).await.len(), 10);
}

#[tokio::test]
async fn a_log_that_can_not_be_written_fails_nothing_else() {
    let world = world().await;
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON messages BEGIN SELECT RAISE(ABORT, 'read-only'); END";
    execute(&world.setup, refuse);
    everything_else_works(&world).await;
    let browser = world.signed_in("full").await;
    says_nothing(&browser).await;
    execute(&world.setup, "DROP TRIGGER refuse");
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    assert_eq!(
        brief(&said(&browser).await),
        ["profile 200", "current_user 200"]
    );
}

#[tokio::test]
async fn a_log_that_is_deleted_fails_nothing_else() {
    let world = world().await;
    signed_in(&world).await;
    for name in ["flow.db", "flow.db-wal", "flow.db-shm"] {
        fs::remove_file(world.setup.data().join(name)).unwrap();
    }
    everything_else_works(&world).await;
}

/// Somebody else holds the file's lock, for longer than anybody waits.
#[tokio::test]
async fn a_log_that_hangs_holds_up_nothing_for_long() {
    let world = world().await;
    let browser = signed_in(&world).await;
    let before = rows(&world.setup);
    let lock = open(&world.setup);
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let started = std::time::Instant::now();
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    let took = started.elapsed();
    assert!(took < 4 * SECOND, "{took:?}");
    lock.execute_batch("ROLLBACK").unwrap();
    until("the messages in the file", async || {
        (rows(&world.setup) > before).then_some(())
    })
    .await;
    assert_eq!(said(&browser).await.len(), 8);
}
