//! Requests that pages of other sites start, with the cookies that a real browser sends along.

use crate::support::{Browser, OtherSite, TestApp, grace};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn the_callback_arrives_from_another_site_with_its_cookie() {
    let app = TestApp::start().await;
    let browser = Browser::open(&app).await;
    browser.visit("/login").await;
    browser.is_asked_for_consent().await;
    let callback = app.callback_of(&browser.url().await).await;

    let elsewhere = OtherSite::with(&link_to(&callback)).await;
    browser.go_to(&elsewhere.cross_site()).await;
    browser.follow(&callback).await;
    browser.arrives_at("/me").await;
    browser.shows(grace::EMAIL).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn somebody_elses_callback_signs_nobody_in() {
    let app = TestApp::start().await;
    let attacker = Browser::open(&app).await;
    attacker.visit("/login").await;
    attacker.is_asked_for_consent().await;
    let callback = app.callback_of(&attacker.url().await).await;
    let forged = format!("{}/redirect?code=stolen&state=forged", app.base);

    let victim = Browser::open(&app).await;
    // With a sign-in of their own under way, and so with a cookie.
    victim.visit("/login").await;
    for link in [&callback, &forged] {
        let elsewhere = OtherSite::with(&link_to(link)).await;
        victim.go_to(&elsewhere.cross_site()).await;
        victim.expect_failure("/redirect", 400);
        victim.follow(link).await;
        victim.arrives_at("/redirect").await;
        victim.shows("This sign-in is no longer valid").await;
        victim.visit("/").await;
        victim.shows_sign_in().await;
    }
    assert!(app.token_requests().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn no_other_site_can_sign_a_person_out_or_refresh() {
    let app = TestApp::start().await;
    let browser = Browser::signed_in(&app).await;

    for path in ["/logout", "/refresh"] {
        let form = format!("<form method=post action='{}{path}'></form>", app.base);
        let submit = "<script>document.forms[0].submit()</script>";
        let elsewhere = OtherSite::with(&format!("{form}{submit}")).await;
        for address in [elsewhere.cross_site(), elsewhere.same_site()] {
            browser.expect_failure(path, 403);
            browser.go_to(&address).await;
            browser.arrives_at(path).await;
            browser.shows("Request from another site refused").await;
            browser.visit("/me").await;
            browser.arrives_at("/me").await;
            browser.shows(grace::EMAIL).await;
        }
    }
    assert_eq!(app.token_requests().await, ["authorization_code 200"]);
}

fn link_to(url: &str) -> String {
    format!("<a href='{}'>Win a prize</a>", url.replace('&', "&amp;"))
}
