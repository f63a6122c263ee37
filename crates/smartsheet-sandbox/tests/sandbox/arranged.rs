//! What a person arranges for their own sign-in: an error in place of a code, or a fault that travels with the code.

use std::time::{Duration, Instant};

use crate::support::{Answer, ID, SECRET, World, authorize_path, exchange_params, hash};

/// The code of a sign-in with such parameters.
async fn code_with(world: &World, more: &[(&str, &str)]) -> String {
    let params = [&[("sandbox_decision", "allow")], more].concat();
    world.get(&authorize_path(&params)).await.returned()["code"].clone()
}

async fn exchange_with_secret(world: &World, code: &str) -> Answer {
    let params = [
        ("grant_type", "authorization_code"),
        ("client_id", ID),
        ("code", code),
        ("client_secret", SECRET),
    ];
    world.token(&params).await
}

#[tokio::test]
async fn an_error_can_be_asked_for_in_place_of_a_code() {
    let world = World::new().await;
    for error in [
        "invalid_scope",
        "invalid_request",
        "unsupported_response_type",
        "server_error",
        "temporarily_unavailable",
        "invalid_client",
    ] {
        let path = authorize_path(&[("sandbox_decision", error), ("state", "a b")]);
        assert_eq!(
            world.get(&path).await.header("location"),
            format!("http://localhost:8080/redirect?error={error}&state=a%20b")
        );
    }
}

#[tokio::test]
async fn every_fault_meets_the_request_with_the_code_once_and_nobody_else() {
    let world = World::new().await;
    for (fault, status, code) in [
        ("rate_limit", 429, 4003),
        ("maintenance", 503, 4001),
        ("server_error", 500, 4000),
        ("timeout", 500, 4002),
        ("please_retry", 500, 4004),
        ("wrong_secret", 400, 1072),
    ] {
        let mine = code_with(&world, &[("sandbox_fault", fault)]).await;
        let pair = world.sign_in("full", "").await;
        world.refresh(&pair.refresh).await.pair();
        world.exchange(&mine).await.refused(status, code);
        world.exchange(&mine).await.pair();
    }
}

#[tokio::test]
async fn answers_that_are_no_errors_of_the_api_travel_too() {
    let world = World::new().await;
    let code = code_with(&world, &[("sandbox_fault", "unavailable_html")]).await;
    let answer = world.exchange(&code).await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("content-type").starts_with("text/html"));

    let code = code_with(&world, &[("sandbox_fault", "malformed")]).await;
    let answer = world.exchange(&code).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.starts_with("{\"token_type\""));
    assert!(serde_json::from_str::<serde_json::Value>(&answer.body).is_err());

    let slow = [("sandbox_fault", "slow"), ("sandbox_delay_ms", "60")];
    let code = code_with(&world, &slow).await;
    let start = Instant::now();
    world.exchange(&code).await.pair();
    assert!(start.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn an_expired_code_is_refused_as_such_however_often() {
    let world = World::new().await;
    let late = [
        ("sandbox_fault", "expired_code"),
        ("sandbox_delay_ms", "60"),
    ];
    for fault in [&late[..1], &late] {
        let code = code_with(&world, fault).await;
        let start = Instant::now();
        world.exchange(&code).await.refused(400, 1069);
        assert_eq!(
            start.elapsed() >= Duration::from_millis(60),
            fault.len() == 2
        );
        world.exchange(&code).await.refused(400, 1069);
    }
    let code = world.code("full", "").await;
    world.exchange(&code).await.pair();
}

#[tokio::test]
async fn a_wrong_secret_is_refused_in_the_words_of_the_proof() {
    let world = World::new().await;
    let fault = [("sandbox_fault", "wrong_secret")];
    let code = code_with(&world, &fault).await;
    let refused = exchange_with_secret(&world, &code).await.refused(400, 1238);
    assert_eq!(refused["error"], "invalid_client");
    exchange_with_secret(&world, &code).await.pair();

    // It is the real path: what is wrong before the proof is looked at is told first.
    let code = code_with(&world, &fault).await;
    let params = exchange_params(&code, "");
    world.token(&params).await.refused(400, 1236);
}

#[tokio::test]
async fn the_consent_page_carries_the_fault_and_says_so() {
    let world = World::new().await;
    let path = authorize_path(&[("sandbox_fault", "timeout"), ("sandbox_delay_ms", "1")]);
    let page = world.get(&path).await;
    assert!(page.body.contains("<code>timeout</code>"));
    let action = page.body.split("action=\"").nth(1).unwrap();
    let action = action.split('"').next().unwrap().replace("&#38;", "&");
    let allow = "sandbox_user=minimal&sandbox_decision=allow";
    let answer = world
        .post(&format!("/b/{action}"), crate::support::FORM, allow)
        .await;
    let code = answer.returned()["code"].clone();
    world.exchange(&code).await.refused(500, 4002);
    world.exchange(&code).await.pair();

    let plain = world.get(&authorize_path(&[])).await;
    assert!(!plain.body.contains("fault"));
}

#[tokio::test]
async fn what_can_not_be_arranged_is_a_page() {
    let world = World::new().await;
    for (params, text) in [
        (
            vec![("sandbox_fault", "explode")],
            "sandbox_fault must be one of: rate_limit, maintenance,",
        ),
        (
            vec![("sandbox_fault", "invalid_token")],
            "sandbox_fault must be one of",
        ),
        (
            vec![("sandbox_fault", "slow"), ("sandbox_fault", "slow")],
            "more than once",
        ),
        (
            vec![("sandbox_fault", "slow"), ("sandbox_delay_ms", "60001")],
            "delay_ms must be at most 60000",
        ),
        (
            vec![("sandbox_fault", "slow"), ("sandbox_delay_ms", "-1")],
            "whole number of milliseconds",
        ),
        (vec![("sandbox_delay_ms", "1")], "goes with a sandbox_fault"),
    ] {
        for decision in ["allow", "deny", ""] {
            let params = [&params[..], &[("sandbox_decision", decision)]].concat();
            let answer = world.get(&authorize_path(&params)).await;
            assert_eq!(answer.status, 400, "{params:?}");
            assert!(answer.header("content-type").starts_with("text/html"));
            assert!(answer.body.contains(text), "{text} in {}", answer.body);
        }
    }
}

#[tokio::test]
async fn faults_of_people_who_never_return_are_forgotten() {
    let world = World::new().await;
    let fault = [("sandbox_fault", "maintenance")];
    let oldest = code_with(&world, &fault).await;
    for _ in 0..100 {
        code_with(&world, &fault).await;
    }
    let newest = code_with(&world, &fault).await;
    world.exchange(&oldest).await.pair();
    world.exchange(&newest).await.refused(503, 4001);
    let order = r#"{"path": "/2.0/token", "fault": "timeout"}"#;
    assert_eq!(world.control("/control/faults", order).await.status, 200);
    let params = exchange_params(&newest, "wrong");
    world.token(&params).await.refused(500, 4002);
    world.token(&params).await.refused(400, 1072);
    world
        .token(&exchange_params(&newest, &hash(&newest)))
        .await
        .pair();
}
