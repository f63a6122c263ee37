//! Another server takes the primary's place: it is found within seconds, without a restart, and what was acknowledged is there.

mod other_name;
mod under_load;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::net::TcpListener;

use crate::support::{Browser, Cluster, Instance, Postgres, Provider};
use under_load::fail_over_under_load;

/// How long after the promotion the new primary must be in use.
const FOUND_WITHIN: Duration = Duration::from_secs(10);

const PEOPLE: usize = 12;

/// A primary with a standby, and two instances that know both.
struct World {
    provider: Provider,
    primary: Arc<Postgres>,
    standby: Arc<Postgres>,
    cluster: Cluster,
    one: Instance,
    two: Instance,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Replication {
    Synchronous,
    Asynchronous,
}

async fn world(replication: Replication) -> World {
    let primary = Postgres::start_new().await;
    let cluster = Cluster::on(Arc::clone(&primary)).await;
    let standby = primary.standby().await;
    if replication == Replication::Synchronous {
        primary.wait_for_standby().await;
    }
    let provider = Provider::start().await;
    let database = cluster.store.rsplit_once('/').unwrap().1.to_owned();
    let cluster = cluster
        .by(primary.url_with(&standby, &database))
        .with_provider(&provider);
    let (one, two) = (cluster.start().await, cluster.start().await);
    World {
        provider,
        primary,
        standby,
        cluster,
        one,
        two,
    }
}

impl World {
    fn at(&self, number: usize) -> SocketAddr {
        [self.one.address, self.two.address][number % 2]
    }

    /// The primary dies without a word, and the standby takes its place. Says when it had.
    async fn fail_over(&self) -> Instant {
        self.primary.stop();
        self.standby.ask("SELECT pg_promote()").await;
        Instant::now()
    }

    /// How long after `promoted` somebody new could sign in on each instance.
    async fn until_found(&self, promoted: Instant) -> Duration {
        let signs_in = async |at| {
            loop {
                let browser = Browser::new();
                if let Ok(callback) = browser.try_consent(at).await
                    && browser.get(at, &callback).await.location() == Some("/me")
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let both = join_all([self.one.address, self.two.address].map(signs_in));
        let both = tokio::time::timeout(FOUND_WITHIN, both).await;
        assert!(both.is_ok(), "the new primary is not found");
        promoted.elapsed()
    }
}

/// Who was told that they are signed in is, who was told that they are signed out is, and no refreshed pair is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn with_a_synchronous_standby_nothing_acknowledged_is_lost() {
    let world = world(Replication::Synchronous).await;
    let mut signed_in = 0;
    for (number, (browser, known)) in fail_over_under_load(&world).await.iter().enumerate() {
        assert_eq!(known.lost, 0, "{number}");
        // Its tokens work, too: a refreshed pair that was lost would show here.
        let page = browser.get(world.at(number), "/me").await;
        match known.signed_in {
            Some(true) => {
                assert_eq!(page.status, 200, "{number}: {page:?}");
                let page = browser.post(world.at(number), "/refresh").await;
                assert_eq!(page.location(), Some("/me"), "{number}: {page:?}");
                signed_in += 1;
            }
            Some(false) => page.asks_to_sign_in(),
            None => {}
        }
    }
    assert!(signed_in >= PEOPLE / 3, "{signed_in}");
}

/// Nothing is promised of the last moment, and everything works afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn with_an_asynchronous_standby_everybody_goes_on() {
    let world = world(Replication::Asynchronous).await;
    for (number, (browser, known)) in fail_over_under_load(&world).await.iter().enumerate() {
        let page = browser.get(world.at(number), "/me").await;
        match known.signed_in {
            Some(true) => assert_eq!(page.status, 200, "{number}: {page:?}"),
            Some(false) => page.asks_to_sign_in(),
            None => {}
        }
        browser.sign_in(world.at(number)).await;
        assert_eq!(browser.me(world.at(number + 1)).await.status, 200);
    }
}

/// The standby is a moment behind when it takes the primary's place. What was acknowledged in that moment is lost, and nothing else:
/// whoever signed in then signs in again, whose pair was refreshed then does, too, and whoever signed out then stays so, because
/// Smartsheet knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn with_an_asynchronous_standby_the_last_moment_is_lost_and_no_more() {
    let world = world(Replication::Asynchronous).await;
    let sign_in_some = async |count: usize| {
        let people: Vec<Browser> = (0..count).map(|_| Browser::new()).collect();
        for (number, browser) in people.iter().enumerate() {
            browser.sign_in(world.at(number)).await;
        }
        people
    };
    let early = sign_in_some(6).await;
    let refresh = sign_in_some(2).await;
    let leave = sign_in_some(2).await;
    world.primary.replicated().await;
    world
        .standby
        .ask("ALTER SYSTEM SET primary_conninfo = ''")
        .await;
    world.standby.ask("SELECT pg_reload_conf()").await;
    world.primary.has_no_standby().await;
    let late = sign_in_some(2).await;
    for browser in &refresh {
        assert_eq!(
            browser.post(world.one.address, "/refresh").await.status,
            303
        );
    }
    let left: Vec<Browser> = leave.iter().map(Browser::apart).collect();
    for browser in &leave {
        assert_eq!(browser.post(world.two.address, "/logout").await.status, 303);
    }
    let promoted = world.fail_over().await;
    world.until_found(promoted).await;

    for (number, browser) in early.iter().enumerate() {
        assert_eq!(browser.me(world.at(number)).await.status, 200);
        assert_eq!(browser.post(world.at(number), "/refresh").await.status, 303);
    }
    for browser in late.iter().chain(&left) {
        assert_eq!(browser.me(world.one.address).await.status, 401);
    }
    for browser in &refresh {
        // The pair before that one is there, and is spent.
        assert_eq!(browser.me(world.two.address).await.status, 401);
    }
    for browser in late.iter().chain(&left).chain(&refresh) {
        browser.sign_in(world.two.address).await;
        assert_eq!(browser.me(world.one.address).await.status, 200);
    }
}

/// The former primary comes back and takes writes that nobody else sees. Neither those who were there use it, nor who comes now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_former_primary_that_comes_back_is_not_used() {
    let world = world(Replication::Synchronous).await;
    let browser = Browser::new();
    browser.sign_in(world.one.address).await;
    let promoted = world.fail_over().await;
    world.until_found(promoted).await;
    world.primary.start();
    world.primary.ready().await;
    world
        .primary
        .ask("ALTER SYSTEM SET synchronous_standby_names = ''")
        .await;
    world.primary.ask("SELECT pg_reload_conf()").await;

    let former = world.cluster.table().await;
    let before = former.try_count("TRUE").await.unwrap();
    let three = world.cluster.start().await;
    let people: Vec<Browser> = (0..6).map(|_| Browser::new()).collect();
    for (number, person) in people.iter().enumerate() {
        person
            .sign_in([world.one.address, three.address][number % 2])
            .await;
        assert_eq!(person.me(world.two.address).await.status, 200);
    }
    // All their connections are new: those that were there are gone.
    world
        .standby
        .ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 't0'")
        .await;
    for at in [world.one.address, world.two.address, three.address] {
        assert_eq!(browser.me(at).await.status, 200);
        assert_eq!(browser.post(at, "/refresh").await.status, 303);
        Browser::new().sign_in(at).await;
    }
    assert_eq!(former.try_count("TRUE").await.unwrap(), before);
    former.close().await;
    assert_eq!(world.provider.book().refreshes, 3);
}

/// A primary that takes no more writes, and still answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_primary_that_becomes_read_only_is_left() {
    let world = world(Replication::Synchronous).await;
    let browser = Browser::new();
    browser.sign_in(world.one.address).await;
    world.standby.ask("SELECT pg_promote()").await;
    world
        .primary
        .ask("ALTER SYSTEM SET default_transaction_read_only = on")
        .await;
    world.primary.ask("SELECT pg_reload_conf()").await;
    world.until_found(Instant::now()).await;
    for at in [world.one.address, world.two.address] {
        assert_eq!(browser.me(at).await.status, 200);
        assert_eq!(browser.post(at, "/refresh").await.status, 303);
    }
}

/// The first of the hosts takes connections and says nothing, the second does not exist, the third is what there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn hosts_that_do_not_answer_are_passed_over() {
    let server = Postgres::shared().await;
    let cluster = Cluster::on(Arc::clone(&server)).await;
    let provider = Provider::start().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = silent.local_addr().unwrap().port();
    let database = cluster.store.rsplit_once('/').unwrap().1.to_owned();
    let store = format!(
        "postgres://app@127.0.0.1:{silent},no-such-host.invalid:5432,127.0.0.1:{}/{database}",
        server.port
    );
    let cluster = cluster.by(store).with_provider(&provider);
    let started = Instant::now();
    let instance = cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(instance.address).await;
    assert_eq!(browser.me(instance.address).await.status, 200);
    // Each search for a server waits for the silent one once, and then it is known which one to use.
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
}
