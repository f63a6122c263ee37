//! `PgBouncer` in between, as managed services have it: what the app needs of a transaction is there, and what is acknowledged is on
//! disk.

mod round_trips;
mod trouble;

use std::str::FromStr as _;
use std::sync::Arc;

use futures_util::future::join_all;
use smartsheet_oauth_demo::postgres::{Address, Connection, Report, Servers, Statement, Wait};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection, Row as _};

use crate::support::{Browser, Cluster, Pooler, Postgres, Provider, until};

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
        // Connections that the crash before this one cut are found out one by one, each by a request.
        let browser = test_support::until("sign-ins are taken", async || {
            let browser = Browser::new();
            let callback = browser.try_consent(instance.address).await.ok()?;
            let page = browser.get(instance.address, &callback).await;
            (page.location() == Some("/me")).then_some(browser)
        });
        let browser = browser.await;
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
        // A statement is over before it would be compiled.
        let jit = Statement::new("SELECT current_setting('jit')");
        let jit = writes.fetch_all(jit).await.unwrap();
        assert_eq!(jit[0].get::<String, _>(0), "off");
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
