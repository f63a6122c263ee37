//! How much of what was said is kept: of a message, of a flow, of all of them, and nothing at all.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::Method;
use rusqlite::Connection;
use smartsheet_oauth_demo::flow::{MESSAGE_BYTES, SIGNED_IN_BYTES, SIGNED_OUT_BYTES};

use crate::flow_kept::{file, open};
use crate::support::said::{brief, flow, overheard, said, says_nothing};
use crate::support::{Browser, DAY, HOUR, MINUTE, SECOND, Setup, World, until};

const MEGABYTE: u64 = 1 << 20;

static TALKS: AtomicU64 = AtomicU64::new(0);

/// A request of about eight kilobytes, all of which a message would show, and like none before.
async fn talk(browser: &Browser, path: &str) -> u16 {
    let long = "x".repeat(395);
    let names = [
        "accept-language",
        "content-type",
        "referer",
        "user-agent",
        "x-request-id",
        "accept",
    ];
    let headers = names.map(|name| (name, long.as_str()));
    let number = TALKS.fetch_add(1, Ordering::Relaxed);
    let path = format!("{path}?n={number}&x={}", "y".repeat(1880));
    browser.send(Method::GET, &path, &headers).await.status
}

/// What the largest flow takes in the database.
fn largest_flow(setup: &Setup) -> u64 {
    let sql =
        "SELECT max(bytes) FROM (SELECT sum(length(sealed)) AS bytes FROM messages GROUP BY flow)";
    let largest: Option<i64> = open(setup).query_row(sql, [], |row| row.get(0)).unwrap();
    largest.unwrap_or(0).unsigned_abs()
}

/// What the record takes on the disk.
fn on_disk(setup: &Setup) -> u64 {
    let sizes = ["flow.db", "flow.db-wal"].map(|name| {
        let found = fs::metadata(setup.data().join(name));
        found.map_or(0, |found| found.len())
    });
    sizes.iter().sum()
}

#[tokio::test]
async fn a_message_is_shortened_and_says_so() {
    let world = overheard(|setup| setup).await.0;
    let browser = world.browser();
    let names: Vec<String> = (0..30)
        .map(|number| format!("x-{number}-{}", "n".repeat(700)))
        .collect();
    let headers: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).collect();
    let path = format!("/login?x={}", "ä".repeat(3000));
    assert_eq!(browser.send(Method::GET, &path, &headers).await.status, 303);
    let messages = said(&browser).await;
    assert_eq!(brief(&messages), ["sign_in 303"]);
    let request = messages[0]["request"].to_string();
    assert!(request.contains("cut"), "{request}");
    assert!(request.len() < 2 * MESSAGE_BYTES, "{}", request.len());
    let sealed = largest_flow(&world.setup);
    assert!(sealed < MESSAGE_BYTES as u64 + 200, "{sealed}");
}

#[tokio::test]
async fn a_flow_has_its_bound_signed_out_and_signed_in() {
    let world = overheard(|setup| setup).await.0;
    let browser = world.browser();
    let authorize = browser.begin("/login").await;
    let callback = browser.consent(&authorize, "deny", "full").await;
    assert_eq!(browser.get(&callback).await.status, 403);
    let mut largest = 0;
    for _ in 0..60 {
        // Nobody is signed in, and what is said goes to the record of the last sign-in.
        assert_eq!(talk(&browser, "/redirect").await, 400);
        world.setup.clock.pass(SECOND);
        largest = largest.max(largest_flow(&world.setup));
    }
    said(&browser).await;
    largest = largest.max(largest_flow(&world.setup));
    assert!(
        (SIGNED_OUT_BYTES / 2..=SIGNED_OUT_BYTES).contains(&largest),
        "{largest}"
    );
    let page = browser.get("/flow").await;
    assert!(page.body.len() < 400_000, "{}", page.body.len());

    let browser = world.signed_in("full").await;
    for _ in 0..140 {
        assert_eq!(talk(&browser, "/me").await, 200);
        world.setup.clock.pass(SECOND);
    }
    let messages = said(&browser).await;
    let largest = largest_flow(&world.setup);
    assert!(
        (SIGNED_IN_BYTES / 2..=SIGNED_IN_BYTES).contains(&largest),
        "{largest}"
    );
    // What is kept is the newest.
    assert_eq!(
        brief(&messages[messages.len() - 2..]),
        ["profile 200", "current_user 200"]
    );
}

/// Robots fill the record: it stays below its bound, who came last is shown, and the disk gets back what was taken.
#[tokio::test]
async fn all_flows_together_have_a_bound_and_the_oldest_make_room() {
    let with = |mut setup: Setup| {
        setup.sweep_every = SECOND / 10;
        setup.set("flow.max_size", "4MB")
    };
    let world = overheard(with).await.0;
    let first = world.signed_in("full").await;
    first.get("/me").await.shows(200, &["Grace Hopper"]);
    assert_eq!(said(&first).await.len(), 6);
    let mut most = 0;
    for _ in 0..150 {
        let robot = world.browser();
        for _ in 0..6 {
            assert_eq!(talk(&robot, "/login").await, 303);
        }
        world.setup.clock.pass(SECOND / 5);
        most = most.max(on_disk(&world.setup));
    }
    assert!((5 * MEGABYTE / 2..=4 * MEGABYTE).contains(&most), "{most}");
    let last = world.signed_in("full").await;
    last.get("/me").await.shows(200, &["Grace Hopper"]);
    assert_eq!(said(&last).await.len(), 6);
    says_nothing(&first).await;
    first.get("/me").await.shows(200, &["Grace Hopper"]);
    assert_eq!(said(&first).await.len(), 2);

    world.setup.clock.pass(HOUR);
    until("the disk to get it back", async || {
        (on_disk(&world.setup) < 2 * MEGABYTE).then_some(())
    })
    .await;
    assert_eq!(said(&first).await.len(), 2);
}

/// An earlier version left more than there may be, in a file that can't shrink as it is.
#[tokio::test]
async fn a_file_of_an_earlier_version_is_cut_down_and_shrinks() {
    let with = |setup: Setup| setup.set("flow.max_size", "4MB");
    let world = overheard(with).await.0;
    let browser = world.signed_in("full").await;
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    let before = said(&browser).await;
    let World { setup, app, .. } = world;
    app.stop().await;
    let earlier = setup.data().join("earlier.db");
    let old = Connection::open(&earlier).unwrap();
    old.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; {}; PRAGMA user_version = 1; ATTACH '{}' AS new;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO main.messages SELECT randomblob(32), i, i, randomblob(2000), {} FROM n;
         INSERT INTO main.messages (flow, at, id, sealed, expires_at)
         SELECT flow, at, id, sealed, expires_at FROM new.messages",
        include_str!("../../migrations/sqlite_flow/0001_messages.sql"),
        file(&setup).display(),
        (setup.clock.now() + jiff::SignedDuration::from_hours(24)).as_millisecond(),
    ))
    .unwrap();
    drop(old);
    for name in ["flow.db-wal", "flow.db-shm"] {
        let _ = fs::remove_file(setup.data().join(name));
    }
    fs::rename(earlier, file(&setup)).unwrap();
    assert!(on_disk(&setup) > 10 * MEGABYTE);

    let app = setup.start().await;
    until("the file to be small", async || {
        (fs::metadata(file(&setup)).unwrap().len() < 4 * MEGABYTE).then_some(())
    })
    .await;
    let again = browser.copy_to(&app);
    assert_eq!(said(&again).await, before, "the newest stay");
}

#[tokio::test]
async fn nothing_is_recorded_where_that_is_off() {
    let off = |setup: Setup| setup.set("flow.record", "off");
    let world = overheard(off).await.0;
    let browser = world.signed_in("full").await;
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    let data = flow(&browser).await;
    assert_eq!(
        (&data["example"], &data["recording"]),
        (&true.into(), &false.into())
    );
    browser
        .get("/flow")
        .await
        .shows(200, &["flow.record", "is off", "users/me"]);
    assert!(
        !browser
            .get("/flow")
            .await
            .body
            .contains("your own takes its")
    );
    assert!(!file(&world.setup).exists());
    browser.sign_out().await.redirects_to("/signed-out");
}

/// What was recorded before is shown no more, and goes with its session or its time.
#[tokio::test]
async fn what_was_recorded_before_it_was_off_goes() {
    let world = overheard(|setup| setup).await.0;
    let stays = world.signed_in("full").await;
    let leaves = world.signed_in("full").await;
    assert_eq!(
        (said(&stays).await.len(), said(&leaves).await.len()),
        (4, 4)
    );
    assert_eq!(flow(&stays).await["recording"], true);
    let World { mut setup, app, .. } = world;
    app.stop().await;
    setup.sweep_every = SECOND / 10;
    let app = setup.clone().set("flow.record", "off").start().await;
    let (stays, leaves) = (stays.copy_to(&app), leaves.copy_to(&app));
    stays.get("/me").await.shows(200, &["Grace Hopper"]);
    says_nothing(&stays).await;
    let flows = || {
        let sql = "SELECT count(DISTINCT flow), count(*) FROM messages";
        open(&setup)
            .query_row(sql, [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })
            .unwrap()
    };
    let (count, rows) = flows();
    assert_eq!(count, 4);
    leaves.sign_out().await.redirects_to("/signed-out");
    assert_eq!(flows().0, 2);
    assert!(flows().1 < rows);
    setup.clock.pass(30 * DAY + MINUTE);
    until("it to be swept", async || (flows() == (0, 0)).then_some(())).await;
}
