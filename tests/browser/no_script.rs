//! A browser whose owner has turned JavaScript off.

use crate::support::{Browser, OtherSite, TestApp, grace};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn everything_works_without_scripts() {
    let app = TestApp::start().await;
    let browser = Browser::without_scripts(&app).await;
    let script = "<script>document.title = 'scripts run'</script>";
    let probe = OtherSite::with(script).await;
    browser.go_to(&probe.same_site()).await;
    assert_eq!(browser.client().title().await.unwrap(), "Elsewhere");

    browser.visit("/").await;
    browser.follow("/login").await;
    browser.is_asked_for_consent().await;
    browser.press_button("Allow").await;
    browser.arrives_at("/me").await;
    browser.shows(grace::EMAIL).await;
    browser.shows(grace::TITLE).await;
    browser.press_button("Refresh now").await;
    browser.arrives_at("/me").await;
    browser.shows(grace::EMAIL).await;
    assert_eq!(
        app.token_requests().await,
        ["authorization_code 200", "refresh_token 200"]
    );
    browser.press_button("Sign out").await;
    browser.arrives_at("/signed-out").await;
    browser.shows_sign_in().await;
}
