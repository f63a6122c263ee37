//! After `kill -9` at any moment, every acknowledged sign-in and every acknowledged refresh is there.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;

use crate::support::{
    Browser, Cluster, Hold, Kind, Provider, SandboxProcess, on_both_stores, seed,
};

on_both_stores! {
    acknowledged_is_stored_whenever_the_process_dies,
    a_pair_that_died_with_the_process_ends_as_a_request_to_sign_in,
    a_code_that_died_with_the_process_ends_as_a_request_to_sign_in,
}

/// How many times the process is killed.
const ROUNDS: usize = 15;
const BROWSERS: usize = 4;

/// What a browser knows when the process has died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    SignedIn,
    SignedOut,
    /// It was about to learn: the answer did not come.
    Open,
}

/// Signs in, refreshes, looks at its profile and signs in again, over and over, until the process dies.
async fn live(browser: &Browser, at: SocketAddr, mut known: Known) -> Known {
    loop {
        if known != Known::SignedIn {
            let Ok(callback) = browser.try_consent(at).await else {
                return known;
            };
            known = Known::Open;
            match browser.send(Method::GET, at, &callback, "text/html").await {
                Ok(page) => assert_eq!(page.location(), Some("/me"), "{page:?}"),
                Err(_) => return known,
            }
            known = Known::SignedIn;
        }
        for (method, path) in [(Method::POST, "/refresh"), (Method::GET, "/me")] {
            match browser.send(method, at, path, "application/json").await {
                Ok(page) => assert!(page.status == 303 || page.status == 200, "{page:?}"),
                Err(_) if path == "/refresh" => return Known::Open,
                Err(_) => return known,
            }
        }
        // Signing in again. Without an answer, the browser knows the session that it had.
        let Ok(callback) = browser.try_consent(at).await else {
            return known;
        };
        match browser.send(Method::GET, at, &callback, "text/html").await {
            Ok(page) => assert_eq!(page.location(), Some("/me"), "{page:?}"),
            Err(_) => return known,
        }
    }
}

async fn acknowledged_is_stored_whenever_the_process_dies(kind: Kind) {
    let seed = seed("CRASH_SEED");
    let mut random = StdRng::seed_from_u64(seed);
    let sandbox = SandboxProcess::start();
    let cluster = Cluster::new(kind).await.with_sandbox(&sandbox);
    let cluster = cluster.set("SESSION_REFRESH_LEASE", "1s");
    let browsers: Vec<Browser> = (0..BROWSERS).map(|_| Browser::new()).collect();
    let mut known = [Known::SignedOut; BROWSERS];
    let mut lost_in_the_window = 0;
    for round in 0..ROUNDS {
        let mut one = cluster.start().await;
        let lives = browsers.iter().zip(known);
        let lives = join_all(lives.map(|(browser, known)| live(browser, one.address, known)));
        let death = async {
            let moment = Duration::from_micros(random.random_range(10_000..400_000));
            tokio::time::sleep(moment).await;
        };
        // The process dies on a thread of its own, so that nothing here waits for a good moment.
        let pid = one.pid();
        let (after, ()) = tokio::join!(lives, async {
            death.await;
            crate::support::signal("KILL", pid);
        });
        one.kill();

        let one = cluster.start().await;
        for (number, browser) in browsers.iter().enumerate() {
            let page = browser.me(one.address).await;
            known[number] = match (after[number], page.status.as_u16()) {
                (_, 200) => Known::SignedIn,
                (Known::SignedOut | Known::Open, 401) => {
                    lost_in_the_window += usize::from(after[number] == Known::Open);
                    // Said once at most, and then a clean way to sign in.
                    browser.get(one.address, "/me").await.asks_to_sign_in();
                    Known::SignedOut
                }
                (known, _) => panic!("round {round}, browser {number}, {known:?}: {page:?}"),
            };
        }
    }
    println!(
        "{kind:?}: killed {ROUNDS} times; {lost_in_the_window} lost between answer and commit (seed {seed})"
    );
}

async fn a_pair_that_died_with_the_process_ends_as_a_request_to_sign_in(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let cluster = cluster.set("SESSION_REFRESH_LEASE", "1s");
    let mut one = cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    provider.expire();

    provider.hold_tokens(Hold::Processed);
    let asked = browser.ask(one.address, "/me");
    provider.until(|book| book.pairs.len() == 2).await;
    one.kill();
    assert!(asked.await.unwrap().is_err());
    provider.hold_tokens(Hold::No);

    let again = cluster.start().await;
    assert_eq!(browser.get(again.address, "/me").await.status, 401);
    browser.get(again.address, "/me").await.asks_to_sign_in();
    browser.sign_in(again.address).await;
    assert_eq!(browser.me(again.address).await.status, 200);
}

/// An instance that is alone on its file knows that whoever has the lease is dead: nobody waits 20 seconds for it to lapse.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_comes_back_alone_waits_for_no_lease() {
    let provider = Provider::start().await;
    let cluster = Cluster::new(Kind::Sqlite).await.with_provider(&provider);
    let mut one = cluster.start().await;
    for (hold, expected) in [(Hold::Unprocessed, 200), (Hold::Processed, 401)] {
        let browser = Browser::new();
        browser.sign_in(one.address).await;
        provider.expire();
        let before = provider.book();
        provider.hold_tokens(hold);
        let asked = browser.ask(one.address, "/me");
        provider
            .until(|book| match hold {
                Hold::Processed => book.pairs.len() > before.pairs.len(),
                _ => book.refreshes > before.refreshes,
            })
            .await;
        one.kill();
        assert!(asked.await.unwrap().is_err());
        provider
            .until(|book| book.abandoned > before.abandoned)
            .await;
        provider.hold_tokens(Hold::No);
        one = cluster.start().await;
        let page = browser.get(one.address, "/me").await;
        assert_eq!(page.status, expected, "{hold:?}: {page:?}");
    }
}

async fn a_code_that_died_with_the_process_ends_as_a_request_to_sign_in(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let mut one = cluster.start().await;
    let browser = Browser::new();
    let callback = browser.consent(one.address).await;

    provider.hold_tokens(Hold::Processed);
    let asked = browser.ask(one.address, &callback);
    provider.until(|book| book.pairs.len() == 1).await;
    one.kill();
    assert!(asked.await.unwrap().is_err());
    provider.hold_tokens(Hold::No);

    let again = cluster.start().await;
    // On PostgreSQL another instance might still be at it, so that this one waits as long as a page does.
    let expected = if kind == Kind::Sqlite { 400 } else { 504 };
    let page = browser.get(again.address, &callback).await;
    assert_eq!(page.status, expected, "{page:?}");
    browser.get(again.address, "/me").await.asks_to_sign_in();
    browser.sign_in(again.address).await;
    assert_eq!(browser.me(again.address).await.status, 200);
}
