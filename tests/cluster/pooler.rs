//! `PgBouncer` in between, as managed services have it: what the app needs of a transaction is there, and what is acknowledged is on
//! disk.

use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use smartsheet_oauth_demo::postgres::{Address, Connection, Report, Servers, Statement, Wait};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection, Row as _};

use crate::support::{Between, Browser, Cluster, Pooler, Postgres, Provider, until};

/// A server whose own settings acknowledge what is not on disk yet, and lose it with a crash.
const CARELESS: [&str; 2] = ["synchronous_commit=off", "wal_writer_delay=10s"];

const BY_TRANSACTION: &str = "pool_mode = transaction";
const BY_SESSION: &str = "pool_mode = session";

struct World {
    provider: Provider,
    server: Arc<Postgres>,
    pooler: Pooler,
    cluster: Cluster,
}

/// Instances on a database behind a pooler with these `settings`, by a URL that ends with `parameters`.
async fn world(settings: &[&str], parameters: &str) -> World {
    let server = Postgres::with_settings(&CARELESS).await;
    let provider = Provider::start().await;
    let cluster = Cluster::on(Arc::clone(&server)).await;
    let pooler = Pooler::start(&server, settings).await;
    let store = format!("{}{parameters}", pooler.through(&cluster.store));
    let cluster = cluster.with_provider(&provider).by(store);
    World {
        provider,
        server,
        pooler,
        cluster,
    }
}

/// Everything that people do works, on two instances at once, and nobody is in another's transaction.
async fn people_come_and_go(world: &World) {
    let (one, two) = (world.cluster.start().await, world.cluster.start().await);
    let people: Vec<Browser> = (0..12).map(|_| Browser::new()).collect();
    let lives = people.iter().map(async |browser| {
        browser.sign_in(one.address).await;
        for _ in 0..5 {
            assert_eq!(browser.me(two.address).await.status, 200);
            assert_eq!(browser.post(one.address, "/refresh").await.status, 303);
            assert_eq!(browser.get(two.address, "/flow").await.status, 200);
        }
        assert_eq!(browser.post(two.address, "/logout").await.status, 303);
        assert_eq!(browser.me(one.address).await.status, 401);
    });
    join_all(lives).await;
    assert_eq!(world.server.idle_in_transaction().await, 0);
}

/// The server crashes right after each sign-in.
async fn what_is_acknowledged_is_on_disk(world: &World) {
    let instance = world.cluster.start().await;
    for _ in 0..3 {
        let browser = Browser::new();
        browser.sign_in(instance.address).await;
        world.server.stop();
        world.server.start();
        until("signed in after the crash", async || {
            browser.me(instance.address).await.status == 200
        })
        .await;
    }
    assert!(world.provider.book().pairs.len() >= 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and PgBouncer; ./scripts/test runs it"]
async fn by_transaction_everything_works() {
    // A pool that is smaller than what the instances want.
    let world = world(
        &[BY_TRANSACTION, "default_pool_size = 3"],
        "?pooler=transaction",
    )
    .await;
    people_come_and_go(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and PgBouncer; ./scripts/test runs it"]
async fn by_transaction_what_is_acknowledged_is_on_disk() {
    let world = world(&[BY_TRANSACTION], "?pooler=transaction").await;
    what_is_acknowledged_is_on_disk(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and PgBouncer; ./scripts/test runs it"]
async fn by_session_everything_works_and_is_on_disk() {
    let world = world(&[BY_SESSION, "default_pool_size = 30"], "").await;
    people_come_and_go(&world).await;
    what_is_acknowledged_is_on_disk(&world).await;
}

/// With the file of deploy/pgbouncer, a password, and a server that wants one. It has every character that a URL gives a meaning.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and PgBouncer; ./scripts/test runs it"]
async fn as_it_is_shipped_it_works() {
    let server = Postgres::start_new().await;
    let cluster = Cluster::on(Arc::clone(&server)).await;
    server
        .ask("CREATE ROLE smartsheet LOGIN SUPERUSER PASSWORD 'a@b/c:d?e#f&g%h'")
        .await;
    let pooler = Pooler::shipped(&server, "smartsheet", "a@b/c:d?e#f&g%h").await;
    let provider = Provider::start().await;
    let store = format!(
        "postgres://smartsheet:a%40b%2Fc%3Ad%3Fe%23f%26g%25h@127.0.0.1:{}/smartsheet?sslmode=disable&pooler=transaction",
        pooler.port()
    );
    let cluster = cluster.with_provider(&provider).by(store);
    let world = World {
        provider,
        server,
        pooler,
        cluster,
    };
    people_come_and_go(&world).await;
}

/// `server_reset_query_always` has the pooler discard what a session is set to after each transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and PgBouncer; ./scripts/test runs it"]
async fn sessions_that_are_reset_after_each_transaction_do_no_harm() {
    let settings = [
        BY_TRANSACTION,
        "server_reset_query = DISCARD ALL",
        "server_reset_query_always = 1",
    ];
    let world = world(&settings, "?pooler=transaction").await;
    people_come_and_go(&world).await;
    what_is_acknowledged_is_on_disk(&world).await;
}

/// What a commit waits for is as it was asked for, in each transaction, whoever had the session before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and PgBouncer; ./scripts/test runs it"]
async fn each_transaction_has_what_it_needs_and_leaves_nothing_behind() {
    let world = world(&[BY_TRANSACTION, "default_pool_size = 1"], "").await;
    let url = world.pooler.through(&world.cluster.store);
    for wait in ["on", "remote_apply", "remote_write", "local"] {
        let url = format!("{url}?pooler=transaction&synchronous_commit={wait}");
        let address = Address::parse(&url).unwrap();
        let servers = Servers::new(&address, "tests");
        let mut writes = Connection::new(&servers, address.wait());
        let mut messages = Connection::new(&servers, Wait::Nothing);
        for _ in 0..3 {
            let report = Report::ask(&mut writes).await.unwrap();
            assert_eq!(report.synchronous_commit, wait);
            let report = Report::ask(&mut messages).await.unwrap();
            assert_eq!(report.synchronous_commit, "off");
        }
        // A statement that fails undoes its transaction, and the session goes on with the next.
        let divide = Statement::new("SELECT 1 / (1 - $1)").bind(1);
        let refused = writes.execute_unless(divide, &["22012"]).await.unwrap();
        assert_eq!(refused, 0);
        assert_eq!(
            Report::ask(&mut writes).await.unwrap().synchronous_commit,
            wait
        );
        writes.close().await;
        messages.close().await;
    }
    // The session that the pool has is as it was.
    let options = PgConnectOptions::from_str(&url).unwrap();
    let options = options.extra_float_digits(None);
    let mut other = PgConnection::connect_with(&options).await.unwrap();
    let show = sqlx::raw_sql("SHOW synchronous_commit");
    let row = show.fetch_one(&mut other).await.unwrap();
    assert_eq!(row.get::<&str, _>(0), "off");
}

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

/// Fifty instances fit into what a pooler gives by default: a hundred clients, and twenty sessions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and PgBouncer; ./scripts/test runs it"]
async fn fifty_instances_work_within_the_defaults_of_a_pooler() {
    let world = world(&[BY_TRANSACTION], "?pooler=transaction").await;
    let cluster = &world.cluster;
    let setup = cluster.setup.clone().set("SESSION_MAX_CONNECTIONS", "2");
    let mut instances = Vec::new();
    for _ in 0..10 {
        instances.extend(join_all((0..5).map(|_| setup.start())).await);
    }
    let people = instances.iter().map(async |instance| {
        let browser = Browser::new();
        browser.sign_in(instance.address).await;
        assert_eq!(browser.me(instance.address).await.status, 200);
        assert_eq!(browser.get(instance.address, "/flow").await.status, 200);
        browser
    });
    let people = join_all(people).await;
    let elsewhere = people.iter().zip(instances.iter().rev());
    let elsewhere = elsewhere.map(async |(browser, instance)| {
        assert_eq!(browser.post(instance.address, "/refresh").await.status, 303);
        assert_eq!(browser.post(instance.address, "/logout").await.status, 303);
    });
    join_all(elsewhere).await;
    assert!(world.server.connections().await <= 20);
}

/// What a sign-in asks of the database: as many round trips as there are statements, whatever each of them needs to be set up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_transaction_takes_one_round_trip() {
    let server = Postgres::start_new().await;
    let cluster = Cluster::on(Arc::clone(&server)).await;
    for parameters in ["", "?pooler=transaction"] {
        let between = Between::start(server.port, None).await;
        let url = format!("{}{parameters}", between.through(&cluster.store));
        let servers = Servers::new(&Address::parse(&url).unwrap(), "tests");
        let mut connection = Connection::new(&servers, Wait::StandbyDisk);
        let insert = || Statement::new("INSERT INTO counted VALUES ($1)").bind(1);
        let table = Statement::new("CREATE TABLE IF NOT EXISTS counted (number BIGINT)");
        connection.execute(table).await.unwrap();
        // A prepared statement is prepared the first time.
        connection.execute(insert()).await.unwrap();
        let before = between.rounds();
        for _ in 0..10 {
            connection.execute(insert()).await.unwrap();
        }
        assert_eq!(between.rounds() - before, 10, "{parameters}");
    }
}

/// The same of a whole sign-in: `/login`, the callback, `/me`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_sign_in_takes_no_more_round_trips_by_transaction() {
    const SIGN_INS: usize = 20;
    /// What goes on beside them: instances show themselves, and sweep.
    const BESIDE: usize = 15;
    let server = Postgres::start_new().await;
    let provider = Provider::start().await;
    let cluster = Cluster::on(Arc::clone(&server)).await;
    let cluster = cluster.with_provider(&provider);
    let mut counts = Vec::new();
    for parameters in ["", "?pooler=transaction"] {
        let between = Between::start(server.port, None).await;
        let url = format!("{}{parameters}", between.through(&cluster.store));
        let setup = cluster.setup.clone().set("SESSION_STORE", url);
        let instance = setup.start().await;
        let sign_in = async || {
            let browser = Browser::new();
            browser.sign_in(instance.address).await;
            assert_eq!(browser.me(instance.address).await.status, 200);
        };
        // Each connection prepares its statements once.
        for _ in 0..3 * SIGN_INS {
            sign_in().await;
        }
        let before = between.rounds();
        for _ in 0..SIGN_INS {
            sign_in().await;
        }
        counts.push(between.rounds() - before);
    }
    println!("round trips of {SIGN_INS} sign-ins, by session and by transaction: {counts:?}");
    assert!(counts[1] <= counts[0] + BESIDE, "{counts:?}");
}
