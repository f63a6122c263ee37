//! Control that reaches one person alone, however many share the sandbox.

use serde_json::json;

use crate::support::{ID, SECRET, World};

#[tokio::test]
async fn a_fault_hits_only_who_presents_the_access_token() {
    let world = World::new().await;
    let (mine, others) = (
        world.sign_in("full", "").await,
        world.sign_in("full", "").await,
    );
    let order = json!({"path": "/2.0/users/me", "fault": "rate_limit", "times": 2, "retry_after": 7,
        "token": mine.access});
    let answer = world.control("/control/faults", &order.to_string()).await;
    assert_eq!(answer.json(), json!({"faults": 1}));
    assert!(!answer.body.contains(&mine.access));
    for _ in 0..2 {
        assert_eq!(world.me(&others.access).await.status, 200);
        world.get("/2.0/users/me").await.refused(401, 1001);
        let limited = world.me(&mine.access).await;
        limited.refused(429, 4003);
        assert_eq!(limited.header("retry-after"), "7");
    }
    assert_eq!(world.me(&mine.access).await.status, 200);
}

#[tokio::test]
async fn a_fault_hits_only_who_presents_the_refresh_token_or_the_code() {
    let world = World::new().await;
    let (mine, others) = (
        world.sign_in("full", "").await,
        world.sign_in("full", "").await,
    );
    let code = world.code("full", "").await;
    for token in [&mine.refresh, &code] {
        let order = json!({"path": "/2.0/token", "fault": "maintenance", "token": token});
        world.control("/control/faults", &order.to_string()).await;
    }
    let others = world.refresh(&others.refresh).await.pair();
    world.sign_in("minimal", "").await;
    world.refresh(&mine.refresh).await.refused(503, 4001);
    let mine = world.refresh(&mine.refresh).await.pair();
    world.exchange(&code).await.refused(503, 4001);
    world.exchange(&code).await.pair();

    let order = json!({"path": "/2.0/token", "fault": "server_error", "token": mine.access});
    world.control("/control/faults", &order.to_string()).await;
    let revoke = |token: String| {
        let world = &world;
        async move { world.with_token("DELETE", "/2.0/token", &token).await }
    };
    assert_eq!(revoke(others.access).await.status, 200);
    revoke(mine.access.clone()).await.refused(500, 4000);
    assert_eq!(revoke(mine.access).await.status, 200);
}

#[tokio::test]
async fn a_fault_waits_for_its_person_behind_one_for_everybody() {
    let world = World::new().await;
    let pair = world.sign_in("full", "").await;
    let everybody = json!({"path": "/2.0/users/me", "fault": "timeout"});
    let mine = json!({"path": "/2.0/users/me", "fault": "maintenance", "token": pair.access});
    for order in [&everybody, &mine] {
        world.control("/control/faults", &order.to_string()).await;
    }
    world.me(&pair.access).await.refused(500, 4002);
    world.me(&pair.access).await.refused(503, 4001);
    assert_eq!(world.me(&pair.access).await.status, 200);
}

#[tokio::test]
async fn a_wrong_secret_can_be_ordered_for_token_requests() {
    let world = World::new().await;
    let pair = world.sign_in("full", "").await;
    let order = r#"{"path": "/2.0/token", "fault": "wrong_secret", "times": 2}"#;
    world.control("/control/faults", order).await;
    // Nothing but a request for tokens has a proof.
    world.get("/2.0/token").await.refused(405, 1010);
    world.refresh(&pair.refresh).await.refused(400, 1072);
    let params = [
        ("grant_type", "refresh_token"),
        ("client_id", ID),
        ("refresh_token", &pair.refresh),
        ("client_secret", SECRET),
    ];
    world.token(&params).await.refused(400, 1238);
    world.token(&params).await.pair();
}

#[tokio::test]
async fn expiry_can_reach_one_grant() {
    let world = World::new().await;
    let (mine, others) = (
        world.sign_in("full", "").await,
        world.sign_in("full", "").await,
    );
    let (my_code, other_code) = (world.code("full", "").await, world.code("full", "").await);
    for (what, token, count) in [
        ("access_tokens", &mine.access, 1),
        ("access_tokens", &mine.access, 0),
        ("access_tokens", &my_code, 0),
        ("codes", &mine.access, 0),
        ("codes", &my_code, 1),
    ] {
        let body = json!({"what": what, "token": token}).to_string();
        let answer = world.control("/control/expire", &body).await;
        assert_eq!(answer.json(), json!({ "expired": count }), "{what}");
    }
    world.me(&mine.access).await.refused(401, 1003);
    assert_eq!(world.me(&others.access).await.status, 200);
    world.exchange(&my_code).await.refused(400, 1069);
    world.exchange(&other_code).await.pair();
    world.refresh(&mine.refresh).await.pair();
}

#[tokio::test]
async fn revocation_can_reach_one_grant() {
    let world = World::new().await;
    let others = world.sign_in("full", "").await;
    for by_refresh_token in [false, true] {
        let mine = world.sign_in("full", "").await;
        let token = if by_refresh_token {
            &mine.refresh
        } else {
            &mine.access
        };
        let body = json!({ "token": token }).to_string();
        for count in [1, 0] {
            let answer = world.control("/control/revoke", &body).await;
            assert_eq!(answer.json(), json!({ "revoked": count }));
        }
        world.me(&mine.access).await.refused(401, 1002);
        world.refresh(&mine.refresh).await.refused(400, 1132);
    }
    assert_eq!(world.me(&others.access).await.status, 200);
    for everybody in ["", " \n", "{}", "null"] {
        let pair = world.sign_in("minimal", "").await;
        world.control("/control/revoke", everybody).await;
        world.me(&pair.access).await.refused(401, 1002);
    }
    world.me(&others.access).await.refused(401, 1002);
}

#[tokio::test]
async fn an_unknown_token_reaches_nobody() {
    let world = World::new().await;
    let pair = world.sign_in("full", "").await;
    let replaced = world.refresh(&pair.refresh).await.pair();
    let message = "No grant has this token.";
    for token in ["nonsense", &pair.access] {
        let body = json!({ "token": token }).to_string();
        let answer = world.control("/control/revoke", &body).await;
        assert_eq!(answer.json(), json!({"revoked": 0, "message": message}));
        let body = json!({"what": "access_tokens", "token": token}).to_string();
        let answer = world.control("/control/expire", &body).await;
        assert_eq!(answer.json(), json!({"expired": 0, "message": message}));
    }
    for body in [
        r#"{"token": null}"#,
        r#"{"token": ""}"#,
        r#"{"token": 5}"#,
        r#"{"tokn": "x"}"#,
        "nonsense",
    ] {
        let answer = world.control("/control/revoke", body).await;
        answer.refused(400, 1008);
    }
    let order = r#"{"path": "/2.0/users/me", "fault": "timeout", "token": null}"#;
    world
        .control("/control/faults", order)
        .await
        .refused(400, 1008);
    assert_eq!(world.me(&replaced.access).await.status, 200);
}
