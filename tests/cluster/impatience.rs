//! Safe against impatience: what was sent to Smartsheet runs to its end, and its result is stored.

use std::net::SocketAddr;
use std::time::Duration;

use crate::support::{Browser, Cluster, Hold, Kind, Provider, on_both_stores, until};

on_both_stores! {
    a_refresh_outlives_its_browser,
    an_exchange_outlives_its_browser,
    leaving_while_signing_in_again_costs_no_login,
    a_refresh_outlives_its_page,
    stopping_waits_for_a_refresh,
    stopping_waits_for_a_refresh_that_nobody_waits_for,
    stopping_waits_for_an_exchange,
    a_refresh_that_begins_late_during_a_stop_is_stored_or_not_begun,
}

/// Signs in and goes away between Smartsheet's grant and its answer. Says what the callback was.
async fn leave_during_exchange(provider: &Provider, browser: &Browser, at: SocketAddr) -> String {
    let callback = browser.consent(at).await;
    let before = provider.book().pairs.len();
    provider.hold_tokens(Hold::Processed);
    let asked = browser.ask(at, &callback);
    provider.until(|book| book.pairs.len() == before + 1).await;
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    provider.hold_tokens(Hold::No);
    callback
}

async fn a_refresh_outlives_its_browser(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let (one, two) = (cluster.start().await, cluster.start().await);
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    provider.expire();

    provider.hold_tokens(Hold::Processed);
    let asked = browser.ask(one.address, "/me");
    provider.until(|book| book.pairs.len() == 2).await;
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    provider.hold_tokens(Hold::No);

    assert_eq!(browser.me(two.address).await.status, 200);
    assert_eq!(provider.book().refreshes, 1);
}

async fn an_exchange_outlives_its_browser(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let one = cluster.start().await;
    let browser = Browser::new();
    let callback = leave_during_exchange(&provider, &browser, one.address).await;

    let table = cluster.table().await;
    until("the pair is stored", async || table.logins().await == 1).await;
    // The browser never heard of its new session. Loading the page again leads where the sign-in went, without the session,
    // and signing in is a click away.
    let again = browser.get(one.address, &callback).await;
    assert_eq!(
        (again.status.as_u16(), again.location()),
        (303, Some("/me"))
    );
    assert!(again.header("set-cookie").is_none());
    browser.get(one.address, "/me").await.asks_to_sign_in();
    browser.sign_in(one.address).await;
    assert_eq!(browser.me(one.address).await.status, 200);
    table.close().await;
}

/// Somebody who is signed in signs in again, and goes away before they hear of their new session.
async fn leaving_while_signing_in_again_costs_no_login(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let (one, two) = (cluster.start().await, cluster.start().await);
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    let callback = leave_during_exchange(&provider, &browser, one.address).await;
    let table = cluster.table().await;
    until("the pair is stored", async || table.logins().await == 2).await;

    assert_eq!(browser.me(two.address).await.status, 200);
    assert_eq!(
        browser.post(two.address, "/refresh").await.location(),
        Some("/me")
    );
    let again = browser.get(two.address, &callback).await;
    assert_eq!(
        (again.status.as_u16(), again.location()),
        (303, Some("/me"))
    );
    // Once the browser comes with a new id, the old one is of no use.
    let before = browser.apart();
    browser.sign_in(two.address).await;
    assert_eq!(browser.me(one.address).await.status, 200);
    assert_eq!(before.me(two.address).await.status, 401);
    // What nobody came to know goes when its time is up.
    assert_eq!(table.logins().await, 2);
    table.close().await;
}

/// A page gives up after ten seconds in all. A refresh that it began after a slow answer takes longer.
async fn a_refresh_outlives_its_page(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let one = cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    provider.expire();

    provider.hold_calls(Hold::Unprocessed);
    provider.hold_tokens(Hold::Processed);
    let asked = browser.ask(one.address, "/me");
    provider.until(|book| book.calls == 1).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    provider.hold_calls(Hold::No);
    let page = asked.await.unwrap().unwrap();
    assert_eq!(page.status, 504, "{page:?}");
    provider.hold_tokens(Hold::No);

    assert_eq!(browser.me(one.address).await.status, 200);
    assert_eq!(provider.book().refreshes, 1);
}

async fn stopping_waits_for_a_refresh(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let mut one = cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    provider.expire();

    provider.hold_tokens(Hold::Processed);
    let asked = browser.ask(one.address, "/me");
    provider.until(|book| book.pairs.len() == 2).await;
    one.terminate();
    until("it takes no more requests", async || {
        one.log().contains("stopping")
    })
    .await;
    provider.hold_tokens(Hold::No);

    assert_eq!(asked.await.unwrap().unwrap().status, 200);
    assert!(one.ended().await.success());
    let again = cluster.start().await;
    assert_eq!(browser.me(again.address).await.status, 200);
    assert_eq!(provider.book().refreshes, 1);
}

async fn stopping_waits_for_a_refresh_that_nobody_waits_for(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let mut one = cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    provider.expire();

    provider.hold_tokens(Hold::Processed);
    let asked = browser.ask(one.address, "/me");
    provider.until(|book| book.pairs.len() == 2).await;
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    one.terminate();
    until("it takes no more requests", async || {
        one.log().contains("stopping")
    })
    .await;
    provider.hold_tokens(Hold::No);

    assert!(one.ended().await.success());
    let again = cluster.start().await;
    assert_eq!(browser.me(again.address).await.status, 200);
    assert_eq!(provider.book().refreshes, 1);
}

async fn stopping_waits_for_an_exchange(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let mut one = cluster.start().await;
    let browser = Browser::new();
    let callback = browser.consent(one.address).await;

    provider.hold_tokens(Hold::Processed);
    let asked = browser.ask(one.address, &callback);
    provider.until(|book| book.pairs.len() == 1).await;
    one.terminate();
    until("it takes no more requests", async || {
        one.log().contains("stopping")
    })
    .await;
    provider.hold_tokens(Hold::No);

    assert_eq!(asked.await.unwrap().unwrap().status, 303);
    assert!(one.ended().await.success());
    let again = cluster.start().await;
    assert_eq!(browser.me(again.address).await.status, 200);
}

/// A request that was there before the stop finds out late that it needs a refresh, and Smartsheet is slow with that, too:
/// together longer than a stop waits for requests.
async fn a_refresh_that_begins_late_during_a_stop_is_stored_or_not_begun(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let mut one = cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    provider.expire();

    provider.hold_calls(Hold::Unprocessed);
    provider.hold_tokens(Hold::Processed);
    let asked = browser.ask(one.address, "/me");
    provider.until(|book| book.calls == 1).await;
    one.terminate();
    tokio::time::sleep(Duration::from_secs(5)).await;
    provider.hold_calls(Hold::No);
    tokio::time::sleep(Duration::from_secs(7)).await;
    provider.hold_tokens(Hold::No);
    let _ = asked.await;

    assert!(one.ended().await.success());
    let again = cluster.start().await;
    let page = browser.me(again.address).await;
    assert_eq!(page.status, 200, "{page:?}");
}
