//! Exactly one refresh: however many requests meet an expired token, over however many instances.

use std::net::SocketAddr;

use futures_util::future::join_all;
use reqwest::Method;

use crate::support::{
    Browser, Cluster, Hold, Kind, Page, Provider, SandboxProcess, on_both_stores,
};

on_both_stores! {
    requests_that_meet_a_refused_token_refresh_it_once,
    calls_that_are_passed_on_share_it_with_pages,
    requests_that_meet_an_expiring_token_refresh_it_once,
    another_instance_carries_on_when_the_holder_dies,
    a_holder_that_wakes_up_late_still_brings_the_pair,
    nothing_is_held_open_while_smartsheet_thinks,
}

const REQUESTS: usize = 60;

async fn many(browser: &Browser, instances: &[SocketAddr]) -> Vec<Page> {
    let requests = (0..REQUESTS).map(|number| browser.me(instances[number % instances.len()]));
    join_all(requests).await
}

#[track_caller]
fn all_are_answered(pages: &[Page]) {
    for page in pages {
        assert_eq!(page.status, 200, "{page:?}");
    }
}

/// Three times over, the access tokens expire at Smartsheet, and two instances get these requests.
async fn each_expiry_is_refreshed_once(
    kind: Kind,
    requests: impl AsyncFn(&Browser, [SocketAddr; 2]),
) {
    let sandbox = SandboxProcess::start();
    let cluster = Cluster::new(kind).await.with_sandbox(&sandbox);
    let cluster = cluster.set("API_ALLOW", "GET /sheets");
    let (one, two) = (cluster.start().await, cluster.start().await);
    let browser = Browser::new();
    browser.sign_in(one.address).await;

    for round in 1..=3 {
        sandbox.expire_access_tokens().await;
        sandbox.clear("requests").await;
        requests(&browser, [one.address, two.address]).await;
        assert_eq!(sandbox.refreshes().await, (1, 1), "in round {round}");
    }
}

/// Smartsheet says that the token has expired; the app thought it would live.
async fn requests_that_meet_a_refused_token_refresh_it_once(kind: Kind) {
    each_expiry_is_refreshed_once(kind, async |browser, instances| {
        all_are_answered(&many(browser, &instances).await);
    })
    .await;
}

/// Pages and back ends call Smartsheet through this app, while people open its pages.
async fn calls_that_are_passed_on_share_it_with_pages(kind: Kind) {
    each_expiry_is_refreshed_once(kind, async |browser, instances| {
        let answers = (0..REQUESTS).map(|number| {
            let path = ["/auth/api/2.0/sheets", "/me"][usize::from(number % 5 == 4)];
            browser.send(Method::GET, instances[number % 2], path, "application/json")
        });
        for answer in join_all(answers).await {
            let page = answer.unwrap();
            assert_eq!(page.status, 200, "{page:?}");
            assert!(page.body.contains("id"), "{page:?}");
        }
    })
    .await;
}

/// The app knows that the token is about to expire, and refreshes ahead of time. Latecomers join.
async fn requests_that_meet_an_expiring_token_refresh_it_once(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let (one, two) = (cluster.start().await, cluster.start().await);
    let browser = Browser::new();
    provider.tell_lifetime(200);
    browser.sign_in(one.address).await;
    provider.tell_lifetime(604_799);

    provider.hold_tokens(Hold::Processed);
    let instances = [one.address, two.address];
    let (early, late, ()) = tokio::join!(
        many(&browser, &instances),
        async {
            provider.until(|book| book.pairs.len() == 2).await;
            many(&browser, &instances).await
        },
        async {
            provider.until(|book| book.pairs.len() == 2).await;
            // Somebody else's session is served meanwhile.
            provider.until(|book| book.refreshes == 1).await;
            provider.hold_tokens(Hold::No);
        },
    );
    all_are_answered(&early);
    all_are_answered(&late);
    assert_eq!(provider.book().refreshes, 1);
}

/// The lease lapses by itself.
async fn another_instance_carries_on_when_the_holder_dies(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let cluster = cluster.set("SESSION_REFRESH_LEASE", "2s");
    let (mut one, two) = (cluster.start().await, cluster.start().await);
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    provider.expire();

    // The first instance holds the lease, and its request has reached Smartsheet but done nothing yet.
    provider.hold_tokens(Hold::Unprocessed);
    let first = tokio::spawn({
        let (browser, address) = (browser.clone(), one.address);
        async move { browser.send(Method::GET, address, "/me", "text/html").await }
    });
    provider.until(|book| book.refreshes == 1).await;
    let second = tokio::spawn({
        let (browser, address) = (browser.clone(), two.address);
        async move { browser.me(address).await }
    });
    provider.until(|book| book.calls == 2).await;
    one.kill();
    assert!(first.await.unwrap().is_err());
    provider.until(|book| book.abandoned == 1).await;
    assert_eq!(
        provider.book().refreshes,
        1,
        "nobody else refreshed before the lease lapsed"
    );
    provider.hold_tokens(Hold::No);

    assert_eq!(second.await.unwrap().status, 200);
    let book = provider.book();
    assert_eq!((book.refreshes, book.pairs.len()), (2, 2));
}

/// The holder stands still from Smartsheet's answer until its lease has lapsed. The other instance is refused, because the
/// refresh token is used, and doesn't end the session over it.
async fn a_holder_that_wakes_up_late_still_brings_the_pair(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let cluster = cluster.set("SESSION_REFRESH_LEASE", "2s");
    let (one, two) = (cluster.start().await, cluster.start().await);
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    provider.expire();

    provider.hold_tokens(Hold::Processed);
    let (first, second, ()) = tokio::join!(
        browser.me(one.address),
        async {
            provider.until(|book| book.pairs.len() == 2).await;
            browser.me(two.address).await
        },
        async {
            provider.until(|book| book.pairs.len() == 2).await;
            cluster.freeze(&one).await;
            provider.hold_tokens(Hold::No);
            provider.until(|book| book.refreshes == 2).await;
            one.thaw();
        },
    );
    all_are_answered(&[first, second]);
    assert_eq!(provider.book().pairs.len(), 2);
}

/// More sessions wait for Smartsheet than an instance has connections to its database, and others are served meanwhile.
async fn nothing_is_held_open_while_smartsheet_thinks(kind: Kind) {
    const WAITING: usize = 15;
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let one = cluster.start().await;
    let waiting: Vec<Browser> = (0..WAITING).map(|_| Browser::new()).collect();
    for browser in &waiting {
        browser.sign_in(one.address).await;
    }
    provider.expire();
    let other = Browser::new();
    other.sign_in(one.address).await;

    provider.hold_tokens(Hold::Unprocessed);
    let pages = join_all(waiting.iter().map(|browser| browser.me(one.address)));
    let meanwhile = async {
        provider.until(|book| book.refreshes == WAITING).await;
        assert_eq!(other.me(one.address).await.status, 200);
        // A write, too.
        assert_eq!(other.get(one.address, "/login").await.status, 303);
        if kind == Kind::Postgres {
            assert_eq!(cluster.postgres().idle_in_transaction().await, 0);
        }
        provider.hold_tokens(Hold::No);
    };
    let (pages, ()) = tokio::join!(pages, meanwhile);
    all_are_answered(&pages);
    assert_eq!(provider.book().refreshes, WAITING);
}
