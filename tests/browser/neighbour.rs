//! A neighbour: another host of the app's domain, spoken for by whoever is on the network, plants cookies in the browser.

use crate::support::{Browser, DOMAIN, OtherSite, TestApp, grace};

/// Names that cookie layers read as `__Host-session`.
const SPELLINGS: [&str; 7] = [
    "%5F%5FHost-session",
    "__Host%2Dsession",
    "%5f%5fHost%2dsession",
    "\u{a0}__Host-session",
    "__Host-session\u{a0}",
    "\u{3000}__Host-session",
    "__Host-session",
];

/// Every spelling with the value of `cookie`, for all hosts of the domain.
fn planted(cookie: &str) -> Vec<String> {
    let (_, value) = cookie.split_once('=').unwrap();
    SPELLINGS
        .iter()
        .map(|name| format!("{name}={value}; Domain={DOMAIN}; Path=/"))
        .collect()
}

/// How many planted cookies the browser sends to the app.
async fn sent(browser: &Browser) -> usize {
    let cookies = browser.cookies().await;
    let planted = cookies.iter().filter(|cookie| {
        let domain = cookie["domain"].as_str().unwrap();
        domain.trim_start_matches('.') == DOMAIN
    });
    planted.count()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn who_is_signed_in_stays_who_they_are() {
    let app = TestApp::behind_tls().await;
    let attacker = app.session_of("minimal").await;
    assert_eq!(app.status_of_me(&attacker).await, 200);
    let neighbour = OtherSite::setting(planted(&attacker)).await;

    let browser = Browser::signed_in(&app).await;
    browser.shows(grace::EMAIL).await;
    let cookies = browser.cookies().await;
    let own = format!("__Host-session={}", cookies[0]["value"].as_str().unwrap());
    browser.go_to(&neighbour.next_door()).await;
    browser.visit("/me").await;
    browser.shows(grace::EMAIL).await;
    assert!(!browser.source().await.contains("sam@example.com"));
    // Chromium keeps those that are spelt otherwise, and sends them along.
    assert!(sent(&browser).await >= 5);

    // And it is the real session that a sign-out ends.
    browser.press_button("Sign out").await;
    browser.arrives_at("/signed-out").await;
    browser.shows_sign_in().await;
    assert_eq!(app.status_of_me(&own).await, 401);
    assert_eq!(app.status_of_me(&attacker).await, 200);
    assert!(sent(&browser).await >= 5);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; run by scripts/test"]
async fn who_is_signed_out_is_nobody_else_and_can_sign_in() {
    let app = TestApp::behind_tls().await;
    let attacker = app.session_of("minimal").await;
    for cookie in [attacker, "__Host-session=AAAAAAAAAAAAAAAAAAAAAA".to_owned()] {
        let neighbour = OtherSite::setting(planted(&cookie)).await;
        let browser = Browser::open(&app).await;
        browser.go_to(&neighbour.next_door()).await;
        browser.visit("/").await;
        browser.shows_sign_in().await;
        browser.follow("/login").await;
        browser.is_asked_for_consent().await;
        browser.press_button("Allow").await;
        browser.arrives_at("/me").await;
        browser.shows(grace::EMAIL).await;
        assert!(sent(&browser).await >= 5);
    }
}
