//! What nobody should send.

use axum::{body::Body, http::Request};

use crate::support::{FORM, World, exchange_params, hash};

#[tokio::test]
async fn token_requests_that_are_no_forms() {
    let world = World::new().await;
    let json = r#"{"grant_type": "authorization_code"}"#;
    for kind in ["application/json", "text/plain", "multipart/form-data", ""] {
        world
            .post("/2.0/token", kind, json)
            .await
            .refused(415, 1124);
    }
    let request = Request::post("/2.0/token").body(Body::from(json)).unwrap();
    world.send(request).await.refused(415, 1124);
}

#[tokio::test]
async fn parameters_twice_over_long_or_not_utf8() {
    let world = World::new().await;
    let code = world.code("full", "").await;
    let right = crate::support::encode(&exchange_params(&code, &hash(&code)));
    let long = "x".repeat(5_000);
    for body in [
        format!("{right}&code={code}"),
        format!("{right}&hash=0"),
        format!("{right}&unknown=1&unknown=2"),
        format!("{right}&unknown={long}"),
        "grant_type=%FF".to_owned(),
        "grant_type=refresh_token&client_id=%C3%28".to_owned(),
        "a=1&".repeat(1_000),
        "&&&===".to_owned(),
    ] {
        let answer = world.post("/2.0/token", FORM, body).await;
        assert_eq!(answer.refused(400, 1070)["error"], "invalid_request");
    }
    let answer = world
        .post("/2.0/token?grant_type=refresh_token", FORM, right)
        .await;
    answer.refused(400, 1070);
    world.exchange(&code).await.pair();
}

#[tokio::test]
async fn large_bodies() {
    let world = World::new().await;
    let large = "x".repeat(10 * 1024 * 1024);
    for path in ["/2.0/token", "/control/faults", "/control/expire"] {
        world
            .post(path, FORM, large.clone())
            .await
            .refused(413, 1008);
    }
    let page = world.post("/b/authorize", FORM, large.clone()).await;
    assert_eq!(page.status, 413);
    assert!(page.header("content-type").starts_with("text/html"));
    let log = world.get("/control/requests").await.json();
    assert_eq!(log[0]["status"], 413);
}

#[tokio::test]
async fn names_with_html_are_shown_as_text() {
    let world = World::new().await;
    for name in [
        "sandbox_user",
        "sandbox_decision",
        "scope",
        "client_id",
        "redirect_uri",
        "state",
    ] {
        let path = crate::support::authorize_path(&[(name, "\"><script>alert(1)</script>")]);
        let answer = world.get(&path).await;
        assert!(!answer.body.contains("<script"), "{name}: {}", answer.body);
    }
}
