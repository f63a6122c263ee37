//! From a phone in the same network: another name than `localhost`, and no https. There browsers don't say by `Sec-Fetch-Site`
//! where a form comes from.

use crate::support::{Browser, OtherSite, TestApp, grace};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn every_form_works_without_https() {
    let app = TestApp::without_tls().await;
    let browser = Browser::signed_in(&app).await;
    browser.press_button("Refresh now").await;
    browser.shows("Refreshed just now").await;

    browser.visit("/break").await;
    browser.expect_failure("/redirect", 403);
    browser.press_button("Deny access").await;
    browser.arrives_at("/redirect").await;
    browser.shows("You chose not to sign in").await;

    browser.visit("/me").await;
    browser.shows(grace::EMAIL).await;
    browser.press_button("Sign out").await;
    browser.arrives_at("/signed-out").await;
    browser.shows("Tokens revoked: 200").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn no_other_site_can_sign_a_person_out_without_https() {
    let app = TestApp::without_tls().await;
    let browser = Browser::signed_in(&app).await;
    for policy in ["no-referrer", "unsafe-url"] {
        let page = format!(
            "<meta name=referrer content={policy}><form method=post action='{}/logout'></form>\
             <script>document.forms[0].submit()</script>",
            app.base
        );
        let elsewhere = OtherSite::with(&page).await;
        browser.expect_failure("/logout", 403);
        browser.go_to(&elsewhere.cross_site()).await;
        browser.arrives_at("/logout").await;
        browser.shows("Request from another site refused").await;
    }
    browser.visit("/me").await;
    browser.shows(grace::EMAIL).await;
}
