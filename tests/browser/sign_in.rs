//! Signing in, and what may come in between.

use std::time::Duration;

use crate::support::{Browser, TestApp, grace};

const DAY: Duration = Duration::from_hours(24);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn from_the_first_page_to_the_profile() {
    let app = TestApp::start().await;
    let browser = Browser::open(&app).await;

    browser.visit("/").await;
    browser.follow("/login").await;
    browser.is_asked_for_consent().await;
    browser.choose("sam@example.com").await;
    browser.press_button("Allow").await;
    browser.arrives_at("/me").await;
    browser.shows("sam@example.com").await;

    browser.visit("/").await;
    browser.shows("sam@example.com").await;
    assert_eq!(app.token_requests().await, ["authorization_code 200"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn who_denies_is_told_so_and_may_change_their_mind() {
    let app = TestApp::start().await;
    let browser = Browser::open(&app).await;

    browser.visit("/").await;
    browser.follow("/login").await;
    browser.is_asked_for_consent().await;
    browser.expect_failure("/redirect", 403);
    browser.press_button("Deny").await;
    browser.arrives_at("/redirect").await;
    browser.shows("You chose not to sign in").await;
    assert!(app.token_requests().await.is_empty());

    browser.follow("/login").await;
    browser.is_asked_for_consent().await;
    browser.press_button("Allow").await;
    browser.arrives_at("/me").await;
    browser.shows(grace::EMAIL).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn the_sign_in_leads_where_the_person_wanted_to_go() {
    let app = TestApp::start().await;
    let browser = Browser::open(&app).await;

    browser.visit("/login?return_to=/%3Ffrom%3Da%20link").await;
    browser.is_asked_for_consent().await;
    browser.press_button("Allow").await;
    browser.arrives_at("/").await;
    assert_eq!(browser.url().await.query(), Some("from=a%20link"));
    browser.shows(grace::NAME).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn two_tabs_sign_in_at_the_same_time_and_both_arrive() {
    let app = TestApp::start().await;
    let browser = Browser::open(&app).await;
    let first = browser.tab().await;
    let second = browser.new_tab().await;

    for tab in [&first, &second] {
        browser.switch_to(tab).await;
        browser.visit("/").await;
    }
    for tab in [&first, &second] {
        browser.switch_to(tab).await;
        browser.follow("/login").await;
        browser.is_asked_for_consent().await;
    }
    for tab in [&first, &second] {
        browser.switch_to(tab).await;
        browser.press_button("Allow").await;
        browser.arrives_at("/me").await;
        browser.shows(grace::EMAIL).await;
    }
    browser.switch_to(&first).await;
    browser.reload().await;
    browser.arrives_at("/me").await;
    browser.shows(grace::EMAIL).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn reloading_the_callback_harms_nobody() {
    let app = TestApp::start().await;
    let browser = Browser::open(&app).await;

    browser.visit("/login").await;
    browser.is_asked_for_consent().await;
    let callback = app.callback_of(&browser.url().await).await;
    browser.go_to(&callback).await;
    browser.arrives_at("/me").await;

    // Whoever opens it again goes where it led.
    for _ in 0..2 {
        browser.go_to(&callback).await;
        browser.arrives_at("/me").await;
        browser.shows(grace::EMAIL).await;
        browser.reload().await;
        browser.shows(grace::EMAIL).await;
    }
    assert_eq!(app.token_requests().await, ["authorization_code 200"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn refresh_now_leads_back_to_the_profile() {
    let app = TestApp::start().await;
    let browser = Browser::signed_in(&app).await;

    browser.press_button("Refresh now").await;
    browser.arrives_at("/me").await;
    browser.shows(grace::EMAIL).await;
    assert_eq!(
        app.token_requests().await,
        ["authorization_code 200", "refresh_token 200"]
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn a_tab_left_open_for_days_goes_on_or_says_who_it_is_for_no_more() {
    let app = TestApp::start().await;
    let browser = Browser::signed_in(&app).await;

    // The access token is about to expire, the session is not.
    app.pass(6 * DAY + Duration::from_mins(24 * 60 - 2));
    browser.follow("/me").await;
    browser.arrives_at("/me").await;
    browser.shows(grace::EMAIL).await;
    assert_eq!(
        app.token_requests().await,
        ["authorization_code 200", "refresh_token 200"]
    );

    app.pass(8 * DAY);
    browser.follow("/me").await;
    browser.is_asked_for_consent().await;
}
