//! The table "at `/redirect`" of the contract, from the exchange on: what Smartsheet answers, or doesn't.

use std::time::Duration;

use crate::support::app::NOBODY;
use crate::support::{Browser, Page, Provider, Reply, Setup};
use test_support::TestClock;

/// Far above what an answer on loopback takes, far below what a person waits.
const SHORT: Duration = Duration::from_millis(800);

/// Signs in twice, once as a page and once as JSON, while the token endpoint answers with `reply`. Asserts that each is
/// refused as expected, that the code was sent once, that nobody is signed in, and that a new sign-in then works.
async fn refused_with(
    reply: impl Fn() -> Reply + Send + Sync + 'static,
    adjust: impl FnOnce(Setup) -> Setup,
    expected: (u16, &str, &[&str]),
) -> Page {
    let (status, kind, texts) = expected;
    let provider = Provider::start(move |request, before| {
        (request.line == "POST /2.0/token" && before < 2).then(&reply)
    })
    .await;
    let app = adjust(provider.setup()).start().await;

    let browser = Browser::new(&app);
    let page = browser.sign_in_with_code("code-of-the-test").await;
    page.is_error(status, texts);
    browser.get("/me").await.is_signed_out();
    assert_eq!(provider.lines(), ["POST /2.0/token"]);

    let state = browser.begin_with_state().await;
    let problem = browser
        .json(&format!("/redirect?code=code-of-the-test&state={state}"))
        .await;
    problem.is_problem(status, kind);
    assert_eq!(provider.lines(), ["POST /2.0/token", "POST /2.0/token"]);
    for answer in [&page, &problem] {
        assert!(!answer.body.contains("code-of-the-test"), "{answer:?}");
        assert!(!answer.body.contains(&state), "{answer:?}");
    }

    browser
        .sign_in_with_code("another")
        .await
        .redirects_to("/me");
    page
}

fn same(setup: Setup) -> Setup {
    setup
}

#[tokio::test]
async fn invalid_grant_means_start_again() {
    let expected = (
        400,
        "code-refused",
        &["This sign-in has expired", "Start the sign-in again"][..],
    );
    for (code, error) in [
        (1069, "invalid_grant"),
        (1071, "invalid_grant"),
        (1132, "invalid_grant"),
        (1071, ""),
    ] {
        refused_with(move || Reply::error(400, code, error), same, expected).await;
    }
    for body in [
        r#"{"errorCode":"1071","error_description":"in another form"}"#,
        r#"{"error":"invalid_grant"}"#,
        r#"{"error":"invalid_grant","errorCode":null,"message":17}"#,
    ] {
        refused_with(|| Reply::json(400, body), same, expected).await;
    }
    let as_text = || {
        Reply::with_headers(
            400,
            "content-type: text/plain\r\n",
            r#"{"error":"invalid_grant"}"#,
        )
    };
    refused_with(as_text, same, expected).await;
}

#[tokio::test]
async fn refused_credentials_are_the_operators() {
    let texts = [
        "This app is misconfigured",
        "Whoever runs this app must act",
        "said the provider",
    ];
    for (status, code, error) in [
        (401, 1067, "invalid_client"),
        (400, 1068, "unsupported_grant_type"),
        (400, 1070, "invalid_request"),
        // The hash and the redirect URL, though Smartsheet calls them invalid_grant.
        (400, 1072, "invalid_grant"),
        (400, 1073, "invalid_grant"),
        (400, 1236, "invalid_request"),
        (400, 1237, "invalid_request"),
        (400, 1238, "invalid_client"),
        (403, 1004, ""),
        (400, 9999, "invalid_scope"),
    ] {
        let code_in_page = format!("errorCode {code}");
        let texts = [&texts[..], &[&code_in_page, "refId abc123ref"]].concat();
        let expected = (502, "exchange-refused", &texts[..]);
        refused_with(move || Reply::error(status, code, error), same, expected).await;
    }
}

#[tokio::test]
async fn a_wrong_secret_is_the_operators_with_the_sandbox_too() {
    let clock = TestClock::new();
    let sandbox = crate::support::sandbox::start(&clock).await;
    for authentication in ["hash", "secret"] {
        let setup = Setup::against(&sandbox.base, clock.clone())
            .set("smartsheet.client_secret", "mistyped")
            .set("smartsheet.client_authentication", authentication);
        let browser = Browser::new(&setup.start().await);
        let page = browser.sign_in("full").await;
        page.is_error(502, &["Whoever runs this app must act"]);
        assert!(!page.body.contains("mistyped"));
    }
}

#[tokio::test]
async fn a_code_that_expired_at_the_sandbox() {
    let world = crate::support::World::new().await;
    let browser = world.browser();
    let authorize = browser.begin("/login").await;
    let callback = browser.consent(&authorize, "allow", "full").await;
    world.sandbox.expire("codes").await;
    browser
        .get(&callback)
        .await
        .is_error(400, &["This sign-in has expired"]);
    assert_eq!(
        world.sandbox.requests().await,
        ["POST /2.0/token authorization_code 400"]
    );
}

#[tokio::test]
async fn secrets_that_the_provider_repeats_are_not_shown() {
    let body = format!(
        r#"{{"errorCode":1072,"error":"invalid_grant","message":"wrong: {} and code-of-the-test"}}"#,
        crate::support::app::CLIENT_SECRET
    );
    let texts = ["wrong: … and …"];
    refused_with(
        move || Reply::json(400, &body),
        same,
        (502, "exchange-refused", &texts),
    )
    .await;
}

#[tokio::test]
async fn an_answer_that_is_no_answer() {
    let expected = (
        502,
        "smartsheet-failed",
        &["Smartsheet could not complete the sign-in"][..],
    );
    for body in [
        "",
        "{",
        r#"{"access_token":"access-sec"#,
        "<html>welcome</html>",
        "null",
        "[]",
        r#"{"token_type":"bearer"}"#,
        r#"{"access_token":""}"#,
        r#"{"access_token":17}"#,
        r#"{"access_token":"has a space"}"#,
        r#"{"access_token":"line\r\nbreak: x"}"#,
        r#"{"access_token":"x","token_type":"mac"}"#,
        r#"{"errorCode":0,"message":"SUCCESS"}"#,
    ] {
        refused_with(|| Reply::json(200, body), same, expected).await;
    }
}

#[tokio::test]
async fn a_provider_that_is_down_or_breaks_off() {
    let expected = (
        502,
        "smartsheet-failed",
        &["Smartsheet could not complete the sign-in"][..],
    );
    refused_with(Reply::reset, same, expected).await;
    refused_with(|| Reply::Bytes(b"SMTP ready\r\n".to_vec()), same, expected).await;
    let broken_off = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"access_token\":";
    refused_with(|| Reply::Bytes(broken_off.to_vec()), same, expected).await;
    for (status, body) in [
        (500, r#"{"errorCode":4000,"message":"unexpected"}"#),
        (500, r#"{"errorCode":4002,"message":"server timeout"}"#),
        (502, ""),
    ] {
        refused_with(move || Reply::json(status, body), same, expected).await;
    }
}

#[tokio::test]
async fn nobody_listens_at_the_provider() {
    let browser = Browser::new(&Setup::against(NOBODY, TestClock::new()).start().await);
    let page = browser.sign_in_with_code("c").await;
    page.is_error(502, &["Smartsheet can’t be reached"]);
    browser.get("/me").await.is_signed_out();
}

#[tokio::test]
async fn an_over_long_answer() {
    let expected = (
        502,
        "smartsheet-failed",
        &["Smartsheet could not complete the sign-in"][..],
    );
    let bytes = format!(
        r#"{{"access_token":"x","filler":"{}"}}"#,
        "y".repeat(2 * 1024 * 1024)
    );
    refused_with(move || Reply::json(200, &bytes), same, expected).await;
    // The same without telling its length, and without an end.
    let endless = format!(
        "HTTP/1.1 200 OK\r\n\r\n{{\"a\":\"{}",
        "y".repeat(2 * 1024 * 1024)
    );
    refused_with(
        move || Reply::Stall(endless.clone().into_bytes()),
        same,
        expected,
    )
    .await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let expected = (
        502,
        "smartsheet-failed",
        &["Smartsheet could not complete the sign-in"][..],
    );
    // It would be seen: `refused_with` counts every request that arrives.
    for status in [301, 302, 303, 307, 308] {
        let reply = move || Reply::with_headers(status, "location: /2.0/elsewhere\r\n", "");
        refused_with(reply, same, expected).await;
    }
}

#[tokio::test]
async fn no_answer_in_time() {
    let started = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"access_token\":";
    let expected = (504, "smartsheet-slow", &["Smartsheet took too long"][..]);
    let short = |setup: Setup| setup.patience(SHORT);
    tokio::join!(
        refused_with(Reply::silence, short, expected),
        refused_with(|| Reply::Stall(started.to_vec()), short, expected),
    );
}
