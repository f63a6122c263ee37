//! A passing failure keeps the session and uses an access token that is still valid; a final one asks to sign in again.

use std::time::Duration;

use serde_json::json;

use crate::support::{Browser, Cluster, Hold, Kind, Provider, SandboxProcess, on_both_stores};

on_both_stores! {
    a_failing_refresh_ahead_of_time_is_not_noticed,
    a_failing_refresh_of_an_expired_token_keeps_the_session,
    a_rate_limited_refresh_says_when_to_come_back,
    an_unreachable_smartsheet_keeps_the_session,
    a_grant_that_is_gone_is_said_once,
    an_answer_that_was_lost_is_asked_for_once_more,
    answers_that_are_always_lost_are_no_loop,
}

const PASSING: [&str; 8] = [
    "rate_limit",
    "maintenance",
    "server_error",
    "timeout",
    "please_retry",
    "unavailable_html",
    "malformed",
    "reset",
];

/// The margin is longer than tokens live, so that every page wants a new one; each gets along with the old one.
async fn a_failing_refresh_ahead_of_time_is_not_noticed(kind: Kind) {
    let sandbox = SandboxProcess::start();
    let cluster = Cluster::new(kind).await.with_sandbox(&sandbox);
    let cluster = cluster.set("SESSION_REFRESH_MARGIN", "8d");
    let one = cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    for fault in PASSING {
        sandbox.clear("requests").await;
        sandbox.fault("/2.0/token", fault, 1).await;
        let page = browser.me(one.address).await;
        assert_eq!(page.status, 200, "{fault}: {page:?}");
        assert_eq!(sandbox.refreshes().await.0, 1, "{fault}");
    }
}

async fn a_failing_refresh_of_an_expired_token_keeps_the_session(kind: Kind) {
    let sandbox = SandboxProcess::start();
    let cluster = Cluster::new(kind).await.with_sandbox(&sandbox);
    let one = cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    for fault in PASSING {
        sandbox.expire_access_tokens().await;
        sandbox.clear("requests").await;
        sandbox.fault("/2.0/token", fault, 1).await;
        let page = browser.get(one.address, "/me").await;
        assert!(
            page.status == 502 || page.status == 503,
            "{fault}: {page:?}"
        );
        assert!(
            page.body.contains("You are still signed in"),
            "{fault}: {page:?}"
        );
        assert_eq!(sandbox.refreshes().await.0, 1, "{fault}: asked once");
        assert_eq!(browser.me(one.address).await.status, 200, "{fault}");
    }
}

async fn a_rate_limited_refresh_says_when_to_come_back(kind: Kind) {
    let sandbox = SandboxProcess::start();
    let cluster = Cluster::new(kind).await.with_sandbox(&sandbox);
    let one = cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    sandbox.expire_access_tokens().await;
    let order = json!({"path": "/2.0/token", "fault": "rate_limit", "retry_after": 20});
    sandbox.control("faults", &order).await;
    let page = browser.get(one.address, "/me").await;
    assert_eq!(page.status, 503, "{page:?}");
    assert_eq!(page.header("retry-after"), Some("20"));
}

async fn an_unreachable_smartsheet_keeps_the_session(kind: Kind) {
    let sandbox = SandboxProcess::start();
    let cluster = Cluster::new(kind).await.with_sandbox(&sandbox);
    let one = cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    drop(sandbox);
    for _ in 0..3 {
        let page = browser.post(one.address, "/refresh").await;
        // The access token is refused by nobody, so the page goes on with it and fails there.
        assert!(page.status == 303 || page.status == 502, "{page:?}");
        let page = browser.get(one.address, "/me").await;
        assert_eq!(page.status, 502, "{page:?}");
        assert!(page.body.contains("You are still signed in"), "{page:?}");
    }
    let table = cluster.table().await;
    assert_eq!(table.logins().await, 1);
    table.close().await;
}

async fn a_grant_that_is_gone_is_said_once(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let (one, two) = (cluster.start().await, cluster.start().await);
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    provider.revoke_all();

    let page = browser.get(one.address, "/me").await;
    assert_eq!(page.status, 401, "{page:?}");
    assert!(page.body.contains("/login"), "{page:?}");
    assert_eq!(provider.book().refreshes, 1);
    browser.get(two.address, "/me").await.asks_to_sign_in();
    assert_eq!(browser.me(one.address).await.status, 401);
    assert_eq!(provider.book().refreshes, 1, "nobody asked again");
    let table = cluster.table().await;
    assert_eq!(table.logins().await, 0, "the tokens are dropped");
    table.close().await;
    browser.sign_in(two.address).await;
    assert_eq!(browser.me(one.address).await.status, 200);
}

/// Smartsheet issued a new pair that never arrived: the old one is void, and one more try finds that out.
async fn an_answer_that_was_lost_is_asked_for_once_more(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let one = cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    provider.expire();

    provider.hold_tokens(Hold::Lost);
    let page = browser.get(one.address, "/me").await;
    assert_eq!(page.status, 502, "{page:?}");
    assert_eq!(provider.book().refreshes, 1);
    provider.hold_tokens(Hold::No);
    assert_eq!(browser.get(one.address, "/me").await.status, 401);
    assert_eq!(provider.book().refreshes, 2);
    browser.get(one.address, "/me").await.asks_to_sign_in();
    assert_eq!(provider.book().refreshes, 2);
}

async fn answers_that_are_always_lost_are_no_loop(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let one = cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    // So little of its life is left that every page wants to refresh it.
    provider.tell_lifetime(100);
    assert_eq!(browser.post(one.address, "/refresh").await.status, 303);
    provider.hold_tokens(Hold::Lost);
    let before = provider.book().refreshes;
    let waiting = tokio::time::timeout(Duration::from_secs(9), browser.get(one.address, "/me"));
    let page = waiting.await.unwrap();
    assert!(page.status == 502 || page.status == 401, "{page:?}");
    // Ahead of time, and once more because the old access token is refused; each of a page's tries counts.
    assert!(provider.book().refreshes - before <= 2);
}
