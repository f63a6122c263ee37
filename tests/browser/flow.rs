//! What was said, as a person reads it.

use fantoccini::Locator;

use crate::support::{Browser, TestApp, grace};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn each_message_opens_without_scripts_and_hides_its_secrets() {
    let app = TestApp::start().await;
    let browser = Browser::without_scripts(&app).await;
    browser.visit("/flow").await;
    browser.shows("Example").await;

    browser.visit("/login?return_to=/flow").await;
    browser.is_asked_for_consent().await;
    browser.press_button("Allow").await;
    browser.arrives_at("/flow").await;
    browser.shows("The flow of your sign-in").await;
    let session = browser.cookies().await[0]["value"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(!browser.source().await.contains(&session[..5]));

    let summaries = browser
        .client()
        .find_all(Locator::Css(".message > summary"));
    let summaries = summaries.await.unwrap();
    assert_eq!(summaries.len(), 4);
    for summary in &summaries {
        summary.click().await.unwrap();
    }
    let blocks = browser
        .client()
        .find_all(Locator::Css(".inside > pre, .inside > .block > pre"));
    let blocks = blocks.await.unwrap();
    // Request, answer and command of each; the exchange has a body both ways.
    assert_eq!(blocks.len(), 4 * 3 + 2);
    for block in blocks {
        assert!(block.is_displayed().await.unwrap());
        assert!(!block.text().await.unwrap().is_empty());
    }
    browser.shows("POST /sandbox/2.0/token HTTP/1.1").await;
    browser.shows("\"access_token\": \"").await;
    browser.shows("\"code=$CODE\"").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn it_is_this_browsers_alone_and_goes_with_the_sign_out() {
    let app = TestApp::start().await;
    let browser = Browser::signed_in(&app).await;
    browser.visit("/flow").await;
    browser.shows("The flow of your sign-in").await;
    assert!(browser.source().await.contains(grace::EMAIL));

    let other = Browser::open(&app).await;
    other.visit("/flow").await;
    other.shows("Example").await;
    assert!(!other.source().await.contains(grace::EMAIL));

    browser.visit("/me").await;
    browser.press_button("Sign out").await;
    browser.shows_sign_in().await;
    browser.visit("/flow").await;
    browser.shows("Example").await;
    assert!(!browser.source().await.contains(grace::EMAIL));
}
