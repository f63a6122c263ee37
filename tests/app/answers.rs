//! Answers of Smartsheet's that are right in what counts and odd in something beside it, compressed, or errors in disguise.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::refresh::{LIFE, ME, TOKEN, bearers, signed_in};
use crate::support::provider::PROFILE;
use crate::support::{Browser, MINUTE, Provider, Reply, Seen, log};

/// The second pair, with `beside` it.
fn pair_with(beside: &str) -> String {
    format!(r#"{{"access_token":"access-secret-2",{beside}}}"#)
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn coded(status: u16, coding: &str, body: &[u8]) -> Reply {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-encoding: {coding}\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    Reply::Bytes([head.as_bytes(), body].concat())
}

/// What `beside` a good access token spoils nothing, at the exchange and at a refresh.
const ODD: [&str; 14] = [
    r#""refresh_token":"""#,
    r#""refresh_token":["r"]"#,
    r#""expires_in":"""#,
    r#""expires_in":true"#,
    r#""expires_in":1e400"#,
    r#""expires_in":-1e400"#,
    r#""expires_in":"soon""#,
    r#""expires_in":{"seconds":60}"#,
    r#""token_type":"Bearer ""#,
    r#""token_type":" BEARER""#,
    r#""token_type":"""#,
    r#""note":"Caf\ud83c""#,
    r#""error":null,"errorCode":0"#,
    r#""token":{}"#,
];

#[tokio::test]
async fn a_good_pair_is_taken_whatever_is_beside_it_at_the_exchange() {
    for beside in ODD {
        let provider = Provider::start(move |request, _| {
            (request.line == TOKEN).then(|| Reply::json(200, &pair_with(beside)))
        })
        .await;
        let setup = provider.setup();
        let browser = Browser::new(&setup.start().await);
        browser.sign_in_with_code("c").await.redirects_to("/me");
        browser.arrive().await;
        // Seven days are the life of a token of which nothing is known.
        setup.clock.pass(LIFE.saturating_sub(10 * MINUTE));
        browser.get("/me").await.shows(200, &["Ann"]);
        assert_eq!(provider.lines(), [TOKEN, ME], "{beside}");
    }
}

#[tokio::test]
async fn a_good_pair_is_taken_whatever_is_beside_it_at_a_refresh() {
    for beside in ODD {
        let script = move |request: &Seen, _| {
            request
                .is_refresh()
                .then(|| Reply::json(200, &pair_with(beside)))
        };
        let (provider, setup, _app, browser) = signed_in(script, |setup| setup).await;
        setup.clock.pass(LIFE);
        browser.get("/me").await.shows(200, &["Ann"]);
        setup.clock.pass(LIFE.saturating_sub(10 * MINUTE));
        browser.get("/me").await.shows(200, &["Ann"]);
        let expected = ["access-secret-1", "access-secret-2", "access-secret-2"];
        assert_eq!(bearers(&provider), expected, "{beside}");
        // The old refresh token stays where no usable one came.
        setup.clock.pass(20 * MINUTE);
        browser.get("/me").await.shows(200, &["Ann"]);
        let seen = provider.seen();
        let last = seen.iter().rfind(|seen| seen.is_refresh()).unwrap();
        let sent = last.param("refresh_token");
        assert_eq!(sent.as_deref(), Some("refresh-secret-1"), "{beside}");
    }
}

#[tokio::test]
async fn a_lifetime_that_can_not_be_read_is_in_the_log() {
    let script = |request: &Seen, _| {
        request
            .is_refresh()
            .then(|| Reply::json(200, &pair_with(r#""expires_in":"when the cows come home""#)))
    };
    let (_provider, setup, _app, browser) = signed_in(script, |setup| setup).await;
    setup.clock.pass(LIFE);
    let page = browser.get_as("unread-lifetime-1", "/me").await;
    page.shows(200, &["Ann"]);
    let lines = log::lines_with(&["unread-lifetime-1", "WARN", "expires_in"]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(!lines[0].contains("cows"), "{lines:?}");
}

#[tokio::test]
async fn a_byte_order_mark_is_skipped_everywhere() {
    let marked = |status, body: &str| Reply::json(status, &format!("\u{feff}{body}"));
    let script = move |request: &Seen, n| match request.line.as_str() {
        TOKEN if n < 2 => Some(marked(
            200,
            r#"{"access_token":"access-secret-9","refresh_token":"refresh-secret-9"}"#,
        )),
        TOKEN => Some(marked(400, r#"{"error":"invalid_grant"}"#)),
        ME if n < 3 => Some(marked(200, PROFILE)),
        ME => Some(marked(
            403,
            r#"{"errorCode":1005,"message":"by your company"}"#,
        )),
        _ => None,
    };
    let (_provider, setup, _app, browser) = signed_in(script, |setup| setup).await;
    // RFC 8259 section 8.1: none is sent.
    assert_eq!(browser.json("/me").await.body, PROFILE);
    setup.clock.pass(LIFE);
    browser.get("/me").await.shows(200, &["Ann"]);
    browser.get("/me").await.is_error(403, &["by your company"]);
    setup.clock.pass(LIFE);
    browser
        .get("/me")
        .await
        .is_error(401, &["Please sign in again"]);
}

#[tokio::test]
async fn gzip_is_asked_for_and_understood() {
    let script = |request: &Seen, n| {
        let pair = r#"{"access_token":"access-secret-2","refresh_token":"refresh-secret-2"}"#;
        match request.line.as_str() {
            TOKEN if n == 0 => None,
            TOKEN if n == 1 => Some(coded(200, "gzip", &gzip(pair.as_bytes()))),
            TOKEN => Some(coded(400, "GZIP", &gzip(br#"{"error":"invalid_grant"}"#))),
            ME if n == 2 => Some(coded(
                403,
                "x-gzip",
                &gzip(br#"{"errorCode":1005,"message":"by your company"}"#),
            )),
            // Not compressed, though it says so.
            ME if n == 3 => Some(coded(200, "gzip", PROFILE.as_bytes())),
            ME => Some(coded(200, "gzip", &gzip(PROFILE.as_bytes()))),
            _ => None,
        }
    };
    let (provider, setup, _app, browser) = signed_in(script, |setup| setup).await;
    setup.clock.pass(LIFE);
    browser.get("/me").await.shows(200, &["Ann"]);
    browser.get("/me").await.is_error(403, &["by your company"]);
    let answer = browser.json("/me").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, PROFILE));
    assert_eq!(browser.json("/me").await.body, PROFILE);
    for seen in provider.seen() {
        let codings: Vec<_> = seen
            .head
            .lines()
            .filter_map(|line| line.strip_prefix("accept-encoding: "))
            .collect();
        assert_eq!(codings, ["gzip"], "{seen:?}");
    }
    // The flow has the decoded answers, and their tokens masked. `Browser` looks for the rest of them.
    let flow = browser.json("/flow").await.body;
    for text in [
        r#"{\"access_token\":\"acc…\",\"refresh"#,
        "by your company",
        "content-encoding",
    ] {
        assert!(flow.contains(text), "{text}");
    }
    setup.clock.pass(LIFE);
    browser
        .get("/me")
        .await
        .is_error(401, &["Please sign in again"]);
}

/// Sixty-four times what is read of an answer, in less than a tenth of it.
#[tokio::test]
async fn a_bomb_is_cut_off() {
    let bomb = gzip(&vec![b' '; 64 * 1024 * 1024]);
    assert!(bomb.len() < 100 * 1024);
    for (at, said) in [(ME, "longer than 1048576 bytes"), (TOKEN, "it is too long")] {
        let bomb = bomb.clone();
        let script = move |request: &Seen, n| {
            (request.line == at && n == 1).then(|| coded(200, "gzip", &bomb))
        };
        let (_provider, setup, _app, browser) = signed_in(script, |setup| setup).await;
        if at == TOKEN {
            setup.clock.pass(LIFE);
        }
        let page = browser.get("/me").await;
        page.is_error(502, &["You are still signed in"]);
        let lines = log::lines_with(&[page.header("x-request-id"), said]);
        assert!(!lines.is_empty(), "{said}");
        browser.get("/me").await.shows(200, &["Ann"]);
    }
}

#[tokio::test]
async fn an_error_told_with_a_success_is_the_refusal_that_it_says() {
    for (body, status, text) in [
        (
            r#"{"errorCode":1071,"error":"invalid_grant"}"#,
            401,
            "Please sign in again",
        ),
        (r#"{"error":"invalid_grant"}"#, 401, "Please sign in again"),
        (
            r#"{"errorCode":"1132","message":"revoked"}"#,
            401,
            "Please sign in again",
        ),
        (
            r#"{"errorCode":1072,"error":"invalid_grant"}"#,
            502,
            "Whoever runs this app must act",
        ),
        (
            r#"{"errorCode":4003,"message":"slow down"}"#,
            503,
            "asks for a pause",
        ),
        (
            r#"{"errorCode":0,"message":"odd"}"#,
            502,
            "You are still signed in",
        ),
    ] {
        let script = move |request: &Seen, _| request.is_refresh().then(|| Reply::json(200, body));
        let (provider, setup, _app, browser) = signed_in(script, |setup| setup).await;
        setup.clock.pass(LIFE);
        browser.get("/me").await.is_error(status, &[text]);
        assert_eq!(provider.lines(), [TOKEN, ME, TOKEN], "{body}");
    }
    // At the exchange.
    let provider = Provider::start(|request, _| {
        (request.line == TOKEN)
            .then(|| Reply::json(200, r#"{"errorCode":1071,"error":"invalid_grant"}"#))
    })
    .await;
    let browser = Browser::new(&provider.setup().start().await);
    let page = browser.sign_in_with_code("c").await;
    page.is_error(400, &["This sign-in has expired"]);
}

#[tokio::test]
async fn an_error_of_the_api_told_with_a_success() {
    for (body, calls, status, text) in [
        (
            r#"{"errorCode":1004,"message":"no plan"}"#,
            1,
            403,
            "no plan",
        ),
        (
            r#"{"errorCode":"4005","message":"retired"}"#,
            1,
            502,
            "retired",
        ),
        (
            r#"{"errorCode":4001,"message":"closed"}"#,
            4,
            503,
            "offline for maintenance",
        ),
        (
            r#"{"errorCode":1003,"message":"expired"}"#,
            2,
            401,
            "Please sign in again",
        ),
        (r#"{"errorCode":0,"message":"odd"}"#, 1, 502, "read"),
    ] {
        let script =
            move |request: &Seen, n| (request.line == ME && n > 0).then(|| Reply::json(200, body));
        let (provider, _setup, _app, browser) = signed_in(script, |setup| setup).await;
        browser.get("/me").await.is_error(status, &[text]);
        assert_eq!(provider.count(ME), 1 + calls, "{body}");
    }
}

#[tokio::test]
async fn a_broken_detail_locks_nobody_out() {
    let sent = r#"{"id":1,"email":"ann@example.com","firstName":"Ann","company":"Caf\ud83c & \ude00",
        "title":"\ud83c\udf55","odd\udc00":[1e999],"account":{"name":"\udbff"}}"#;
    let script = move |request: &Seen, _| (request.line == ME).then(|| Reply::json(200, sent));
    let (_provider, _setup, _app, browser) = signed_in(script, |setup| setup).await;
    let page = browser.get("/me").await;
    page.shows(
        200,
        &["Caf\u{fffd} &#38; \u{fffd}", "🍕", "Odd\u{fffd}", "1e999"],
    );
    let answer = browser.json("/me").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, sent));

    let not_utf8 = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n\
        {\"id\":1,\"email\":\"a@example.com\",\"firstName\":\"Ann\",\"company\":\"Caf\xe9\"}";
    let script =
        move |request: &Seen, _| (request.line == ME).then(|| Reply::Bytes(not_utf8.to_vec()));
    let (_provider, _setup, _app, browser) = signed_in(script, |setup| setup).await;
    let page = browser.get("/me").await;
    page.shows(200, &["Caf\u{fffd}"]);
    assert!(browser.json("/me").await.body.contains("Caf\u{fffd}"));
}
