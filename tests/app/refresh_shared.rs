//! Beyond one refresh ahead of time: `POST /refresh`, and two instances of the app on one store.

use std::time::Duration;

use reqwest::Method;
use tokio::time::timeout;

use crate::refresh::{LIFE, ME, TOKEN, bearers, signed_in};
use crate::support::{Browser, Gate, Page, Reply, SECOND, Seen, World};

async fn refresh_now(browser: &Browser) -> Page {
    let headers = [("accept", "text/html"), ("sec-fetch-site", "same-origin")];
    browser.send(Method::POST, "/refresh", &headers).await
}

#[tokio::test]
async fn on_demand_however_long_the_token_would_live() {
    let (provider, _, _app, browser) = signed_in(|_, _| None, |setup| setup).await;
    refresh_now(&browser).await.redirects_to("/me");
    browser.get("/me").await.shows(200, &["Last refreshed"]);
    assert_eq!(provider.lines(), [TOKEN, ME, TOKEN, ME]);
    assert_eq!(bearers(&provider), ["access-secret-1", "access-secret-2"]);
}

#[tokio::test]
async fn on_demand_not_for_another_site_and_not_by_get() {
    let (provider, _, _app, browser) = signed_in(|_, _| None, |setup| setup).await;
    let cross = [("accept", "text/html"), ("origin", "https://evil.example")];
    let answer = browser.send(Method::POST, "/refresh", &cross).await;
    answer.is_error(403, &["That came from another site"]);
    let answer = browser.get("/refresh").await;
    assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
    assert_eq!(provider.count(TOKEN), 1);
}

#[tokio::test]
async fn on_demand_for_nobody_or_without_a_grant() {
    let world = World::new().await;
    refresh_now(&world.browser()).await.redirects_to("/me");
    let browser = world.signed_in("full").await;
    world.sandbox.revoke().await;
    refresh_now(&browser)
        .await
        .is_error(401, &["Please sign in again"]);
    browser.get("/me").await.is_signed_out();
}

#[tokio::test]
async fn two_instances_on_one_store_send_one_refresh() {
    let gate = Gate::closed();
    let held = gate.clone();
    let script = move |request: &Seen, n| {
        let reply = || Reply::pair(n + 1).behind(&held);
        request.is_refresh().then(reply)
    };
    let (provider, setup, _app, one) = signed_in(script, |setup| setup).await;
    let other = setup.start().await;
    let two = one.copy_to(&other);
    setup.clock.pass(LIFE);
    let visits: Vec<_> = [&one, &two, &one, &two]
        .map(|browser| {
            let tab = browser.clone();
            tokio::spawn(async move { tab.get("/me").await })
        })
        .into();
    provider.arrived(TOKEN, 2).await;
    // Time enough for the other instance to make the same mistake.
    let another = timeout(Duration::from_millis(300), provider.arrived(TOKEN, 3));
    assert!(another.await.is_err(), "both instances sent it");
    gate.open();
    for visit in visits {
        visit.await.unwrap().shows(200, &["Ann"]);
    }
    assert_eq!(provider.count(TOKEN), 2);
    assert_eq!(bearers(&provider)[1..], ["access-secret-2"; 4]);
}

#[tokio::test]
async fn an_instance_that_dies_during_a_refresh_holds_up_nobody_for_long() {
    let script = |request: &Seen, n| (request.is_refresh() && n == 1).then(Reply::silence);
    let (provider, setup, _app, one) = signed_in(script, |setup| setup).await;
    let other = setup.start().await;
    let two = one.copy_to(&other);
    setup.clock.pass(LIFE);
    let dying = tokio::spawn(async move { one.get("/me").await });
    provider.arrived(TOKEN, 2).await;
    let waiting = tokio::spawn(async move { two.get("/me").await });
    // As far as the other instance can tell, the first one is gone once its lease has lapsed.
    setup.clock.pass(20 * SECOND + SECOND);
    waiting.await.unwrap().shows(200, &["Ann"]);
    assert_eq!(provider.count(TOKEN), 3);
    dying.abort();
}
