//! `POST /logout`: from our own pages only, and final whatever Smartsheet answers.

use reqwest::Method;
use serde_json::json;

use crate::refresh::LIFE;
use crate::support::{Browser, DAY, MINUTE, Provider, Reply, SECOND, World};

#[tokio::test]
async fn it_revokes_the_tokens_and_ends_the_session() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let thief = browser.copy_to(&world.app);
    let answer = browser.sign_out().await;
    answer.redirects_to("/signed-out");
    assert_eq!(world.sandbox.requests().await, ["DELETE /2.0/token 200"]);
    let cookies = answer.set_cookies();
    let is_removal = |cookie: &&String| cookie.starts_with("session=;");
    let removal = cookies.iter().find(is_removal);
    assert!(
        removal.is_some_and(|cookie| cookie.contains("Max-Age=0")),
        "{cookies:?}"
    );
    browser.get("/me").await.is_signed_out();
    thief.get("/me").await.is_signed_out();
    thief.json("/me").await.is_problem(401, "signed-out");
    assert_eq!(world.sandbox.requests().await.len(), 1);
}

#[tokio::test]
async fn it_revokes_the_pair_in_force() {
    let provider = Provider::well_behaved().await;
    let setup = provider.setup();
    let browser = Browser::new(&setup.start().await);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    browser.arrive().await;
    setup.clock.pass((7 * DAY).saturating_sub(MINUTE));
    browser.get("/me").await.shows(200, &["Ann"]);
    browser.sign_out().await.redirects_to("/signed-out");
    let last = provider.seen().pop().unwrap();
    assert_eq!(last.line, "DELETE /2.0/token");
    assert!(
        last.head
            .contains("authorization: bearer access-secret-2\r\n"),
        "{}",
        last.head
    );
}

#[tokio::test]
async fn an_expired_access_token_is_no_reason_to_leave_the_grant() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    world.setup.clock.pass(LIFE);
    browser.sign_out().await.redirects_to("/signed-out");
    // An expired token can't revoke anything; the one that replaces it can.
    assert_eq!(
        world.sandbox.requests().await,
        ["POST /2.0/token refresh_token 200", "DELETE /2.0/token 200"]
    );
}

#[tokio::test]
async fn a_grant_that_is_gone_already_is_no_problem() {
    let world = World::new().await;
    for time in [SECOND, LIFE] {
        let browser = world.signed_in("full").await;
        world.sandbox.revoke().await;
        world.setup.clock.pass(time);
        browser.sign_out().await.redirects_to("/signed-out");
        browser.get("/me").await.is_signed_out();
    }
}

#[tokio::test]
async fn it_ends_the_session_even_when_the_revocation_fails() {
    let world = World::new().await;
    for fault in [
        "server_error",
        "maintenance",
        "unavailable_html",
        "malformed",
        "reset",
        "invalid_token",
        "rate_limit",
    ] {
        let browser = world.signed_in("full").await;
        let thief = browser.copy_to(&world.app);
        world.sandbox.fault("/2.0/token", fault, 1, json!({})).await;
        browser.sign_out().await.redirects_to("/signed-out");
        thief.get("/me").await.is_signed_out();
        assert!(browser.session().is_none(), "{fault}");
    }
}

#[tokio::test]
async fn it_ends_the_session_even_when_smartsheet_says_nothing() {
    let provider =
        Provider::start(|request, _| (request.line == "DELETE /2.0/token").then(Reply::silence))
            .await;
    let setup = provider
        .setup()
        .patience(std::time::Duration::from_millis(800));
    let app = setup.start().await;
    let browser = Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    let thief = browser.copy_to(&app);
    let tab = browser.clone();
    let signing_out = tokio::spawn(async move { tab.sign_out().await });
    provider.arrived("DELETE /2.0/token", 1).await;
    // The session is gone before Smartsheet is asked.
    thief.get("/me").await.is_signed_out();
    signing_out.await.unwrap().redirects_to("/signed-out");
}

#[tokio::test]
async fn signed_out_already_or_never_signed_in() {
    let world = World::new().await;
    world.browser().sign_out().await.redirects_to("/signed-out");
    let browser = world.signed_in("full").await;
    browser.sign_out().await.redirects_to("/signed-out");
    browser.sign_out().await.redirects_to("/signed-out");
    let forged = world.browser();
    forged.set_cookie("session", "AAAAAAAAAAAAAAAAAAAAAA");
    forged.sign_out().await.redirects_to("/signed-out");
    assert_eq!(world.sandbox.requests().await, ["DELETE /2.0/token 200"]);
}

#[tokio::test]
async fn other_methods_are_refused() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE] {
        let answer = browser.send(method.clone(), "/logout", &[]).await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, "POST"),
            "{method}"
        );
    }
    browser
        .get("/logout")
        .await
        .is_error(405, &["Method not allowed"]);
    browser
        .json("/logout")
        .await
        .is_problem(405, "method-not-allowed");
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
}

#[tokio::test]
async fn another_sites_request_is_refused() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let own = format!("http://{}", world.app.address);
    let cross: &[&[(&str, &str)]] = &[
        &[("origin", "https://evil.example")],
        &[("origin", "http://localhost:8081")],
        &[("origin", "http://localhost:8080.evil.example")],
        &[("origin", "http://localhost")],
        &[("origin", "null")],
        &[("origin", "")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "")],
        &[("sec-fetch-site", "unheard-of")],
        &[("origin", "null"), ("sec-fetch-site", "cross-site")],
        &[("origin", &own), ("sec-fetch-site", "cross-site")],
        &[
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "same-origin"),
        ],
        &[
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "none"),
        ],
    ];
    for headers in cross {
        let as_page = [&[("accept", "text/html")], *headers].concat();
        let answer = browser.send(Method::POST, "/logout", &as_page).await;
        answer.is_error(
            403,
            &["Request from another site refused", "Nothing was done"],
        );
        let as_json = [&[("accept", "application/json")], *headers].concat();
        let answer = browser.send(Method::POST, "/logout", &as_json).await;
        answer.is_problem(403, "cross-site");
    }
    assert_eq!(world.sandbox.requests().await, [""; 0]);
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
}

#[tokio::test]
async fn our_own_pages_requests_pass() {
    let world = World::new().await;
    let own = format!("http://{}", world.app.address);
    let ours: &[&[(&str, &str)]] = &[
        // No browser: nobody can make it send requests.
        &[],
        &[
            ("origin", "http://localhost:8080"),
            ("sec-fetch-site", "same-origin"),
        ],
        &[("origin", "http://localhost:8080")],
        // By another name of this host.
        &[("origin", &own), ("sec-fetch-site", "same-origin")],
        &[("origin", &own)],
        &[("origin", "null"), ("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "none")],
    ];
    for headers in ours {
        let browser = world.signed_in("full").await;
        let answer = browser.send(Method::POST, "/logout", headers).await;
        answer.redirects_to("/signed-out");
        assert_eq!(
            world.sandbox.requests().await,
            ["DELETE /2.0/token 200"],
            "{headers:?}"
        );
        browser.get("/me").await.is_signed_out();
    }
}
