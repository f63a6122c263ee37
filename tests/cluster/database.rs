//! PostgreSQL comes, goes, hangs and comes back; pages that don't need it don't notice.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use sqlx::{Connection as _, PgConnection};

use crate::support::{Browser, Cluster, Instance, Kind, Postgres, Provider, on_both_stores, until};

on_both_stores! {
    instances_that_start_at_once_on_an_empty_database_all_start,
}

async fn instances_that_start_at_once_on_an_empty_database_all_start(kind: Kind) {
    for _ in 0..5 {
        let provider = Provider::start().await;
        let cluster = Cluster::new(kind).await.with_provider(&provider);
        let instances: Vec<Instance> = join_all((0..4).map(|_| cluster.start())).await;
        let browser = Browser::new();
        browser.sign_in(instances[0].address).await;
        for instance in &instances {
            assert_eq!(browser.me(instance.address).await.status, 200);
        }
    }
}

/// What the pages answer while there is no database.
async fn everything_says_what_it_can(browser: &Browser, at: SocketAddr, within: Duration) {
    // What the last second said of the database may still count.
    until("the app is not ready", async || {
        browser.get(at, "/readyz").await.status == 503
    })
    .await;
    let pages = [
        (Method::GET, "/healthz", 200),
        (Method::GET, "/", 200),
        (Method::GET, "/static/nothing.css", 404),
        (Method::GET, "/readyz", 503),
        (Method::GET, "/me", 503),
        (Method::GET, "/login", 503),
        (Method::GET, "/redirect?code=a&state=b", 503),
        (Method::POST, "/refresh", 503),
        (Method::POST, "/logout", 503),
    ];
    let asked = pages.map(async |(method, path, expected)| {
        let started = Instant::now();
        let page = browser.send(method, at, path, "text/html").await.unwrap();
        let took = started.elapsed();
        assert!(took < within, "{path} took {took:?}");
        assert_eq!(page.status, expected, "{path}: {page:?}");
        if expected == 503 && path != "/readyz" {
            assert!(page.header("retry-after").is_some(), "{path}: {page:?}");
        }
    });
    join_all(asked).await;
}

async fn recovers(browser: &Browser, at: SocketAddr) {
    until("the app is ready again", async || {
        // What the last second said of the database may still count, so each is asked until all agree.
        browser.me(at).await.status == 200
            && browser.get(at, "/readyz").await.status == 200
            && browser.get(at, "/login").await.status == 303
    })
    .await;
    assert_eq!(browser.me(at).await.status, 200);
}

struct World {
    provider: Provider,
    server: std::sync::Arc<Postgres>,
    cluster: Cluster,
    instance: Instance,
    browser: Browser,
}

async fn world() -> World {
    let provider = Provider::start().await;
    let server = Postgres::start_new().await;
    let cluster = Cluster::on(std::sync::Arc::clone(&server)).await;
    let cluster = cluster.with_provider(&provider);
    let instance = cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(instance.address).await;
    World {
        provider,
        server,
        cluster,
        instance,
        browser,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_stopped_database_is_said_and_got_over() {
    let World {
        server,
        instance,
        browser,
        ..
    } = &world().await;
    for _ in 0..2 {
        server.stop();
        everything_says_what_it_can(browser, instance.address, Duration::from_secs(8)).await;
        server.start();
        recovers(browser, instance.address).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_database_that_refuses_is_said_and_got_over() {
    let World {
        server,
        instance,
        browser,
        ..
    } = &world().await;
    server.refuse(true).await;
    everything_says_what_it_can(browser, instance.address, Duration::from_secs(8)).await;
    let log = instance.log();
    assert!(log.contains("not currently accepting connections"), "{log}");
    server.refuse(false).await;
    recovers(browser, instance.address).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_database_that_hangs_is_not_waited_for() {
    let World {
        server,
        instance,
        browser,
        ..
    } = &world().await;
    server.freeze();
    everything_says_what_it_can(browser, instance.address, Duration::from_secs(15)).await;
    server.thaw();
    recovers(browser, instance.address).await;
}

/// It freezes while statements are under way, which is another case than before they begin.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_database_that_hangs_in_the_middle_of_statements_is_not_waited_for() {
    let World {
        server,
        instance,
        browser,
        ..
    } = &world().await;
    for _ in 0..2 {
        let frozen = AtomicBool::new(false);
        let at = instance.address;
        let askers = (0..30).map(async |_| {
            while !frozen.load(Ordering::SeqCst) {
                let started = Instant::now();
                let page = browser.get(at, "/login").await;
                let took = started.elapsed();
                assert!(took < Duration::from_secs(15), "/login took {took:?}");
                assert!(page.status == 303 || page.status == 503, "{page:?}");
            }
        });
        let freezer = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            server.freeze();
            frozen.store(true, Ordering::SeqCst);
        };
        let thawer = async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            server.thaw();
        };
        let answered = async {
            tokio::join!(join_all(askers), freezer);
        };
        tokio::join!(answered, thawer);
        recovers(browser, at).await;
    }
}

/// People go on clicking while the database is restarted; nobody is signed out, and nobody sees an error of ours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_restart_in_the_middle_signs_nobody_out() {
    let World {
        provider,
        server,
        cluster,
        instance,
        ..
    } = &world().await;
    let two = cluster.start().await;
    let people: Vec<Browser> = (0..8).map(|_| Browser::new()).collect();
    for browser in &people {
        browser.sign_in(instance.address).await;
    }
    let over = AtomicBool::new(false);
    let clicking = people.iter().enumerate().map(async |(number, browser)| {
        let at = [instance.address, two.address][number % 2];
        let mut failed = 0;
        while !over.load(Ordering::SeqCst) {
            for (method, path) in [(Method::GET, "/me"), (Method::POST, "/refresh")] {
                let page = browser.send(method, at, path, "text/html").await.unwrap();
                match page.status.as_u16() {
                    200 => {}
                    303 => assert_eq!(page.location(), Some("/me"), "{path}: {page:?}"),
                    503 => failed += 1,
                    _ => panic!("{path}: {page:?}"),
                }
            }
        }
        failed
    });
    let restarts = async {
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_millis(700)).await;
            server.stop();
            server.start();
            server.ready().await;
        }
        over.store(true, Ordering::SeqCst);
    };
    let (failed, ()) = tokio::join!(join_all(clicking), restarts);
    println!(
        "pages that said 503: {}; refreshes: {}",
        failed.iter().sum::<i32>(),
        provider.book().refreshes
    );
    for browser in &people {
        recovers(browser, instance.address).await;
        recovers(browser, two.address).await;
    }
}

/// The server is set up to acknowledge before it has written; what the app acknowledges is written all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_database_that_acknowledges_too_early_is_not_believed() {
    let careless = ["synchronous_commit=off", "wal_writer_delay=10s"];
    let server = Postgres::with_settings(&careless).await;
    let provider = Provider::start().await;
    let cluster = Cluster::on(std::sync::Arc::clone(&server)).await;
    let cluster = cluster.with_provider(&provider);
    let instance = cluster.start().await;
    for _ in 0..3 {
        let browser = Browser::new();
        browser.sign_in(instance.address).await;
        server.stop();
        server.start();
        recovers(&browser, instance.address).await;
    }
}

/// How often the app's tables were gone through from one end to the other, once nobody of the app is connected any more:
/// connections say what they did when they end. And how many entries were read of the index that says what expires when.
async fn scans(cluster: &Cluster) -> (i64, i64) {
    let mut database = PgConnection::connect(&cluster.store).await.unwrap();
    let others = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
                  AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
    while !sqlx::query(others)
        .fetch_all(&mut database)
        .await
        .unwrap()
        .is_empty()
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let scans = "SELECT sum(seq_scan)::bigint, (SELECT idx_tup_read::bigint FROM pg_stat_user_indexes \
                 WHERE indexrelname = 'flow_messages_expires_at') FROM pg_stat_user_tables \
                 WHERE relname IN ('sessions', 'flow_messages')";
    sqlx::query_as(scans)
        .fetch_one(&mut database)
        .await
        .unwrap()
}

/// A plan that is made while a table is empty goes through it from end to end, and is kept when there is much in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn nothing_goes_through_a_whole_table() {
    for parameters in ["", "?pooler=transaction"] {
        goes_through_no_table(parameters).await;
    }
}

async fn goes_through_no_table(parameters: &str) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(Kind::Postgres).await.with_provider(&provider);
    let store = format!("{}{parameters}", cluster.store);
    let cluster = cluster.by(store);
    let run = async |people: usize| {
        let mut instance = cluster.start().await;
        for _ in 0..people {
            let browser = Browser::new();
            browser.sign_in(instance.address).await;
            for _ in 0..20 {
                assert_eq!(browser.me(instance.address).await.status, 200);
            }
            assert_eq!(browser.get(instance.address, "/flow").await.status, 200);
            let page = browser.post(instance.address, "/logout").await;
            assert_eq!(page.status, 303);
        }
        instance.terminate();
        assert!(instance.ended().await.success());
        scans(&cluster).await
    };
    // Making the indexes is going through the table.
    let (made, _) = run(0).await;
    let (scans, read) = run(20).await;
    assert_eq!(scans, made, "{parameters}");
    // By when it expires is only looked for what has, and here nothing has. The planner may look at an end of it.
    assert!(read < 100, "{read} {parameters}");
}
