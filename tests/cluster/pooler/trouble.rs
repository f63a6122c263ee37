//! A pooler that goes away, or has nothing left to give.

use std::str::FromStr as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};

use super::{BY_TRANSACTION, world};
use crate::support::{Browser, until};

/// The pooler is restarted again and again while people click: nobody is signed out, and it is said when nothing can be done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and PgBouncer; ./scripts/test runs it"]
async fn a_pooler_that_is_restarted_signs_nobody_out() {
    let world = world(&[BY_TRANSACTION], "?pooler=transaction").await;
    let instance = world.cluster.start().await;
    let people: Vec<Browser> = (0..6).map(|_| Browser::new()).collect();
    for browser in &people {
        browser.sign_in(instance.address).await;
    }
    let over = AtomicBool::new(false);
    let clicking = people.iter().map(async |browser| {
        while !over.load(Ordering::SeqCst) {
            for (method, path) in [(Method::GET, "/me"), (Method::POST, "/refresh")] {
                let page = browser.send(method, instance.address, path, "text/html");
                let page = page.await.unwrap();
                let is_right = match page.status.as_u16() {
                    200 | 503 => true,
                    303 => page.location() == Some("/me"),
                    _ => false,
                };
                assert!(is_right, "{path}: {page:?}");
            }
        }
    });
    let restarts = async {
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_millis(700)).await;
            world.pooler.stop();
            world.pooler.launch().await;
            // And a session of the server ends in the middle of whatever it does.
            let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 't0'";
            world.server.ask(end).await;
        }
        over.store(true, Ordering::SeqCst);
    };
    tokio::join!(join_all(clicking), restarts);
    for browser in &people {
        until("still signed in", async || {
            browser.me(instance.address).await.status == 200
        })
        .await;
    }
}

/// All sessions of the pool are taken by somebody who keeps them. That is said in time, and got over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and PgBouncer; ./scripts/test runs it"]
async fn a_pool_that_is_exhausted_is_said_and_got_over() {
    let world = world(
        &[BY_TRANSACTION, "default_pool_size = 2"],
        "?pooler=transaction",
    )
    .await;
    let instance = world.cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(instance.address).await;
    let url = world.pooler.through(&world.cluster.store);
    let options = PgConnectOptions::from_str(&url).unwrap();
    let options = options.extra_float_digits(None);
    let mut greedy = Vec::new();
    for _ in 0..2 {
        let mut connection = PgConnection::connect_with(&options).await.unwrap();
        let begin = sqlx::raw_sql("BEGIN; SELECT 1");
        begin.execute(&mut connection).await.unwrap();
        greedy.push(connection);
    }
    let started = Instant::now();
    let page = browser.me(instance.address).await;
    assert_eq!(page.status, 503, "{page:?}");
    assert!(
        started.elapsed() < Duration::from_secs(12),
        "{:?}",
        started.elapsed()
    );
    drop(greedy);
    until("it is got over", async || {
        browser.me(instance.address).await.status == 200
    })
    .await;
}

/// Fifty instances fit into what a pooler gives by default: a hundred clients, and twenty sessions. Fifty debug builds are too much
/// for two processors that other tests keep busy: there are fewer, and each has as many more connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and PgBouncer; ./scripts/test runs it"]
async fn many_instances_work_within_the_defaults_of_a_pooler() {
    let world = world(&[BY_TRANSACTION], "?pooler=transaction").await;
    let cluster = &world.cluster;
    let setup = cluster.setup.clone().set("SESSION_MAX_CONNECTIONS", "5");
    let mut instances = Vec::new();
    for _ in 0..4 {
        instances.extend(join_all((0..5).map(|_| setup.start())).await);
    }
    // Two at a time: all of them share the processors of one machine here.
    let others = instances.iter().rev();
    let pairs: Vec<_> = instances.iter().zip(others).collect();
    for few in pairs.chunks(2) {
        let visits = few.iter().map(async |(instance, other)| {
            let browser = Browser::new();
            browser.sign_in(instance.address).await;
            assert_eq!(browser.me(instance.address).await.status, 200);
            assert_eq!(browser.get(instance.address, "/flow").await.status, 200);
            assert_eq!(browser.post(other.address, "/refresh").await.status, 303);
            assert_eq!(browser.post(other.address, "/logout").await.status, 303);
        });
        join_all(visits).await;
    }
    assert!(world.server.connections().await <= 20);
}
