//! Calls that are passed on, as the flow shows them and the figures count them: by pattern, never by path, without a secret.

use reqwest::Method;
use serde_json::json;

use crate::api::{call, get, parsed, signed_in_at, with_api};
use crate::metrics::measured;
use crate::support::exposition::scrape_counted;
use crate::support::said::{brief, overheard, said, text};
use crate::support::{Browser, Provider, Reply, World, log};

const CALLS: &str = "oauth_demo_smartsheet_call_duration_seconds_count";
const REQUESTS: &str = "oauth_demo_http_request_duration_seconds_count";

#[tokio::test]
async fn the_flow_shows_each_try_with_its_bodies() {
    let (world, _tap) = overheard(with_api).await;
    let ann = world.browser();
    ann.sign_in("full").await.redirects_to("/me");
    ann.arrive().await;
    let sheet = parsed(&get(&ann, "/sheets").await)["data"][0]["id"].to_string();
    world.sandbox.expire("access_tokens").await;
    let path = format!("/sheets/{sheet}/rows");
    let column = parsed(&get(&ann, &format!("/sheets/{sheet}")).await)["columns"][0]["id"].clone();
    let row = json!({"toTop": true, "cells": [{"columnId": column, "value": "seen in the flow"}]});
    let added = call(&ann, Method::POST, &path, &row.to_string()).await;
    assert_eq!(added.status, 200, "{added:?}");

    let messages = said(&ann).await;
    let words = brief(&messages);
    let expected = [
        "pass_on 200",
        "pass_on 401",
        "refresh 200",
        "pass_on#2 200",
        "pass_on 200",
    ];
    assert_eq!(words[words.len() - 5..], expected);
    let last = messages.last().unwrap();
    assert_eq!(text(&last["request"], "method"), "POST");
    let url = text(&last["request"], "url");
    assert!(url.ends_with(&format!("/2.0{path}")), "{url}");
    assert!(
        text(&last["request"], "body").contains("seen in the flow"),
        "{last}"
    );
    assert!(text(&last["answer"], "body").contains("SUCCESS"), "{last}");
    let page = ann.get("/flow").await;
    page.shows(200, &["Pass a call on"]);
}

#[tokio::test]
async fn what_is_long_is_cut_and_what_is_secret_is_masked() {
    let provider = Provider::start(|seen, _| {
        let long = format!(
            r#"{{"access_token":"TokenInAnAnswer98765","x":"{}"}}"#,
            "ä".repeat(50_000)
        );
        (seen.line == "POST /2.0/sheets/7/rows").then(|| Reply::json(200, &long))
    })
    .await;
    let ann = signed_in_at(&provider, with_api(provider.setup())).await;
    let sent = format!(
        r#"{{"password":"WordInACall98765","x":"{}"}}"#,
        "ö".repeat(50_000)
    );
    let page = call(&ann, Method::POST, "/sheets/7/rows", &sent).await;
    assert_eq!(page.status, 200);
    let messages = said(&ann).await;
    let mut passed = messages
        .iter()
        .filter(|message| message["step"] == "pass_on");
    let last = passed.next().unwrap();
    for side in ["request", "answer"] {
        let body = text(&last[side], "body");
        assert!(
            body.len() < 4300 && body.contains("(cut; "),
            "{side}: {body}"
        );
    }
    let answer = text(&last["answer"], "body");
    assert!(answer.ends_with("… (cut; 100046 bytes in all)"), "{answer}");
    for secret in ["TokenInAnAnswer98765", "access-secret-1"] {
        assert!(
            !messages
                .iter()
                .any(|message| message.to_string().contains(secret))
        );
    }
}

#[tokio::test]
async fn counted_by_pattern() {
    let world = World::with(|setup| with_api(measured(setup))).await;
    let ann: Browser = world.signed_in("full").await;
    for path in [
        "/sheets/47110815001",
        "/sheets/47110815002",
        "/sheets/47110815001x",
        "/secret/47110815001",
    ] {
        get(&ann, path).await;
    }
    let figures = scrape_counted(world.app.metrics.unwrap()).await;
    let calls = figures.counted(CALLS);
    assert_eq!(calls["/sheets/{id} 404"], 2, "{calls:?}");
    let requests = figures.counted(REQUESTS);
    let route = "GET /auth/api/2.0/sheets/{id} 404";
    assert_eq!(requests[route], 2, "{requests:?}");
    let route = "GET /auth/api/{*path} 404";
    assert_eq!(requests[route], 2, "{requests:?}");
    for shown in [
        format!("{calls:?}{requests:?}"),
        log::lines_with(&["auth/api"]).concat(),
    ] {
        assert!(
            !shown.contains("47110815") && !shown.contains("secret/"),
            "{shown}"
        );
    }
}
