//! `/signed-out`: what a sign-out did, for the browser that has just signed out, and nothing of the person.

use std::time::Duration;

use serde_json::json;

use crate::support::{MINUTE, World};

#[tokio::test]
async fn it_says_what_became_of_the_tokens() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    browser.sign_out().await.redirects_to("/signed-out");
    let page = browser.get("/signed-out").await;
    page.shows(
        200,
        &["You are signed out", "Tokens revoked: 200 OK", "/login"],
    );
    assert_eq!(page.header("cache-control"), "no-store");
    for private in ["Grace", "Hopper", "grace.hopper@example.com"] {
        assert!(!page.body.contains(private), "{private}");
    }
    // A sign-in takes it away.
    browser.sign_in("full").await.redirects_to("/me");
    browser.get("/signed-out").await.redirects_to("/");
}

#[tokio::test]
async fn a_revocation_that_failed_is_told() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    world
        .sandbox
        .fault("/2.0/token", "server_error", 1, json!({}))
        .await;
    browser.sign_out().await.redirects_to("/signed-out");
    let page = browser.get("/signed-out").await;
    page.shows(
        200,
        &[
            "You are signed out",
            "not revoked yet",
            "500",
            "tries again",
        ],
    );

    let browser = world.signed_in("full").await;
    world.sandbox.revoke().await;
    browser.sign_out().await.redirects_to("/signed-out");
    browser
        .get("/signed-out")
        .await
        .shows(200, &["You are signed out", "void already"]);
}

#[tokio::test]
async fn it_is_for_that_browser_and_for_ten_minutes() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    browser.sign_out().await;
    let stranger = world.browser();
    stranger.get("/signed-out").await.redirects_to("/");
    stranger.set_cookie("signed-out", "made-up");
    stranger.get("/signed-out").await.redirects_to("/");
    browser
        .get("/signed-out")
        .await
        .shows(200, &["You are signed out"]);
    // The cookie of then, which a browser would have dropped.
    let value = browser.cookies()["signed-out"].clone();
    world
        .setup
        .clock
        .pass((10 * MINUTE).saturating_add(Duration::from_secs(1)));
    stranger.set_cookie("signed-out", &value);
    stranger.get("/signed-out").await.redirects_to("/");

    // Whoever was not signed in has nothing to be shown.
    let nobody = world.browser();
    nobody.sign_out().await.redirects_to("/signed-out");
    nobody.get("/signed-out").await.redirects_to("/");
}
