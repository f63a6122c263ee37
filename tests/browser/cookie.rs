//! The session's cookie, as the browser keeps it.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{Browser, TestApp};

/// What a session id of 128 bits takes in base64. No token fits.
const ID_LENGTH: usize = 22;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn the_only_cookie_points_at_the_session_and_is_out_of_reach() {
    let app = TestApp::start().await;
    let browser = Browser::open(&app).await;
    browser.visit("/").await;
    assert!(
        browser.cookies().await.is_empty(),
        "who only looks is not marked"
    );

    browser.visit("/login").await;
    browser.is_asked_for_consent().await;
    assert!(
        browser.cookies().await.is_empty(),
        "Smartsheet's site sees none"
    );
    // A page of the app that leaves the sign-in alone.
    browser.visit("/").await;
    let sign_in = the_cookie(&browser).await;
    let name = sign_in["name"].as_str().unwrap();
    assert!(name.starts_with("sign-in-"), "{sign_in}");
    let minutes = (sign_in["expiry"].as_i64().unwrap() - Timestamp::now().as_second()) / 60;
    assert!((8..=10).contains(&minutes), "{minutes} minutes");

    browser.back().await;
    browser.is_asked_for_consent().await;
    browser.press_button("Allow").await;
    browser.arrives_at("/me").await;
    // That of the sign-in is gone with it.
    let cookie = the_cookie(&browser).await;

    for (attribute, expected) in [
        ("name", json!("session")),
        ("path", json!("/")),
        // With a dot in front it would be sent to subdomains, too.
        ("domain", json!("localhost")),
        ("httpOnly", json!(true)),
        ("sameSite", json!("Lax")),
        // Over plain HTTP it would be refused otherwise.
        ("secure", json!(false)),
    ] {
        assert_eq!(cookie[attribute], expected, "{attribute} of {cookie}");
    }
    assert_eq!(
        cookie["value"].as_str().unwrap().len(),
        ID_LENGTH,
        "{cookie}"
    );
    let days = (cookie["expiry"].as_i64().unwrap() - Timestamp::now().as_second()) / (24 * 60 * 60);
    assert!((89..=90).contains(&days), "{days} days");

    let seen_by_scripts = browser
        .client()
        .execute("return document.cookie", Vec::new());
    assert_eq!(seen_by_scripts.await.unwrap(), "");
    let stored = "return localStorage.length + sessionStorage.length";
    let stored = browser.client().execute(stored, Vec::new());
    assert_eq!(stored.await.unwrap(), 0);
}

async fn the_cookie(browser: &Browser) -> Value {
    let cookies = browser.cookies().await;
    let [cookie] = &cookies[..] else {
        panic!("not one cookie: {cookies:?}");
    };
    cookie.clone()
}
