//! `check` and the start ask PostgreSQL what it promises, through whatever is in between, and refuse one that would lose what it
//! acknowledges: one line that names what to change.

use std::sync::Arc;

use crate::support::{Between, Browser, Cluster, Pooler, Postgres, Provider};

const BY_TRANSACTION: &str = "pool_mode = transaction";

async fn cluster_on(server: &Arc<Postgres>) -> Cluster {
    let cluster = Cluster::on(Arc::clone(server)).await;
    cluster.set("SMARTSHEET_REGION", "sandbox")
}

/// What `check` prints, and that a start ends as `check` does: in one line, which has all of `parts`.
async fn is_refused(cluster: &Cluster, parts: &[&str]) {
    let checked = cluster.setup.check();
    let wrong = checked
        .lines()
        .find(|line| line.contains("WRONG  session store"));
    let wrong = wrong.unwrap_or_else(|| panic!("{checked}"));
    let launched = cluster.setup.launch(crate::support::free_address());
    let Err(log) = launched.listening().await else {
        panic!("it starts");
    };
    let ended = log.lines().last().unwrap_or_default();
    for line in [wrong, ended] {
        assert!(line.contains("session.store"), "{line}");
        for part in parts {
            assert!(line.contains(part), "no {part:?} in {line}");
        }
    }
}

async fn is_taken(cluster: &Cluster, part: &str) -> String {
    let checked = cluster.setup.check();
    let line = checked.lines().find(|line| line.contains("session store:"));
    let line = line.unwrap_or_else(|| panic!("{checked}"));
    assert!(line.contains("ok ") && line.contains(part), "{checked}");
    cluster.start().await;
    checked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and PgBouncer; ./scripts/test runs it"]
async fn a_pooler_by_transaction_must_be_named() {
    let server = Postgres::shared().await;
    let cluster = cluster_on(&server).await;
    is_taken(&cluster, "synchronous_commit is on").await;
    let pooler = Pooler::start(&server, &[BY_TRANSACTION]).await;
    let through = pooler.through(&cluster.store);
    let cluster = cluster.by(&through);
    is_refused(&cluster, &["pooler", "pooler=transaction"]).await;
    let cluster = cluster.by(format!("{through}?pooler=transaction"));
    is_taken(
        &cluster,
        "through a pooler by transaction; synchronous_commit is on",
    )
    .await;
    let asked = format!("{through}?pooler=transaction&synchronous_commit=remote_apply");
    is_taken(&cluster.by(asked), "synchronous_commit is remote_apply").await;
}

/// Something in between that thinks it knows better.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_commit_that_is_not_on_disk_is_not_taken() {
    let server = Postgres::with_settings(&["synchronous_commit=off"]).await;
    let cluster = cluster_on(&server).await;
    let store = cluster.store.clone();
    let dropped = "SET LOCAL synchronous_commit = 'on'";
    let between = Between::start(server.port, Some(dropped)).await;
    let through = between.through(&store);
    let cluster = cluster.by(format!("{through}?pooler=transaction"));
    is_refused(&cluster, &["synchronous_commit is off", "SET LOCAL"]).await;
    let between = Between::start(server.port, Some("SET synchronous_commit = 'on'")).await;
    let cluster = cluster.by(between.through(&store));
    is_refused(
        &cluster,
        &["synchronous_commit is off", "pooler=transaction"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_server_that_takes_no_write_is_not_taken() {
    let server = Postgres::start_new().await;
    let cluster = cluster_on(&server).await;
    let read_only = "ALTER DATABASE t0 SET default_transaction_read_only = on";
    server.ask(read_only).await;
    is_refused(
        &cluster,
        &["can't be written to", "default_transaction_read_only"],
    )
    .await;
}

/// `fsync = off` is for servers whose content nobody needs, such as those of tests. It is allowed, and mentioned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_server_that_does_not_sync_is_warned_about() {
    let server = Postgres::with_settings(&["fsync=off"]).await;
    let checked = is_taken(&cluster_on(&server).await, "PostgreSQL").await;
    assert!(checked.contains("fsync"), "{checked}");
}

/// A role that owns nothing, as administrators give it to an app.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn tables_are_made_by_who_may() {
    let server = Postgres::start_new().await;
    let cluster = Cluster::on(Arc::clone(&server)).await;
    server.ask("CREATE ROLE visitor LOGIN").await;
    // Some services do not tell their timeline to everybody.
    let table = cluster.table().await;
    let hide = "REVOKE EXECUTE ON FUNCTION pg_current_wal_lsn() FROM PUBLIC";
    table.run(hide, &[]).await;
    let owner = cluster.store.clone();
    let provider = Provider::start().await;
    let visitor = owner.replace("app@", "visitor:p%40%2F%3A@");
    let cluster = cluster.by(&visitor).with_provider(&provider);
    is_refused(
        &cluster,
        &["visitor may not make tables", "session.migrate_url"],
    )
    .await;
    let cluster = cluster.set("SESSION_MIGRATE_URL", &owner);
    let one = cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    assert_eq!(browser.post(one.address, "/refresh").await.status, 303);
    assert_eq!(browser.get(one.address, "/flow").await.status, 200);
    // The tables are there, so nobody needs to be asked.
    let cluster = cluster.set("SESSION_MIGRATE_URL", "postgres://nobody@127.0.0.1:1/none");
    let two = cluster.start().await;
    assert_eq!(browser.me(two.address).await.status, 200);
    assert_eq!(browser.post(two.address, "/logout").await.status, 303);
}
