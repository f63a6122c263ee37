//! Access tokens that are refused however new they are: neither calls nor refreshes multiply.

use reqwest::Method;

use crate::refresh::{ME, TOKEN, bearers, signed_in};
use crate::support::{Browser, Gate, Page, Reply, Seen};

/// As many as a session may have under way.
const VISITS: usize = 8;

fn expired() -> Reply {
    Reply::error(401, 1003, "expired_token")
}

async fn refresh_now(browser: &Browser) -> Page {
    let headers = [("accept", "text/html"), ("sec-fetch-site", "same-origin")];
    browser.send(Method::POST, "/refresh", &headers).await
}

#[tokio::test]
async fn many_visits_make_one_refresh_and_two_calls_each() {
    let gate = Gate::closed();
    let held = gate.clone();
    let script = move |request: &Seen, n| match request.line.as_str() {
        ME if n == 0 => None,
        ME if n <= VISITS => Some(expired().behind(&held)),
        ME => Some(expired()),
        _ => None,
    };
    let (provider, _setup, _app, browser) = signed_in(script, |setup| setup).await;
    let visits: Vec<_> = (0..VISITS)
        .map(|_| {
            let tab = browser.clone();
            tokio::spawn(async move { tab.get("/me").await })
        })
        .collect();
    provider.arrived(ME, 1 + VISITS).await;
    gate.open();
    for visit in visits {
        visit
            .await
            .unwrap()
            .is_error(401, &["Please sign in again"]);
    }
    assert_eq!(provider.count(TOKEN), 1 + 1);
    assert_eq!(provider.count(ME), 1 + 2 * VISITS);
    // One that comes later may hope again, and is no less bounded.
    browser
        .get("/me")
        .await
        .is_error(401, &["Please sign in again"]);
    assert_eq!(provider.count(TOKEN), 1 + 2);
    assert_eq!(provider.count(ME), 1 + 2 * VISITS + 2);
}

/// While a visit tries its second token, another tab exchanges that for a third.
#[tokio::test]
async fn a_visit_that_is_overtaken_twice_says_so_and_nobody_is_signed_out() {
    let gate = Gate::closed();
    let held = gate.clone();
    let script = move |request: &Seen, n| match request.line.as_str() {
        ME if n == 1 => Some(expired()),
        ME if n == 2 => Some(expired().behind(&held)),
        _ => None,
    };
    let (provider, _setup, _app, browser) = signed_in(script, |setup| setup).await;
    let tab = browser.clone();
    let visit = tokio::spawn(async move { tab.get("/me").await });
    provider.arrived(ME, 3).await;
    refresh_now(&browser).await.redirects_to("/me");
    gate.open();
    let page = visit.await.unwrap();
    page.is_error(503, &["Another page of yours", "You are still signed in"]);
    assert_eq!(page.header("retry-after"), "1");
    browser.get("/me").await.shows(200, &["Ann"]);
    assert_eq!(
        bearers(&provider)[1..],
        ["access-secret-1", "access-secret-2", "access-secret-3"]
    );
}
