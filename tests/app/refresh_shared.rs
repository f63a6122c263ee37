//! Beyond one refresh ahead of time: `POST /refresh`, and two instances of the app on one store.

use std::time::Duration;

use reqwest::Method;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::refresh::{LIFE, ME, TOKEN, bearers, signed_in};
use crate::support::{Browser, Gate, Page, Provider, Reply, SECOND, Seen, TestApp, World};

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
    answer.is_error(403, &["Request from another site refused"]);
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

/// A visit whose refresh is not answered before its lease lapses, and one at another instance, whose refresh has begun.
struct TakenOver {
    provider: Provider,
    browser: Browser,
    late: JoinHandle<Page>,
    taking_over: JoinHandle<Page>,
    _apps: [TestApp; 2],
}

/// Refreshes are answered with `first`, and after that with `second`.
async fn taken_over(
    first: impl Fn() -> Reply + Send + Sync + 'static,
    second: impl Fn() -> Reply + Send + Sync + 'static,
) -> TakenOver {
    let script = move |request: &Seen, n| match (request.is_refresh(), n) {
        (true, 1) => Some(first()),
        (true, _) => Some(second()),
        _ => None,
    };
    let (provider, setup, app, browser) = signed_in(script, |setup| setup).await;
    let other = setup.start().await;
    setup.clock.pass(LIFE);
    let visit = |tab: Browser| tokio::spawn(async move { tab.get("/me").await });
    let late = visit(browser.clone());
    provider.arrived(TOKEN, 2).await;
    setup.clock.pass(20 * SECOND + SECOND);
    let taking_over = visit(browser.copy_to(&other));
    provider.arrived(TOKEN, 3).await;
    TakenOver {
        provider,
        browser,
        late,
        taking_over,
        _apps: [app, other],
    }
}

/// Asserts that `visit` does not end while there is time enough to believe a refusal.
async fn doubts(visit: &mut JoinHandle<Page>) {
    let believed = timeout(Duration::from_millis(300), visit).await;
    assert!(believed.is_err(), "{believed:?}");
}

fn refusal() -> Reply {
    Reply::error(400, 1071, "invalid_grant")
}

/// Smartsheet granted the one that held the lease a new pair, and it stores it late.
#[tokio::test]
async fn a_pair_that_is_stored_late_is_not_lost_to_an_instance_that_took_over() {
    let gate = Gate::closed();
    let held = gate.clone();
    let mut world = taken_over(move || Reply::pair(2).behind(&held), refusal).await;
    doubts(&mut world.taking_over).await;
    gate.open();
    world.late.await.unwrap().shows(200, &["Ann"]);
    world.taking_over.await.unwrap().shows(200, &["Ann"]);
    assert_eq!(world.provider.count(TOKEN), 3);
    world.browser.get("/me").await.shows(200, &["Ann"]);
}

/// Its lease lapsed before its request came through: what is refused to it was granted to the other.
#[tokio::test]
async fn an_instance_that_comes_too_late_waits_for_the_one_that_took_over() {
    let (refusing, granting) = (Gate::closed(), Gate::closed());
    let (refused, granted) = (refusing.clone(), granting.clone());
    let mut world = taken_over(
        move || refusal().behind(&refused),
        move || Reply::pair(2).behind(&granted),
    )
    .await;
    refusing.open();
    doubts(&mut world.late).await;
    granting.open();
    world.late.await.unwrap().shows(200, &["Ann"]);
    world.taking_over.await.unwrap().shows(200, &["Ann"]);
    assert_eq!(world.provider.count(TOKEN), 3);
}

/// Nobody comes with the new pair: whoever held the lease has died with it.
#[tokio::test]
async fn a_pair_that_is_lost_ends_in_a_request_to_sign_in() {
    let world = taken_over(Reply::silence, refusal).await;
    let page = world.taking_over.await.unwrap();
    page.is_error(401, &["Please sign in again"]);
    world.browser.get("/me").await.is_signed_out();
    world.late.abort();
}

/// Another tab brought a new token, and that has expired, too, by the time it is used: a visit calls twice at most.
#[tokio::test]
async fn a_token_that_others_brought_and_is_refused_as_well_is_for_the_next_visit_to_refresh() {
    let gate = Gate::closed();
    let held = gate.clone();
    let script = move |request: &Seen, n| match request.line.as_str() {
        ME if n == 0 => None,
        ME if !request.head.contains("access-secret-3") => {
            Some(Reply::error(401, 1003, "expired_token"))
        }
        TOKEN if n == 1 => Some(Reply::pair(2).behind(&held)),
        _ => None,
    };
    let (provider, _, _app, browser) = signed_in(script, |setup| setup).await;
    let tab = browser.clone();
    let first = tokio::spawn(async move { refresh_now(&tab).await });
    provider.arrived(TOKEN, 2).await;
    let tab = browser.clone();
    let second = tokio::spawn(async move { tab.get("/me").await });
    provider.arrived(ME, 2).await;
    gate.open();
    first.await.unwrap().redirects_to("/me");
    second
        .await
        .unwrap()
        .is_error(401, &["Please sign in again"]);
    assert_eq!(provider.count(TOKEN), 2);
    browser.get("/me").await.shows(200, &["Ann"]);
    assert_eq!(provider.count(TOKEN), 3);
    assert_eq!(
        bearers(&provider)[1..],
        [
            "access-secret-1",
            "access-secret-2",
            "access-secret-2",
            "access-secret-3"
        ]
    );
}
