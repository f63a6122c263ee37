//! Two sites beside the app, and a person who goes from one to the other.

use crate::support::{Browser, GuardedSite, TestApp, grace};

async fn two_sites() -> (TestApp, GuardedSite, GuardedSite) {
    let (wiki, board) = (
        GuardedSite::at("wiki").await,
        GuardedSite::at("board").await,
    );
    let app = TestApp::beside(&[&wiki, &board]).await;
    (app, wiki, board)
}

/// Goes to a page of a site and signs in.
async fn sign_in(browser: &Browser, page: &str) {
    browser.go_to(page).await;
    browser.is_asked_for_consent().await;
    browser.press_button("Allow").await;
    browser.shows(grace::NAME).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn one_sign_in_for_all_sites_and_one_sign_out() {
    let (app, wiki, board) = two_sites().await;
    let browser = Browser::open(&app).await;
    let page = format!("{}/page?a=b&c=%C3%A9", wiki.origin);
    sign_in(&browser, &page).await;
    browser
        .shows("GET /page?a=b&c=%C3%A9 for Grace Hopper")
        .await;
    assert_eq!(browser.url().await.as_str(), page);
    // The other one: no click.
    browser.go_to(&format!("{}/", board.origin)).await;
    browser.shows("GET / for Grace Hopper").await;
    // Back to the first, and forward.
    browser.back().await;
    browser
        .shows("GET /page?a=b&c=%C3%A9 for Grace Hopper")
        .await;
    browser.forward().await;
    browser.shows("GET / for Grace Hopper").await;

    // Signed out at one, and so everywhere: its own page asks first.
    browser.press_button("Sign out").await;
    browser.is_asked_for_consent().await;
    browser.go_to(&page).await;
    browser.is_asked_for_consent().await;
    browser.visit("/").await;
    browser.shows_sign_in().await;
    assert_eq!(
        app.token_requests().await,
        ["authorization_code 200", "DELETE 200"]
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn two_tabs_that_sign_in_at_once_both_arrive() {
    let (app, wiki, _board) = two_sites().await;
    let browser = Browser::open(&app).await;
    let first = browser.tab().await;
    let second = browser.new_tab().await;
    browser.go_to(&format!("{}/one", wiki.origin)).await;
    browser.is_asked_for_consent().await;
    browser.switch_to(&second).await;
    browser.go_to(&format!("{}/two", wiki.origin)).await;
    browser.is_asked_for_consent().await;
    browser.press_button("Allow").await;
    browser.shows("GET /two for Grace Hopper").await;
    browser.switch_to(&first).await;
    browser.press_button("Allow").await;
    browser.shows("GET /one for Grace Hopper").await;
    browser.switch_to(&second).await;
    browser.reload().await;
    browser.shows("GET /two for Grace Hopper").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn a_way_back_that_was_used_leads_on() {
    let (app, wiki, _board) = two_sites().await;
    let browser = Browser::open(&app).await;
    sign_in(&browser, &format!("{}/", wiki.origin)).await;
    let arrive = format!("{}/auth/arrive?ticket=used&return_to=/page", wiki.origin);
    for _ in 0..2 {
        browser.expect_failure("/auth/arrive", 400);
    }
    browser.go_to(&arrive).await;
    browser.shows("This sign-in can’t be finished").await;
    browser.reload().await;
    browser.shows("This sign-in can’t be finished").await;
    browser.follow("/auth/sign-in?return_to=/page").await;
    browser.shows("GET /page for Grace Hopper").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn whoever_denies_is_told_so() {
    let (app, wiki, _board) = two_sites().await;
    let browser = Browser::open(&app).await;
    browser.go_to(&format!("{}/page", wiki.origin)).await;
    browser.is_asked_for_consent().await;
    browser.expect_failure("/redirect", 403);
    browser.press_button("Deny").await;
    browser.shows("You chose not to sign in").await;
    // And may think again.
    sign_in(&browser, &format!("{}/page", wiki.origin)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn a_form_that_comes_too_late_is_not_lost() {
    let (app, wiki, board) = two_sites().await;
    let browser = Browser::open(&app).await;
    sign_in(&browser, &format!("{}/form", wiki.origin)).await;
    let first = browser.tab().await;
    let second = browser.new_tab().await;
    let text = browser.find("//textarea").await;
    text.send_keys("What took an hour").await.unwrap();
    browser.switch_to(&second).await;
    browser.go_to(&format!("{}/", board.origin)).await;
    browser.press_button("Sign out").await;
    browser.is_asked_for_consent().await;

    browser.switch_to(&first).await;
    browser.expect_failure("/send", 401);
    browser.press_button("Send").await;
    browser.shows("Sign in to go on").await;
    browser.shows("nothing of it was sent").await;
    // As the page says: signed in in another tab, back to the form, sent again.
    browser.switch_to(&second).await;
    sign_in(&browser, &format!("{}/", wiki.origin)).await;
    browser.switch_to(&first).await;
    browser.back().await;
    let text = browser.find("//textarea").await;
    let kept = text.prop("value").await.unwrap();
    assert_eq!(kept.as_deref(), Some("What took an hour"));
    browser.press_button("Send").await;
    browser.shows("POST /send for Grace Hopper").await;
}
