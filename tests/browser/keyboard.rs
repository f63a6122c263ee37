//! Everything without a mouse.

use fantoccini::key::Key;

use crate::support::{Browser, Focus, TestApp};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn from_the_first_page_to_the_profile_and_out_by_keys_alone() {
    let app = TestApp::start().await;
    let browser = Browser::open(&app).await;

    browser.visit("/").await;
    browser.tab_to(|focus| focus.href.ends_with("/login")).await;
    browser.press(Key::Enter).await;

    browser.is_asked_for_consent().await;
    // The person who is proposed has the focus of the group; the arrow chooses the next.
    browser
        .tab_to(|focus| focus.text.contains("grace.hopper@example.com"))
        .await;
    browser.press(Key::Down).await;
    let focus = browser.focus().await;
    assert!(
        focus.text.contains("sam@example.com") && focus.visible,
        "{focus:?}"
    );
    browser.tab_to(is_button("Allow")).await;
    browser.press(Key::Enter).await;

    browser.arrives_at("/me").await;
    browser.shows("sam@example.com").await;
    browser.tab_to(is_button("Refresh now")).await;
    browser.press(Key::Enter).await;
    browser.arrives_at("/me").await;
    browser.shows("sam@example.com").await;
    browser.tab_to(is_button("Sign out")).await;
    browser.press(Key::Enter).await;
    browser.arrives_at("/signed-out").await;
    browser.shows_sign_in().await;
}

fn is_button(text: &str) -> impl Fn(&Focus) -> bool {
    move |focus| focus.tag == "button" && focus.text == text
}
