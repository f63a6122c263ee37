//! The access token: refreshed before it expires, and when Smartsheet refuses it; once at a time; never lost.

use std::time::Duration;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::support::app::{CLIENT_ID, CLIENT_SECRET};
use crate::support::{
    Browser, DAY, Gate, HOUR, MINUTE, Page, Provider, Reply, SECOND, Seen, Setup, TestApp, World,
};

const REFRESH: &str = "POST /2.0/token refresh_token 200";
const ME_OK: &str = "GET /2.0/users/me 200";
pub(crate) const TOKEN: &str = "POST /2.0/token";
pub(crate) const ME: &str = "GET /2.0/users/me";
/// What Smartsheet says an access token lives.
pub(crate) const LIFE: Duration = Duration::from_secs(604_799);

/// An app on a scripted provider, and a browser that is signed in with the first pair and saw its profile.
pub(crate) async fn signed_in(
    script: impl Fn(&Seen, usize) -> Option<Reply> + Send + Sync + 'static,
    adjust: impl FnOnce(Setup) -> Setup,
) -> (Provider, Setup, TestApp, Browser) {
    let provider = Provider::start(script).await;
    let setup = adjust(provider.setup().set("session.idle_timeout", "30d"));
    let app = setup.start().await;
    let browser = Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    browser.get("/me").await.shows(200, &["Ann"]);
    (provider, setup, app, browser)
}

/// The access token that each call of `users/me` carried.
pub(crate) fn bearers(provider: &Provider) -> Vec<String> {
    let seen = provider.seen();
    let calls = seen.iter().filter(|seen| seen.line == ME);
    calls
        .map(|seen| {
            let bearer = seen
                .head
                .lines()
                .find_map(|line| line.strip_prefix("authorization: bearer "));
            bearer.unwrap().to_owned()
        })
        .collect()
}

#[tokio::test]
async fn below_the_margin_it_is_refreshed_before_use() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    world
        .setup
        .clock
        .pass(LIFE.saturating_sub(5 * MINUTE + SECOND));
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    assert_eq!(world.sandbox.requests().await, [ME_OK]);

    world.sandbox.forget().await;
    world.setup.clock.pass(2 * SECOND);
    browser
        .get("/me")
        .await
        .shows(200, &["Grace Hopper", "Last refreshed"]);
    assert_eq!(world.sandbox.requests().await, [REFRESH, ME_OK]);

    // The new pair was stored: it is used now, and refreshed in its turn.
    world.sandbox.forget().await;
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    assert_eq!(world.sandbox.requests().await, [ME_OK]);
    world.setup.clock.pass(LIFE.saturating_sub(4 * MINUTE));
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    assert_eq!(world.sandbox.requests().await, [ME_OK, REFRESH, ME_OK]);
}

#[tokio::test]
async fn the_margin_is_a_setting() {
    let world = World::with(|setup| setup.set("session.refresh_margin", "1h")).await;
    let browser = world.signed_in("full").await;
    world.setup.clock.pass(LIFE.saturating_sub(HOUR) + SECOND);
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    assert_eq!(world.sandbox.requests().await, [REFRESH, ME_OK]);
}

#[tokio::test]
async fn the_refresh_request() {
    let (provider, setup, _app, browser) = signed_in(|_, _| None, |setup| setup).await;
    setup.clock.pass(LIFE);
    browser.get("/me").await.shows(200, &["Ann"]);
    let seen = provider.seen();
    assert_eq!(provider.lines(), [TOKEN, ME, TOKEN, ME]);
    let hash = hex::encode(Sha256::digest(format!("{CLIENT_SECRET}|refresh-secret-1")));
    for (name, value) in [
        ("grant_type", Some("refresh_token")),
        ("client_id", Some(CLIENT_ID)),
        ("refresh_token", Some("refresh-secret-1")),
        ("hash", Some(hash.as_str())),
        ("client_secret", None),
    ] {
        assert_eq!(seen[2].param(name).as_deref(), value, "{name}");
    }
    assert_eq!(bearers(&provider), ["access-secret-1", "access-secret-2"]);
}

#[tokio::test]
async fn refused_as_expired_or_invalid_it_is_refreshed_once_and_the_call_repeated() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    world.sandbox.expire("access_tokens").await;
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    let expected = ["GET /2.0/users/me 401", REFRESH, ME_OK];
    assert_eq!(world.sandbox.requests().await, expected);
    for fault in ["expired_token", "invalid_token"] {
        world.sandbox.forget().await;
        world
            .sandbox
            .fault("/2.0/users/me", fault, 1, json!({}))
            .await;
        assert_eq!(browser.json("/me").await.status, 200);
        assert_eq!(world.sandbox.requests().await, expected, "{fault}");
    }
    // Refused again after the refresh: no endless loop.
    world.sandbox.forget().await;
    world
        .sandbox
        .fault("/2.0/users/me", "invalid_token", 2, json!({}))
        .await;
    let page = browser.get("/me").await;
    assert_eq!(page.status, 401, "{page:?}");
    assert_eq!(
        world.sandbox.requests().await,
        ["GET /2.0/users/me 401", REFRESH, "GET /2.0/users/me 401"]
    );
}

/// Opens `/me` in so many tabs at once.
async fn visits(browser: &Browser, count: usize) -> Vec<Page> {
    let tabs: Vec<_> = (0..count)
        .map(|_| {
            let tab = browser.clone();
            tokio::spawn(async move { tab.get("/me").await })
        })
        .collect();
    let mut pages = Vec::new();
    for tab in tabs {
        pages.push(tab.await.unwrap());
    }
    pages
}

#[tokio::test]
async fn many_requests_at_once_make_one_refresh() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    world.setup.clock.pass(LIFE);
    for page in visits(&browser, 24).await {
        page.shows(200, &["Grace Hopper"]);
    }
    let requests = world.sandbox.requests().await;
    assert_eq!(
        requests.iter().filter(|line| *line == REFRESH).count(),
        1,
        "{requests:?}"
    );
    assert_eq!(
        requests.iter().filter(|line| *line == ME_OK).count(),
        24,
        "{requests:?}"
    );
}

#[tokio::test]
async fn many_requests_that_are_refused_at_once_make_one_refresh() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    world.sandbox.expire("access_tokens").await;
    for page in visits(&browser, 24).await {
        page.shows(200, &["Grace Hopper"]);
    }
    let requests = world.sandbox.requests().await;
    assert_eq!(
        requests.iter().filter(|line| *line == REFRESH).count(),
        1,
        "{requests:?}"
    );
}

#[tokio::test]
async fn whoever_comes_during_a_refresh_waits_for_it() {
    let gate = Gate::closed();
    let held = gate.clone();
    let script = move |request: &Seen, n| {
        request
            .is_refresh()
            .then(|| Reply::pair(n + 1).behind(&held))
    };
    let (provider, setup, _app, browser) = signed_in(script, |setup| setup).await;
    setup.clock.pass(LIFE);
    let tabs = browser.clone();
    let waiting = tokio::spawn(async move { visits(&tabs, 8).await });
    provider.arrived(TOKEN, 2).await;
    gate.open();
    for page in waiting.await.unwrap() {
        page.shows(200, &["Ann"]);
    }
    assert_eq!(provider.count(TOKEN), 2);
    assert_eq!(bearers(&provider)[1..], ["access-secret-2"; 8]);
}

#[tokio::test]
async fn an_answer_without_a_refresh_token_leaves_the_old_one() {
    let script = |request: &Seen, n| {
        let body = format!(
            r#"{{"access_token":"access-secret-{}","expires_in":3600}}"#,
            n + 1
        );
        request.is_refresh().then(|| Reply::json(200, &body))
    };
    let (provider, setup, _app, browser) = signed_in(script, |setup| setup).await;
    setup.clock.pass(LIFE);
    browser.get("/me").await.shows(200, &["Ann"]);
    setup.clock.pass(HOUR);
    browser.get("/me").await.shows(200, &["Ann"]);
    let seen = provider.seen();
    assert_eq!(
        seen[4].param("refresh_token").as_deref(),
        Some("refresh-secret-1")
    );
    assert_eq!(
        bearers(&provider)[1..],
        ["access-secret-2", "access-secret-3"]
    );
}

#[tokio::test]
async fn a_session_refreshed_again_and_again_lasts_as_long_as_it_is_visited() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    for _ in 0..14 {
        world.setup.clock.pass(6 * DAY);
        browser.get("/me").await.shows(200, &["Grace Hopper"]);
    }
}
