//! What nobody should send.

use axum::{
    body::Body,
    http::{HeaderValue, Request},
};
use proptest::prelude::*;

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
    // What is not read at all is not refused for its size.
    world
        .post("/2.0/nothing", FORM, large)
        .await
        .refused(404, 1006);
}

#[tokio::test]
async fn names_with_html_are_shown_as_text() {
    let world = World::new().await;
    for name in [
        "sandbox_user",
        "sandbox_decision",
        "sandbox_fault",
        "sandbox_delay_ms",
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_is_sent_gets_an_error_in_the_apis_form(
        path in prop::sample::select(vec![
            "/2.0/token", "/2.0/users/me", "/2.0/sheets", "/2.0/sheets/1", "/2.0/sheets/1/rows", "/2.0/",
            "/2.0/sheets/1/version", "/2.0/sheets/1/rows/2", "/2.0/sheets/1/rows/2/columns/3/history",
            "/control/faults", "/control/expire", "/control/nothing",
        ]),
        method in prop::sample::select(vec!["GET", "POST", "PUT", "DELETE", "PATCH", "BREW"]),
        kind in prop::sample::select(vec![FORM, "application/json", "text/plain", "\u{e9}"]),
        query in "[ -~&&[^#\"<> ]]{0,60}",
        authorization in prop::collection::vec(32..=255_u8, 0..40),
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let answer = run(async {
            let world = World::new().await;
            let request = Request::builder()
                .method(method)
                .uri(format!("{path}?{query}"))
                .header("content-type", kind.as_bytes())
                .header("authorization", HeaderValue::from_bytes(&authorization).unwrap_or(HeaderValue::from_static("x")));
            match request.body(Body::from(body)) {
                Ok(request) => Some(world.send(request).await),
                Err(_) => None,
            }
        });
        if let Some(answer) = answer && !(method == "DELETE" && path == "/control/faults") {
            prop_assert!(answer.status.is_client_error(), "{answer:?}");
            let json = answer.json();
            prop_assert!(json["errorCode"].is_u64() && json["refId"].is_string(), "{answer:?}");
        }
    }

    #[test]
    fn any_state_returns_as_it_was(state in prop::collection::vec(any::<u8>(), 0..300)) {
        let sent = percent_encoding::percent_encode(&state, percent_encoding::NON_ALPHANUMERIC);
        let path = format!("/b/authorize?response_type=code&client_id=app-one&sandbox_decision=allow&state={sent}");
        let answer = run(async { World::new().await.get(&path).await });
        let returned = answer.header("location").split_once("&state=").unwrap().1;
        let returned: Vec<u8> = percent_encoding::percent_decode_str(returned).collect();
        prop_assert_eq!(returned, state);
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
