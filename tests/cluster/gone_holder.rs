//! An instance is gone in the middle of a refresh: those who wait for it on PostgreSQL are answered within seconds, long before its
//! lease lapses.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{Browser, Cluster, Hold, Instance, Pooler, Postgres, Provider, until};

/// How long anybody waits for an instance that is gone.
const WAITED: Duration = Duration::from_secs(6);

/// How long two instances run before anything happens, so that each has seen the other.
const ACQUAINTED: Duration = Duration::from_secs(6);

struct World {
    provider: Provider,
    one: Instance,
    two: Instance,
    browser: Browser,
    _pooler: Option<Pooler>,
    _cluster: Cluster,
}

/// The first instance holds the lease, for 20 seconds, and Smartsheet thinks about its request; somebody waits at the second.
async fn world(cluster: Cluster, pooler: Option<Pooler>, hold: Hold) -> World {
    let provider = Provider::start().await;
    let cluster = cluster.with_provider(&provider);
    let (one, two) = (cluster.start().await, cluster.start().await);
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    tokio::time::sleep(ACQUAINTED).await;
    provider.expire();
    provider.hold_tokens(hold);
    let (tab, at) = (browser.clone(), one.address);
    tokio::spawn(async move { tab.send(reqwest::Method::GET, at, "/me", "text/html").await });
    provider.until(|book| book.refreshes == 1).await;
    World {
        provider,
        one,
        two,
        browser,
        _pooler: pooler,
        _cluster: cluster,
    }
}

impl World {
    /// The first instance dies, and Smartsheet drops its request, which it has not begun to process. It may not be released before
    /// that: it would use up the refresh token for an answer that nobody reads.
    async fn kill_the_first(&mut self) {
        self.one.kill();
        self.provider.until(|book| book.abandoned == 1).await;
        self.provider.hold_tokens(Hold::No);
    }
}

async fn a_crash_holds_nobody_up(mut world: World) {
    let (browser, at) = (world.browser.clone(), world.two.address);
    let waiting = tokio::spawn(async move {
        let started = Instant::now();
        (browser.me(at).await, started.elapsed())
    });
    world.kill_the_first().await;
    let (page, waited) = waiting.await.unwrap();
    assert_eq!(page.status, 200, "{page:?}");
    assert!(waited < WAITED, "{waited:?}");
    let book = world.provider.book();
    assert_eq!((book.refreshes, book.pairs.len()), (2, 2));
    // Another one that comes now waits for nothing.
    let started = Instant::now();
    world.provider.expire();
    assert_eq!(world.browser.me(world.two.address).await.status, 200);
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_crash_during_a_refresh_holds_nobody_up() {
    let cluster = Cluster::on(Postgres::shared().await).await;
    a_crash_holds_nobody_up(world(cluster, None, Hold::Unprocessed).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and PgBouncer; ./scripts/test runs it"]
async fn nor_does_it_behind_a_pooler_by_transaction() {
    let server = Postgres::shared().await;
    let cluster = Cluster::on(Arc::clone(&server)).await;
    let pooler = Pooler::start(&server, &["pool_mode = transaction"]).await;
    let store = format!("{}?pooler=transaction", pooler.through(&cluster.store));
    let cluster = cluster.by(store);
    a_crash_holds_nobody_up(world(cluster, Some(pooler), Hold::Unprocessed).await).await;
}

/// Whoever comes long after the crash goes on at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_lease_of_an_instance_that_is_gone_is_not_waited_for() {
    let cluster = Cluster::on(Postgres::shared().await).await;
    let mut world = world(cluster, None, Hold::Unprocessed).await;
    world.kill_the_first().await;
    tokio::time::sleep(ACQUAINTED).await;
    let started = Instant::now();
    assert_eq!(world.browser.me(world.two.address).await.status, 200);
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
}

/// An instance that only stands still is given up, too. It had been granted the pair, and brings it when it wakes up: nobody is signed
/// out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn an_instance_that_stands_still_is_given_up_and_its_pair_is_kept() {
    let cluster = Cluster::on(Postgres::shared().await).await;
    let world = world(cluster, None, Hold::Processed).await;
    world.one.freeze();
    world.provider.hold_tokens(Hold::No);
    let (browser, at) = (world.browser.clone(), world.two.address);
    let waiting = tokio::spawn(async move {
        let started = Instant::now();
        (browser.me(at).await, started.elapsed())
    });
    // The second is refused, since the refresh token is used, and does not believe it yet.
    world.provider.until(|book| book.refreshes == 2).await;
    world.one.thaw();
    let (page, waited) = waiting.await.unwrap();
    assert!(waited < WAITED + Duration::from_secs(1), "{waited:?}");
    assert!(page.status == 200 || page.status == 503, "{page:?}");
    assert_eq!(world.browser.me(world.two.address).await.status, 200);
    assert_eq!(world.provider.book().pairs.len(), 2);
}

/// The holder lives and Smartsheet thinks for long: nobody else sends the refresh token, and nobody waits for more than six
/// seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_holder_that_lives_is_left_alone_and_visitors_are_told() {
    let cluster = Cluster::on(Postgres::shared().await).await;
    let world = world(cluster, None, Hold::Processed).await;
    let started = Instant::now();
    let page = world.browser.me(world.two.address).await;
    assert!(
        started.elapsed() < WAITED + Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(page.status, 503, "{page:?}");
    world.provider.hold_tokens(Hold::No);
    until("the pair is there", async || {
        world.browser.me(world.two.address).await.status == 200
    })
    .await;
    assert_eq!(world.provider.book().refreshes, 1);
}
