//! Robots can't fill the store, and clearing up after them blocks nobody.

use std::time::{Duration, Instant};

use smartsheet_oauth_demo::session::{self, Change, Row, RowKey};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::support::{
    Browser, Cluster, Kind, PATIENCE, Postgres, Provider, on_both_stores, open_rows, until,
};

on_both_stores! {
    sessions_without_a_login_are_bounded,
    expired_sessions_go_while_pages_are_served,
    what_goes_is_what_expires_first,
    changes_are_made_all_or_none,
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
             INSERT INTO sessions (key, version, sealed, expires_at, transient) SELECT randomblob(32), 1, randomblob(200), {expires_at} + i, 1 FROM n"
        ),
        Kind::Postgres => format!(
            "INSERT INTO sessions (key, version, sealed, expires_at, transient) SELECT sha256((i || '-' || {expires_at})::bytea), 1,
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
    // The state that the browser signed in with is remembered.
    while table.count("transient").await > 1 {
        assert!(sweeping.elapsed() < PATIENCE, "expired sessions stay");
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
    for number in 0..10 {
        let kind = if number == 0 {
            session::Kind::Session
        } else {
            session::Kind::UsedState
        };
        let insert = Change::Insert(row(number, kind));
        assert!(rows.apply(&[insert]).await.unwrap());
    }
    assert_eq!(
        rows.trim_used_states(4, 3).await.unwrap(),
        3,
        "a batch is no larger than it may be"
    );
    assert_eq!(rows.trim_used_states(4, 3).await.unwrap(), 2);
    assert_eq!(rows.trim_used_states(4, 3).await.unwrap(), 0);
    for number in 0..10 {
        let found = rows
            .find(&RowKey([number; 32]), None, 0)
            .await
            .unwrap()
            .is_some();
        assert_eq!(found, number == 0 || number >= 6, "row {number}");
    }
    let expired = async |limit| {
        let expired = rows.expired(1_008, limit).await.unwrap();
        expired.iter().map(|row| row.sealed[0]).collect::<Vec<u8>>()
    };
    // Sessions are ended one by one, the rest goes in batches.
    assert_eq!(expired(10).await, [0]);
    assert_eq!(rows.delete_expired(1_008, 2).await.unwrap(), 2);
    assert_eq!(rows.delete_expired(1_008, 2).await.unwrap(), 1);
    assert_eq!(expired(10).await, [0]);
    rows.close().await;
}

fn row(number: u8, kind: session::Kind) -> Row {
    Row {
        key: RowKey([number; 32]),
        version: 1,
        sealed: vec![number],
        expires_at: 1_000 + i64::from(number),
        kind,
    }
}

/// Through the library: several rows are changed together or not at all.
async fn changes_are_made_all_or_none(kind: Kind) {
    let cluster = Cluster::new(kind).await;
    let rows = open_rows(&cluster.store).await;
    let row = |number| row(number, session::Kind::Session);
    let version = |number, version| Row {
        version,
        ..row(number)
    };
    let delete = |number: u8, version| Change::Delete {
        key: RowKey([number; 32]),
        version,
    };
    let apply = async |changes: &[Change]| rows.apply(changes).await.unwrap();
    let find = async |number: u8| rows.find(&RowKey([number; 32]), None, 0).await.unwrap();
    assert!(apply(&[Change::Insert(row(1)), Change::Insert(row(2))]).await);
    // Each lacks one thing: a free key, the right version, a row.
    assert!(!apply(&[delete(1, 1), Change::Insert(row(2))]).await);
    assert!(!apply(&[delete(1, 2), Change::Insert(row(3))]).await);
    assert!(!apply(&[Change::Update(version(1, 2)), Change::Update(version(2, 3))]).await);
    assert!(!apply(&[Change::Update(version(1, 2)), delete(4, 1)]).await);
    assert_eq!(find(1).await, Some(row(1)));
    assert_eq!(find(3).await, None);
    let changes = [
        delete(1, 1),
        Change::Update(version(2, 2)),
        Change::Insert(row(3)),
    ];
    assert!(apply(&changes).await);
    assert!(!apply(&changes).await);
    assert_eq!(find(1).await, None);
    assert_eq!(find(2).await, Some(version(2, 2)));
    // A row may be there, and not count for another one that is.
    let unless = RowKey([3; 32]);
    let found = rows.find(&RowKey([2; 32]), Some(&unless), 0).await.unwrap();
    assert_eq!(found, None);

    let ended = |number, revoke_at| Row {
        kind: session::Kind::Ended { revoke_at },
        ..row(number)
    };
    for row in [ended(7, Some(20)), ended(8, Some(10)), ended(9, None)] {
        assert!(apply(&[Change::Insert(row)]).await);
    }
    assert_eq!(rows.due(15, 10).await.unwrap(), [ended(8, Some(10))]);
    let due = rows.due(20, 10).await.unwrap();
    assert_eq!(due, [ended(8, Some(10)), ended(7, Some(20))]);
    assert_eq!(rows.due(20, 1).await.unwrap().len(), 1);
    let counts = rows.count(0).await.unwrap();
    assert_eq!((counts.signed_in, counts.revocations), (2, 2));
    rows.close().await;
}

/// Through the library: a light change is made like any other, and its commit waits for no disk; one that is not takes it along.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_light_change_waits_for_no_disk() {
    for parameters in ["", "?pooler=transaction"] {
        // So that the server writes nothing of its own accord.
        let server = Postgres::with_settings(&["wal_writer_delay=10s"]).await;
        let cluster = Cluster::on(server).await;
        let rows = open_rows(&format!("{}{parameters}", cluster.store)).await;
        let row = |number| row(number, session::Kind::Session);
        let next = |number| Row {
            version: 2,
            ..row(number)
        };
        let mut database = PgConnection::connect(&cluster.store).await.unwrap();
        let mut ask = async |question: String| {
            let answer = sqlx::query_scalar(AssertSqlSafe(question));
            answer.fetch_one(&mut database).await.unwrap()
        };
        let mut is_on_disk = async |change: Change, is_light: bool| {
            let before: String = ask("SELECT pg_current_wal_insert_lsn()::text".to_owned()).await;
            let made = if is_light {
                rows.apply_light(change).await
            } else {
                rows.apply(&[change]).await
            };
            assert!(made.unwrap());
            let after = ask(format!(
                "SELECT (pg_current_wal_flush_lsn() > '{before}'::pg_lsn)::text"
            ));
            after.await == "true"
        };
        assert!(
            is_on_disk(Change::Insert(row(0)), false).await,
            "{parameters}"
        );
        for change in [Change::Insert(row(1)), Change::Update(next(0))] {
            let text = format!("{parameters}: {change:?}");
            assert!(!is_on_disk(change.clone(), true).await, "{text}");
            assert!(!rows.apply_light(change).await.unwrap(), "{text}");
        }
        assert!(
            is_on_disk(Change::Insert(row(2)), false).await,
            "{parameters}"
        );
        let found = async |number: u8| rows.find(&RowKey([number; 32]), None, 0).await.unwrap();
        assert_eq!(found(0).await, Some(next(0)));
        assert_eq!(found(1).await, Some(row(1)));
        rows.close().await;
    }
}

/// Through the library: both kinds, without those that expired, and as the first instance's rows are another's.
async fn what_is_live_is_counted(kind: Kind) {
    let cluster = Cluster::new(kind).await;
    let rows = open_rows(&cluster.store).await;
    for number in 0..10 {
        let kind = if number % 3 == 0 {
            session::Kind::UsedState
        } else {
            session::Kind::Session
        };
        let insert = Change::Insert(row(number, kind));
        assert!(rows.apply(&[insert]).await.unwrap());
    }
    let other = open_rows(&cluster.store).await;
    for (now, signed_in, transient) in [(999, 6, 4), (1_000, 6, 3), (1_004, 3, 2), (1_009, 0, 0)] {
        for rows in [&rows, &other] {
            let counts = rows.count(now).await.unwrap();
            let counts = (counts.signed_in, counts.used_states);
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
