//! Signing out, and that nothing stays behind in the browser.

use crate::support::{Browser, TestApp, grace};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn signing_out_ends_at_the_first_page_without_a_cookie() {
    let app = TestApp::start().await;
    let browser = Browser::signed_in(&app).await;

    browser.press_button("Sign out").await;
    browser.arrives_at("/signed-out").await;
    browser.shows_sign_in().await;
    // The cookie that is left leads to the messages of the sign-out alone.
    let cookies = browser.cookies().await;
    let names: Vec<&str> = cookies
        .iter()
        .map(|cookie| cookie["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["signed-out"]);
    browser.shows("Tokens revoked: 200").await;
    assert_eq!(
        app.token_requests().await,
        ["authorization_code 200", "DELETE 200"]
    );

    browser.visit("/me").await;
    browser.is_asked_for_consent().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn a_click_after_signing_out_in_another_tab_asks_to_sign_in() {
    let app = TestApp::start().await;
    let browser = Browser::signed_in(&app).await;
    let first = browser.tab().await;
    let second = browser.new_tab().await;
    let third = browser.new_tab().await;
    for tab in [&third, &second] {
        browser.switch_to(tab).await;
        browser.visit("/me").await;
        browser.shows(grace::EMAIL).await;
    }

    browser.press_button("Sign out").await;
    browser.shows_sign_in().await;

    browser.switch_to(&first).await;
    browser.press_button("Refresh now").await;
    browser.is_asked_for_consent().await;
    browser.switch_to(&third).await;
    browser.press_button("Sign out").await;
    browser.arrives_at("/signed-out").await;
    browser.shows_sign_in().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn the_back_button_shows_nothing_private() {
    let app = TestApp::start().await;
    let browser = Browser::open(&app).await;
    browser.visit("/").await;
    browser.follow("/login").await;
    browser.is_asked_for_consent().await;
    browser.press_button("Allow").await;
    browser.arrives_at("/me").await;
    browser.shows(grace::TITLE).await;
    browser.follow("/").await;
    browser.shows(grace::NAME).await;
    browser.press_button("Sign out").await;
    browser.shows_sign_in().await;

    let mut seen = Vec::new();
    for _ in 0..4 {
        browser.back().await;
        shows_nothing_private(&browser).await;
        seen.push(browser.url().await.path().to_owned());
    }
    for _ in 0..4 {
        browser.forward().await;
        shows_nothing_private(&browser).await;
    }
    // The start page, the profile (which asks to sign in), the consent page, and the start page before all that.
    assert_eq!(
        seen,
        ["/", "/sandbox/b/authorize", "/sandbox/b/authorize", "/"]
    );
}

/// The consent page offers the sandbox's users by name; what their profiles say is private there, too.
async fn shows_nothing_private(browser: &Browser) {
    let source = browser.source().await;
    let is_consent = browser.url().await.path().starts_with("/sandbox/");
    let private = if is_consent {
        &[grace::TITLE, grace::PHONE][..]
    } else {
        &[grace::TITLE, grace::PHONE, grace::NAME, grace::EMAIL]
    };
    for text in private {
        assert!(!source.contains(text), "{text} at {}", browser.url().await);
    }
}
