//! What Chromium fetches ahead of a person.

use crate::support::{Browser, OtherSite, TestApp, grace, until};

/// A page that has `url` fetched as soon as it is open, and a link to it.
fn prefetches(url: &str) -> String {
    let rules = serde_json::json!({"prefetch": [{"urls": [url], "eagerness": "immediate"}]});
    let rules = rules.to_string().replace('<', "\\u003c");
    let link = url.replace('&', "&amp;");
    format!("<script type=speculationrules>{rules}</script><a href='{link}'>Go on</a>")
}

async fn was_fetched_ahead(app: &TestApp, count: u64) {
    until("Chromium fetches it ahead", async || {
        (app.speculative_requests().await >= count).then_some(())
    })
    .await;
}

/// The page is of the app's own site, because from others Chromium fetches nothing ahead where there is a cookie.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn a_callback_that_is_fetched_ahead_still_signs_in() {
    let app = TestApp::start().await;
    let browser = Browser::open(&app).await;
    browser.visit("/login").await;
    browser.is_asked_for_consent().await;
    let callback = app.callback_of(&browser.url().await).await;

    let elsewhere = OtherSite::with(&prefetches(&callback)).await;
    browser.go_to(&elsewhere.same_site()).await;
    was_fetched_ahead(&app, 1).await;
    assert!(app.token_requests().await.is_empty());
    // The person's own request. A link on that page would not do: Chromium keeps the 204 for it, and stays where it is.
    browser.go_to(&callback).await;
    browser.arrives_at("/me").await;
    browser.shows(grace::EMAIL).await;
    assert_eq!(app.token_requests().await, ["authorization_code 200"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn a_sign_in_that_is_fetched_ahead_begins_when_it_is_wanted() {
    let app = TestApp::start().await;
    let browser = Browser::open(&app).await;
    let login = format!("{}/login", app.base);
    let elsewhere = OtherSite::with(&prefetches(&login)).await;
    browser.go_to(&elsewhere.same_site()).await;
    was_fetched_ahead(&app, 1).await;
    browser.go_to(&login).await;
    browser.is_asked_for_consent().await;
    browser.press_button("Allow").await;
    browser.arrives_at("/me").await;
    browser.shows(grace::EMAIL).await;
}
