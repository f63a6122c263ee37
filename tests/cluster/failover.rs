//! Another server takes the primary's place: it is found within seconds, without a restart, and what was acknowledged is there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use tokio::net::TcpListener;

use crate::support::{Browser, Cluster, Instance, Postgres, Provider};

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

/// What somebody knows who goes on clicking.
#[derive(Default, Debug, Clone, Copy)]
struct Known {
    /// Whether the app said last that they are signed in: `None` while it is about to say.
    signed_in: Option<bool>,
    /// How often it said that it could not.
    unavailable: usize,
    /// How often it asked to sign in somebody who was signed in.
    lost: usize,
}

/// Signs in, refreshes, looks and signs out, on one instance and the other, until it is over.
async fn live(world: &World, number: usize, browser: &Browser, over: &AtomicBool) -> Known {
    let mut known = Known {
        signed_in: Some(false),
        ..Known::default()
    };
    let mut round = number;
    while !over.load(Ordering::SeqCst) {
        round += 1;
        let at = world.at(round);
        if known.signed_in != Some(true) {
            let Ok(callback) = browser.try_consent(at).await else {
                known.unavailable += 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            known.signed_in = None;
            match browser.get(at, &callback).await {
                page if page.location() == Some("/me") => known.signed_in = Some(true),
                page => assert!(page.status == 503 || page.status == 303, "{page:?}"),
            }
            continue;
        }
        let (method, path) = match round % 7 {
            // A few stay signed in for good.
            0 if number >= PEOPLE / 3 => (Method::POST, "/logout"),
            1 | 3 | 5 => (Method::POST, "/refresh"),
            _ => (Method::GET, "/me"),
        };
        let page = browser.send(method, at, path, "text/html").await.unwrap();
        let asks_to_sign_in =
            page.status == 401 || page.location().is_some_and(|to| to.starts_with("/login"));
        match (page.status.as_u16(), path) {
            _ if asks_to_sign_in => {
                known.lost += 1;
                known.signed_in = Some(false);
            }
            (503, _) => {
                known.unavailable += 1;
                if path == "/logout" {
                    known.signed_in = None;
                }
            }
            (303, "/logout") => known.signed_in = Some(false),
            (303, "/refresh") => assert_eq!(page.location(), Some("/me"), "{page:?}"),
            (200, "/me") => {}
            _ => panic!("{path}: {page:?}"),
        }
    }
    known
}

/// The primary is killed while people click, and the standby promoted. How it went for each of them.
async fn fail_over_under_load(world: &World) -> Vec<(Browser, Known)> {
    let people: Vec<Browser> = (0..PEOPLE).map(|_| Browser::new()).collect();
    let over = AtomicBool::new(false);
    let lives = people
        .iter()
        .enumerate()
        .map(|(number, browser)| live(world, number, browser, &over));
    let trouble = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let died = Instant::now();
        let promoted = world.fail_over().await;
        let found = world.until_found(promoted).await;
        let without = died.elapsed();
        tokio::time::sleep(Duration::from_secs(2)).await;
        over.store(true, Ordering::SeqCst);
        (found, without)
    };
    let (known, (found, without)) = tokio::join!(join_all(lives), trouble);
    let sum = |count: fn(&Known) -> usize| known.iter().map(count).sum::<usize>();
    println!(
        "without an answer for {} ms, of which {} after the promotion; pages that said 503: {}; logins lost: {}",
        without.as_millis(),
        found.as_millis(),
        sum(|known| known.unavailable),
        sum(|known| known.lost),
    );
    people.into_iter().zip(known).collect()
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
