//! Impatience: a double click, and all tabs at once.

use serde_json::json;

use crate::support::{Browser, TestApp, grace, until};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn a_double_click_on_allow_is_no_error() {
    let app = TestApp::start().await;
    let browser = Browser::open(&app).await;
    browser.visit("/login").await;
    browser.is_asked_for_consent().await;
    let click_twice = "const allow = [...document.querySelectorAll('button')].find(b => b.textContent.trim() === 'Allow'); \
                       allow.click(); allow.click();";
    let client = browser.client();
    client.execute(click_twice, Vec::new()).await.unwrap();
    // Chromium gives up the first request, and with it perhaps the cookie of its answer: then Smartsheet asks once more.
    let arrived = until("the profile, or the question again", async || {
        let url = browser.url().await;
        let is_profile = url.as_str() == format!("{}/me", app.base);
        let is_asked = url.path().ends_with("/authorize") && !url.as_str().contains("decision");
        (is_profile || is_asked).then_some(is_profile)
    });
    if !arrived.await {
        browser.press_button("Allow").await;
        browser.arrives_at("/me").await;
    }
    browser.shows(grace::EMAIL).await;
}

/// As when a browser that has no cookie yet restores its tabs.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn five_tabs_opened_at_once_all_arrive() {
    let app = TestApp::start().await;
    let browser = Browser::open(&app).await;
    let open = "for (let tab = 0; tab < 5; tab++) window.open(`${arguments[0]}/login?return_to=/me?tab=${tab}`);";
    let client = browser.client();
    client.execute(open, vec![json!(app.base)]).await.unwrap();
    let own = browser.tab().await;
    let tabs = until("five tabs", async || {
        let tabs = client.windows().await.unwrap();
        (tabs.len() == 6).then_some(tabs)
    });
    let tabs = tabs.await.into_iter().filter(|tab| *tab != own);
    let tabs: Vec<_> = tabs.collect();
    for tab in &tabs {
        browser.switch_to(tab).await;
        browser.is_asked_for_consent().await;
    }
    for tab in &tabs {
        browser.switch_to(tab).await;
        browser.press_button("Allow").await;
    }
    for tab in &tabs {
        browser.switch_to(tab).await;
        browser.arrives_at("/me").await;
        browser.shows(grace::EMAIL).await;
        browser.reload().await;
        browser.shows(grace::EMAIL).await;
    }
    assert_eq!(app.token_requests().await, ["authorization_code 200"; 5]);
}
