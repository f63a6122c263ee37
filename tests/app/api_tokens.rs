//! The token of calls that are passed on: the same way to it as everywhere else. And which calls are sent again.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::api::{call, get, parsed, signed_in_at, with_api};
use crate::support::{DAY, MINUTE, Provider, Reply, World};

const USER: &str = "/users/me";
const ROWS: &str = "/sheets/7/rows";

/// How often the tokens were refreshed.
fn refreshes(provider: &Provider) -> usize {
    let seen = provider.seen();
    seen.iter().filter(|seen| seen.is_refresh()).count()
}

#[tokio::test]
async fn many_at_once_over_an_expiry_are_one_refresh() {
    // Nobody asks behind an answer who it is.
    let world = World::with(|setup| with_api(setup).set("gateway.recheck", "30d")).await;
    let ann = world.signed_in("full").await;
    // Within the margin of its end.
    world.setup.clock.pass(6 * DAY + 1439 * MINUTE);
    let calls = (0..200).map(|_| get(&ann, USER));
    for page in futures_util::future::join_all(calls).await {
        assert_eq!(page.status, 200, "{page:?}");
    }
    let seen = world.sandbox.requests().await;
    let refreshed = seen.iter().filter(|line| line.contains("refresh_token"));
    assert_eq!(refreshed.count(), 1, "{seen:?}");
    assert_eq!(seen.len(), 201);
}

#[tokio::test]
async fn a_refused_token_is_refreshed_and_the_call_sent_once_more_whole() {
    for body in [
        r#"{"errorCode":1003,"message":"expired"}"#,
        r#"{"errorCode":"1002"}"#,
        "",
    ] {
        let provider = Provider::start(move |seen, before| {
            (seen.line == "POST /2.0/sheets/7/rows").then(|| {
                let refused = before == 0;
                Reply::json(
                    if refused { 401 } else { 200 },
                    if refused { body } else { "{}" },
                )
            })
        })
        .await;
        let ann = signed_in_at(&provider, with_api(provider.setup())).await;
        let row = "r".repeat(64 * 1024);
        let page = call(&ann, Method::POST, ROWS, &row).await;
        assert_eq!((page.status, page.body.as_str()), (200, "{}"));
        let seen = provider.seen();
        let sent: Vec<_> = seen
            .iter()
            .filter(|seen| seen.line.starts_with("POST /2.0/sheets"))
            .collect();
        assert_eq!(sent.len(), 2);
        for (sent, token) in sent.iter().zip(["access-secret-1", "access-secret-2"]) {
            assert_eq!(sent.body, row);
            assert!(
                sent.head
                    .contains(&format!("authorization: bearer {token}")),
                "{}",
                sent.head
            );
        }
        assert_eq!(refreshes(&provider), 1);
    }
}

#[tokio::test]
async fn a_body_too_long_to_be_kept_is_for_the_caller_to_send_again() {
    let provider = Provider::start(|seen, before| {
        (seen.line == "POST /2.0/sheets/7/rows").then(|| match before {
            0 => Reply::error(401, 1003, "expired"),
            _ => Reply::json(200, "{}"),
        })
    })
    .await;
    let ann = signed_in_at(&provider, with_api(provider.setup())).await;
    let row = "r".repeat(64 * 1024 + 1);
    let page = call(&ann, Method::POST, ROWS, &row).await;
    assert_eq!(page.is_problem(503, "token-renewed")["errorCode"], 4004);
    assert_eq!(page.header("retry-after"), "1");
    assert_eq!(refreshes(&provider), 1);
    let page = call(&ann, Method::POST, ROWS, &row).await;
    assert_eq!(page.status, 200);
    assert_eq!(provider.count("POST /2.0/sheets/7/rows"), 2);
    assert_eq!(refreshes(&provider), 1);
}

#[tokio::test]
async fn a_grant_that_is_gone_ends_the_login_and_says_where_to_sign_in() {
    let world = World::with(with_api).await;
    let ann = world.signed_in("full").await;
    world.sandbox.revoke().await;
    let page = get(&ann, USER).await;
    let problem = page.is_problem(401, "grant-gone");
    assert_eq!(problem["sign_in_url"], "/auth/sign-in");
    let seen = world.sandbox.requests().await;
    let expected = ["GET /2.0/users/me 401", "POST /2.0/token refresh_token 400"];
    assert_eq!(seen, expected);
    get(&ann, USER).await.is_problem(401, "signed-out");
    assert_eq!(world.sandbox.requests().await.len(), 2);
}

#[tokio::test]
async fn a_token_that_is_refused_whatever_it_is_ends_in_401() {
    let provider = Provider::start(|seen, before| {
        (seen.line == "GET /2.0/users/me" && before > 0).then(|| Reply::error(401, 1002, "invalid"))
    })
    .await;
    let ann = signed_in_at(&provider, with_api(provider.setup())).await;
    let problem = get(&ann, USER).await.is_problem(401, "grant-gone");
    assert_eq!(problem["sign_in_url"], "/auth/sign-in");
    assert_eq!(
        (provider.count("GET /2.0/users/me"), refreshes(&provider)),
        (3, 1)
    );
    // Another 401 is Smartsheet's word to the person.
    let provider = Provider::start(|seen, before| {
        (seen.line == "GET /2.0/users/me" && before > 0).then(|| Reply::error(401, 1004, "no"))
    })
    .await;
    let ann = signed_in_at(&provider, with_api(provider.setup())).await;
    let page = get(&ann, USER).await;
    assert_eq!(
        (page.status, &parsed(&page)["errorCode"]),
        (401, &json!(1004))
    );
    assert_eq!(
        (provider.count("GET /2.0/users/me"), refreshes(&provider)),
        (2, 0)
    );
}

/// What comes of a call whose first answers are `reply`, and how often it was sent.
async fn sent(method: Method, path: &str, first: usize, reply: fn() -> Reply) -> (u16, usize) {
    let line = format!("{method} /2.0{path}");
    // One has been, at the sign-in.
    let before_us = usize::from(path == USER);
    let provider = {
        let line = line.clone();
        Provider::start(move |seen, before| {
            let is_ours = seen.line == line && before >= before_us;
            is_ours.then(|| match before - before_us {
                number if number < first => reply(),
                _ => Reply::json(200, "{}"),
            })
        })
        .await
    };
    let ann = signed_in_at(&provider, with_api(provider.setup())).await;
    let page = call(&ann, method, path, "{}").await;
    (page.status, provider.count(&line) - before_us)
}

#[tokio::test]
async fn what_is_sent_again_and_what_is_not() {
    let no_answer: fn() -> Reply = Reply::reset;
    for (reply, of_a_read, of_a_write) in [
        (
            (|| Reply::error(429, 4003, "slow down")) as fn() -> Reply,
            (200, 3),
            (200, 3),
        ),
        (
            || Reply::error(503, 4001, "maintenance"),
            (200, 3),
            (200, 3),
        ),
        (
            || Reply::error(503, 4004, "please retry"),
            (200, 3),
            (200, 3),
        ),
        (|| Reply::error(500, 4002, "timeout"), (200, 3), (500, 1)),
        (|| Reply::error(500, 4000, "unexpected"), (500, 1), (500, 1)),
        (|| Reply::error(400, 1008, "json"), (400, 1), (400, 1)),
        (|| Reply::json(503, "<html>"), (200, 3), (503, 1)),
        (no_answer, (502, 1), (502, 1)),
    ] {
        assert_eq!(sent(Method::GET, USER, 2, reply).await, of_a_read);
        assert_eq!(sent(Method::POST, ROWS, 2, reply).await, of_a_write);
    }
    // In the end the answer is passed on, with what it asks for.
    let pause = || Reply::with_headers(429, "retry-after: 120\r\n", r#"{"errorCode":4003}"#);
    assert_eq!(sent(Method::GET, USER, 9, pause).await, (429, 1));
    let pause = || Reply::error(429, 4003, "slow down");
    assert_eq!(sent(Method::PUT, ROWS, 9, pause).await, (429, 4));
}

#[tokio::test]
async fn smartsheet_unreachable_or_slow() {
    let provider = Provider::start(|seen, before| {
        (seen.line == "GET /2.0/users/me" && before > 0).then(Reply::silence)
    })
    .await;
    let mut setup = with_api(provider.setup());
    setup.limits.head_timeout = Duration::from_millis(100);
    let ann = signed_in_at(&provider, setup).await;
    get(&ann, USER).await.is_problem(504, "smartsheet-slow");
    assert_eq!(provider.count("GET /2.0/users/me"), 2);

    // Nobody listens there any more: a call that changes something is tried again, too, because nothing was sent.
    let provider = Provider::well_behaved().await;
    let ann = signed_in_at(&provider, with_api(provider.setup())).await;
    provider.stop().await;
    for (method, path) in [(Method::GET, USER), (Method::POST, ROWS)] {
        call(&ann, method, path, "")
            .await
            .is_problem(502, "smartsheet-unreachable");
    }
}

#[tokio::test]
async fn a_head_is_sent_again_by_its_status_alone() {
    for (status, expected) in [
        (429, (200, 3)),
        (503, (200, 3)),
        (500, (500, 1)),
        (404, (404, 1)),
    ] {
        let provider = Provider::start(move |seen, before| {
            let status = if before < 2 { status } else { 200 };
            let answer =
                format!("HTTP/1.1 {status} X\r\ncontent-length: 17\r\nconnection: close\r\n\r\n");
            (seen.line == "HEAD /2.0/sheets/7").then(|| Reply::Bytes(answer.into_bytes()))
        })
        .await;
        let ann = signed_in_at(&provider, with_api(provider.setup())).await;
        let page = call(&ann, Method::HEAD, "/sheets/7", "").await;
        let sent = provider.count("HEAD /2.0/sheets/7");
        assert_eq!((page.status, sent), expected, "{status}");
    }
}
