//! Robots can't fill the store, and clearing up after them blocks nobody.

use std::time::{Duration, Instant};

use smartsheet_oauth_demo::session::{Row, RowKey};

use crate::support::{Browser, Cluster, Kind, Provider, SOON, on_both_stores, open_rows, until};

on_both_stores! {
    sessions_without_a_login_are_bounded,
    expired_sessions_go_while_pages_are_served,
    what_goes_is_what_expires_first,
    what_is_live_is_counted,
    one_browser_can_not_grow_its_session,
}

/// What the app promises.
const MAX_TRANSIENT: i64 = 50_000;

/// Adds rows that nobody ever asks for.
async fn add_rows(cluster: &Cluster, kind: Kind, rows: u32, expires_in: Duration, expired: bool) {
    let now = jiff::Timestamp::now().as_millisecond();
    let span = i64::try_from(expires_in.as_millis()).unwrap();
    let expires_at = if expired { now - span } else { now + span };
    let sql = match kind {
        Kind::Sqlite => format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             INSERT INTO sessions SELECT randomblob(32), 1, randomblob(200), {expires_at} + i, 1 FROM n"
        ),
        Kind::Postgres => format!(
            "INSERT INTO sessions SELECT sha256((i || '-' || {expires_at})::bytea), 1,
             decode(repeat(md5(i::text), 12), 'hex'), {expires_at} + i, TRUE FROM generate_series(1, {rows}) AS i"
        ),
    };
    let table = cluster.table().await;
    assert_eq!(table.run(&sql, &[]).await, u64::from(rows));
    table.close().await;
}

async fn sessions_without_a_login_are_bounded(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let one = cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    add_rows(&cluster, kind, 60_000, Duration::from_mins(5), false).await;

    // An instance clears up when it starts, and every few seconds after.
    let two = cluster.start().await;
    let table = cluster.table().await;
    until("there are no more than 50,000", async || {
        assert_eq!(browser.me(two.address).await.status, 200);
        table.count("transient").await <= MAX_TRANSIENT
    })
    .await;
    assert_eq!(
        table.count("transient").await,
        MAX_TRANSIENT,
        "no more than needed go"
    );
    assert_eq!(browser.me(one.address).await.status, 200);
    table.close().await;
}

async fn expired_sessions_go_while_pages_are_served(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let one = cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    add_rows(&cluster, kind, 40_000, Duration::from_hours(1), true).await;

    let two = cluster.start().await;
    let table = cluster.table().await;
    let mut slowest = Duration::ZERO;
    let sweeping = Instant::now();
    while table.count("transient").await > 0 {
        assert!(sweeping.elapsed() < SOON, "expired sessions stay");
        let started = Instant::now();
        // A write, which has to wait its turn among the batches.
        assert_eq!(browser.get(two.address, "/login").await.status, 303);
        slowest = slowest.max(started.elapsed());
    }
    println!("{kind:?}: the slowest page took {slowest:?} meanwhile");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    assert_eq!(browser.me(one.address).await.status, 200);
    table.close().await;
}

/// Through the library: the order, the limit, and that nobody who is signed in is touched.
async fn what_goes_is_what_expires_first(kind: Kind) {
    let cluster = Cluster::new(kind).await;
    let rows = open_rows(&cluster.store).await;
    let row = |number: u8, transient| Row {
        key: RowKey([number; 32]),
        version: 1,
        sealed: vec![number],
        expires_at: 1_000 + i64::from(number),
        transient,
    };
    for number in 0..10 {
        assert!(rows.insert(&row(number, number != 0)).await.unwrap());
    }
    assert_eq!(
        rows.trim_transient(4, 3).await.unwrap(),
        3,
        "a batch is no larger than it may be"
    );
    assert_eq!(rows.trim_transient(4, 3).await.unwrap(), 2);
    assert_eq!(rows.trim_transient(4, 3).await.unwrap(), 0);
    for number in 0..10 {
        let found = rows.find(&RowKey([number; 32]), 0).await.unwrap().is_some();
        assert_eq!(found, number == 0 || number >= 6, "row {number}");
    }
    assert_eq!(
        rows.delete_expired(1_008, 2).await.unwrap(),
        2,
        "the batch is full"
    );
    assert_eq!(rows.delete_expired(1_008, 2).await.unwrap(), 2);
    assert!(rows.find(&RowKey([9; 32]), 0).await.unwrap().is_some());
    rows.close().await;
}

/// Through the library: both kinds, without those that expired, and as the first instance's rows are another's.
async fn what_is_live_is_counted(kind: Kind) {
    let cluster = Cluster::new(kind).await;
    let rows = open_rows(&cluster.store).await;
    for number in 0..10 {
        let row = Row {
            key: RowKey([number; 32]),
            version: 1,
            sealed: vec![number],
            expires_at: 1_000 + i64::from(number),
            transient: number % 3 == 0,
        };
        assert!(rows.insert(&row).await.unwrap());
    }
    let other = open_rows(&cluster.store).await;
    for (now, signed_in, transient) in [(999, 6, 4), (1_000, 6, 3), (1_004, 3, 2), (1_009, 0, 0)] {
        for rows in [&rows, &other] {
            let counts = rows.count(now).await.unwrap();
            let counts = (counts.signed_in, counts.transient);
            assert_eq!(counts, (signed_in, transient), "at {now}");
        }
    }
    other.close().await;
    assert!(other.count(0).await.is_err(), "it is closed");
    rows.close().await;
}

async fn one_browser_can_not_grow_its_session(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let one = cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    let path = format!("/login?return_to=/{}", "x".repeat(1_000));
    let too_long = format!("/login?return_to=/{}", "x".repeat(20_000));
    for _ in 0..40 {
        assert_eq!(browser.get(one.address, &path).await.status, 303);
        assert_eq!(browser.get(one.address, &too_long).await.status, 303);
    }
    let table = cluster.table().await;
    let bytes = table.sealed(&browser).await.len();
    assert!(bytes < 16 * 1024, "{bytes}");
    assert_eq!(browser.me(one.address).await.status, 200);
    table.close().await;
}
