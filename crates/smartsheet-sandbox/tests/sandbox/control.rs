//! The control endpoints.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::World;

#[tokio::test]
async fn the_log_tells_what_arrived_and_no_secret() {
    let world = World::new().await;
    let pair = world.sign_in("full", "").await;
    world.refresh(&pair.refresh).await;
    world.me(&pair.access).await;
    world.get("/2.0/users/me?token=secret").await;
    world.token(&[("grant_type", "my-secret")]).await;
    let log = world.get("/control/requests").await;
    assert_eq!(
        log.json(),
        json!([
            {"method": "POST", "path": "/2.0/token", "status": 200, "grant_type": "authorization_code"},
            {"method": "POST", "path": "/2.0/token", "status": 200, "grant_type": "refresh_token"},
            {"method": "GET", "path": "/2.0/users/me", "status": 401},
            {"method": "GET", "path": "/2.0/users/me", "status": 401},
            {"method": "POST", "path": "/2.0/token", "status": 400},
        ])
    );
    assert_eq!(world.delete("/control/requests").await.status, 200);
    assert_eq!(world.get("/control/requests").await.json(), json!([]));
}

#[tokio::test]
async fn the_log_leaves_out_the_mount() {
    let world = World::new().await;
    let nested = axum::Router::new().nest("/sandbox", world.sandbox.router());
    let request = axum::http::Request::get("/sandbox/2.0/users/me");
    let request = request.body(axum::body::Body::empty()).unwrap();
    crate::support::send(nested, request)
        .await
        .refused(401, 1001);
    let log = world.get("/control/requests").await.json();
    assert_eq!(log[0]["path"], "/2.0/users/me");
}

#[tokio::test]
async fn every_fault_fails_in_its_way_as_often_as_asked() {
    let world = World::new().await;
    let pair = world.sign_in("full", "").await;
    for (fault, status, code) in [
        ("rate_limit", 429, 4003),
        ("maintenance", 503, 4001),
        ("server_error", 500, 4000),
        ("timeout", 500, 4002),
        ("please_retry", 500, 4004),
        ("invalid_token", 401, 1002),
        ("expired_token", 401, 1003),
        ("not_found", 404, 1006),
        ("value_refused", 400, 1042),
    ] {
        let order = json!({"path": "/2.0/users/me", "fault": fault, "times": 2}).to_string();
        assert_eq!(world.control("/control/faults", &order).await.status, 200);
        for _ in 0..2 {
            world.me(&pair.access).await.refused(status, code);
        }
        assert_eq!(world.me(&pair.access).await.status, 200, "{fault}");
    }
}

#[tokio::test]
async fn html_and_cut_off_answers() {
    let world = World::new().await;
    let order = r#"{"path": "/2.0/users/me", "fault": "unavailable_html"}"#;
    world.control("/control/faults", order).await;
    let answer = world.get("/2.0/users/me").await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("content-type").starts_with("text/html"));
    let order = r#"{"path": "/2.0/users/me", "fault": "malformed"}"#;
    world.control("/control/faults", order).await;
    let answer = world.get("/2.0/users/me").await;
    assert_eq!(answer.status, 200);
    assert!(serde_json::from_str::<serde_json::Value>(&answer.body).is_err());
}

#[tokio::test]
async fn a_faulted_token_request_is_not_processed() {
    let world = World::new().await;
    let pair = world.sign_in("full", "").await;
    let order = r#"{"path": "/2.0/token", "fault": "maintenance", "retry_after": 3}"#;
    world.control("/control/faults", order).await;
    let failed = world.refresh(&pair.refresh).await;
    failed.refused(503, 4001);
    assert_eq!(failed.header("retry-after"), "3");
    world.refresh(&pair.refresh).await.pair();
    let log = world.get("/control/requests").await.json();
    assert_eq!(log[1]["grant_type"], "refresh_token");
    assert_eq!(log[1]["status"], 503);
}

#[tokio::test]
async fn slow_is_right_but_late() {
    let world = World::new().await;
    let pair = world.sign_in("full", "").await;
    let order = r#"{"path": "/2.0/users/me", "fault": "slow", "delay_ms": 60}"#;
    world.control("/control/faults", order).await;
    let start = Instant::now();
    assert_eq!(world.me(&pair.access).await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn faults_can_be_called_off() {
    let world = World::new().await;
    let order = r#"{"path": "/2.0/users/me", "fault": "server_error", "times": 9}"#;
    world.control("/control/faults", order).await;
    assert_eq!(world.delete("/control/faults").await.status, 200);
    world.get("/2.0/users/me").await.refused(401, 1001);
}

#[tokio::test]
async fn tokens_and_codes_expire_on_demand() {
    let world = World::new().await;
    let pair = world.sign_in("full", "").await;
    let code = world.code("full", "").await;
    let expire = |what: &str| json!({ "what": what }).to_string();
    let answer = world
        .control("/control/expire", &expire("access_tokens"))
        .await;
    assert_eq!(answer.json(), json!({"expired": 1}));
    world.me(&pair.access).await.refused(401, 1003);
    let fresh = world.refresh(&pair.refresh).await.pair();
    assert_eq!(world.me(&fresh.access).await.status, 200);
    let answer = world.control("/control/expire", &expire("codes")).await;
    assert_eq!(answer.json(), json!({"expired": 1}));
    world.exchange(&code).await.refused(400, 1069);
    let later = world.code("full", "").await;
    world.exchange(&later).await.pair();
}

#[tokio::test]
async fn revoke_ends_every_grant() {
    let world = World::new().await;
    let (one, other) = (
        world.sign_in("full", "").await,
        world.sign_in("minimal", "").await,
    );
    let answer = world.control("/control/revoke", "").await;
    assert_eq!(answer.json(), json!({"revoked": 2}));
    for pair in [one, other] {
        world.me(&pair.access).await.refused(401, 1002);
        world.refresh(&pair.refresh).await.refused(400, 1132);
    }
    world.sign_in("full", "").await;
}

#[tokio::test]
async fn bad_orders_answer_400_in_the_apis_form() {
    let world = World::new().await;
    for (path, body) in [
        ("/control/faults", "{}"),
        ("/control/faults", "not json"),
        ("/control/faults", ""),
        (
            "/control/faults",
            r#"{"path": "/2.0/token", "fault": "explode"}"#,
        ),
        (
            "/control/faults",
            r#"{"path": "/2.0/token", "fault": "slow", "times": -1}"#,
        ),
        (
            "/control/faults",
            r#"{"path": "/2.0/token", "fault": "slow", "delay_ms": 86400000}"#,
        ),
        ("/control/expire", r#"{"what": "everything"}"#),
        ("/control/expire", "[]"),
    ] {
        world.control(path, body).await.refused(400, 1008);
    }
    let long = format!(
        r#"{{"path": "/2.0/token", "fault": "{}"}}"#,
        "x".repeat(50_000)
    );
    let answer = world.control("/control/faults", &long).await;
    answer.refused(400, 1008);
    assert!(answer.body.len() < 1_000);
}
