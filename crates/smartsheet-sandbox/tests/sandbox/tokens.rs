//! `/2.0/token`: exchange, refresh, revocation, and every error of theirs.

use std::time::Duration;

use crate::support::{
    FORM, ID, OTHER_REDIRECT, REDIRECT, SECRET, World, authorize_path, encode, exchange_params,
    hash, refresh_params,
};

#[tokio::test]
async fn the_hash_has_a_known_answer() {
    assert_eq!(
        hash("sample6p9qisx6a"),
        "9145806b14cf7f16e99d91e6a7cdaeea4a3baa4683e169409edd4382d5e74ec3"
    );
}

#[tokio::test]
async fn a_code_becomes_a_pair() {
    let world = World::new().await;
    let code = world.code("full", "READ_SHEETS").await;
    let answer = world.exchange(&code).await;
    let json = answer.json();
    assert_eq!(json["token_type"], "bearer");
    assert_eq!(json["expires_in"], 604_799);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(world.me(&answer.pair().access).await.status, 200);
}

#[tokio::test]
async fn parameters_may_be_in_the_query_and_the_secret_may_be_plain() {
    let world = World::new().await;
    let code = world.code("full", "").await;
    let query = encode(&exchange_params(&code, &hash(&code)));
    let answer = world
        .post(&format!("/2.0/token?{query}"), "application/json", "")
        .await;
    answer.pair();

    let code = world.code("full", "").await;
    let params = [
        ("grant_type", "authorization_code"),
        ("client_id", ID),
        ("code", &code),
        ("client_secret", SECRET),
        ("redirect_uri", REDIRECT),
    ];
    let pair = world.token(&params).await.pair();
    let params = [
        ("grant_type", "refresh_token"),
        ("client_id", ID),
        ("refresh_token", &pair.refresh),
        ("client_secret", SECRET),
        ("redirect_uri", REDIRECT),
    ];
    world.token(&params).await.pair();
}

#[tokio::test]
async fn refreshing_replaces_both_tokens() {
    let world = World::new().await;
    let old = world.sign_in("full", "").await;
    let new = world.refresh(&old.refresh).await.pair();
    assert_ne!(old, new);
    world.me(&old.access).await.refused(401, 1002);
    let again = world.refresh(&old.refresh).await.refused(400, 1071);
    assert_eq!(again["error"], "invalid_grant");
    assert_eq!(world.me(&new.access).await.status, 200);
    world.refresh(&new.refresh).await.pair();
}

#[tokio::test]
async fn two_refreshes_at_once_have_one_winner() {
    let world = World::new().await;
    let pair = world.sign_in("full", "").await;
    let (one, two) = tokio::join!(world.refresh(&pair.refresh), world.refresh(&pair.refresh));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
}

#[tokio::test]
async fn a_code_used_twice_revokes_what_it_issued() {
    let world = World::new().await;
    let code = world.code("full", "").await;
    let pair = world.exchange(&code).await.pair();
    let refreshed = world.refresh(&pair.refresh).await.pair();
    world.exchange(&code).await.refused(400, 1071);
    world.me(&refreshed.access).await.refused(401, 1002);
    world.refresh(&refreshed.refresh).await.refused(400, 1132);
}

#[tokio::test]
async fn a_code_used_twice_without_the_secret_revokes_nothing() {
    let world = World::new().await;
    let code = world.code("full", "").await;
    let pair = world.exchange(&code).await.pair();
    let wrong = world.token(&exchange_params(&code, "0")).await;
    wrong.refused(400, 1072);
    assert_eq!(world.me(&pair.access).await.status, 200);
}

#[tokio::test]
async fn tokens_and_codes_expire() {
    let world = World::new().await;
    let pair = world.sign_in("full", "").await;
    let code = world.code("full", "").await;
    world.pass(Duration::from_mins(10));
    let expired = world.exchange(&code).await.refused(400, 1069);
    assert_eq!(expired["error"], "invalid_grant");
    world.pass(Duration::from_millis(604_800_000 - 600_000 - 1));
    assert_eq!(world.me(&pair.access).await.status, 200);
    world.pass(Duration::from_millis(1));
    world.me(&pair.access).await.refused(401, 1003);
    let fresh = world.refresh(&pair.refresh).await.pair();
    assert_eq!(world.me(&fresh.access).await.status, 200);
}

#[tokio::test]
async fn lifetimes_can_be_chosen() {
    let world = World::with(|options| {
        options.access_token_lifetime = Duration::from_secs(5);
        options.code_lifetime = Duration::from_millis(1_500);
    })
    .await;
    let path = authorize_path(&[("sandbox_decision", "allow")]);
    let returned = world.get(&path).await.returned();
    assert_eq!(returned["expires_in"], "1500");
    let answer = world.exchange(&returned["code"]).await;
    assert_eq!(answer.json()["expires_in"], 4);
    world.pass(Duration::from_secs(5));
    world.me(&answer.pair().access).await.refused(401, 1003);
}

#[tokio::test]
async fn every_mistake_has_its_code() {
    let world = World::new().await;
    let code = world.code("full", "").await;
    let right = hash(&code);
    let no_pipe = {
        use sha2::{Digest, Sha256};
        hex::encode(Sha256::digest(format!("{SECRET}{code}")))
    };
    let upper = right.to_uppercase();
    let base = exchange_params(&code, &right);
    let with = |changes: &[(&'static str, Option<&'static str>)]| {
        let mut params: Vec<(&str, &str)> = base.to_vec();
        for (name, value) in changes {
            params.retain(|(other, _)| other != name);
            params.extend(value.map(|value| (*name, value)));
        }
        encode(&params)
    };
    for (body, status, error_code, error) in [
        (
            with(&[("client_id", Some("nobody"))]),
            401,
            1067,
            "invalid_client",
        ),
        (
            with(&[("grant_type", Some("password"))]),
            400,
            1068,
            "unsupported_grant_type",
        ),
        (with(&[("grant_type", None)]), 400, 1070, "invalid_request"),
        (with(&[("client_id", None)]), 400, 1070, "invalid_request"),
        (
            with(&[("client_id", Some(""))]),
            400,
            1070,
            "invalid_request",
        ),
        (with(&[("code", None)]), 400, 1070, "invalid_request"),
        (with(&[("hash", None)]), 400, 1236, "invalid_request"),
        (
            with(&[("client_secret", Some(SECRET))]),
            400,
            1237,
            "invalid_request",
        ),
        (
            with(&[("hash", None), ("client_secret", Some("guess"))]),
            400,
            1238,
            "invalid_client",
        ),
        (
            with(&[("redirect_uri", Some(OTHER_REDIRECT))]),
            400,
            1073,
            "invalid_grant",
        ),
        (
            encode(&exchange_params(&code, &no_pipe)),
            400,
            1072,
            "invalid_grant",
        ),
        (
            encode(&exchange_params(&code, &upper)),
            400,
            1072,
            "invalid_grant",
        ),
        (
            encode(&exchange_params("never", &hash("never"))),
            400,
            1071,
            "invalid_grant",
        ),
        (
            encode(&refresh_params("never", &hash("never"))),
            400,
            1071,
            "invalid_grant",
        ),
        (
            encode(&refresh_params(&code, &right)),
            400,
            1071,
            "invalid_grant",
        ),
    ] {
        let answer = world.post("/2.0/token", FORM, body.clone()).await;
        assert_eq!(answer.refused(status, error_code)["error"], error, "{body}");
    }
    // None of these used up the code.
    world.exchange(&code).await.pair();
}

#[tokio::test]
async fn a_redirect_uri_at_refresh_must_match() {
    let world = World::new().await;
    let pair = world.sign_in("full", "").await;
    let hash = hash(&pair.refresh);
    let mut params = refresh_params(&pair.refresh, &hash).to_vec();
    params.push(("redirect_uri", "http://elsewhere/"));
    world.token(&params).await.refused(400, 1073);
    world.refresh(&pair.refresh).await.pair();
}

#[tokio::test]
async fn another_app_can_use_neither_code_nor_token() {
    let world = World::new().await;
    let code = world.code("full", "").await;
    let other = |name: &'static str, value: &str, grant: &'static str| {
        encode(&[
            ("grant_type", grant),
            ("client_id", "app-two"),
            ("client_secret", "second"),
            (name, value),
        ])
    };
    let stolen = other("code", &code, "authorization_code");
    world
        .post("/2.0/token", FORM, stolen)
        .await
        .refused(400, 1071);
    let pair = world.exchange(&code).await.pair();
    let stolen = other("code", &code, "authorization_code");
    world
        .post("/2.0/token", FORM, stolen)
        .await
        .refused(400, 1071);
    let stolen = other("refresh_token", &pair.refresh, "refresh_token");
    world
        .post("/2.0/token", FORM, stolen)
        .await
        .refused(400, 1071);
    assert_eq!(world.me(&pair.access).await.status, 200);
}

#[tokio::test]
async fn revocation_ends_one_grant() {
    let world = World::new().await;
    let (one, other) = (
        world.sign_in("full", "").await,
        world.sign_in("full", "").await,
    );
    let answer = world.with_token("DELETE", "/2.0/token", &one.access).await;
    assert_eq!(answer.body, r#"{"message":"SUCCESS","resultCode":0}"#);
    world.me(&one.access).await.refused(401, 1002);
    world.refresh(&one.refresh).await.refused(400, 1132);
    world
        .with_token("DELETE", "/2.0/token", &one.access)
        .await
        .refused(401, 1002);
    assert_eq!(world.me(&other.access).await.status, 200);
}

#[tokio::test]
async fn revocation_can_end_all_of_a_user_and_app() {
    let world = World::new().await;
    let (one, other) = (
        world.sign_in("full", "").await,
        world.sign_in("full", "").await,
    );
    let somebody = world.sign_in("minimal", "").await;
    let waiting = world.code("full", "").await;
    let path = "/2.0/token?deleteAllForApiClient=true";
    assert_eq!(
        world.with_token("DELETE", path, &one.access).await.status,
        200
    );
    for pair in [one, other] {
        world.me(&pair.access).await.refused(401, 1002);
        world.refresh(&pair.refresh).await.refused(400, 1132);
    }
    world.exchange(&waiting).await.refused(400, 1071);
    assert_eq!(world.me(&somebody.access).await.status, 200);
    let path = "/2.0/token?deleteAllForApiClient=perhaps";
    world
        .with_token("DELETE", path, &somebody.access)
        .await
        .refused(400, 1018);
    world.delete("/2.0/token").await.refused(401, 1001);
}

#[tokio::test]
async fn a_seed_makes_runs_repeat() {
    let mut runs = Vec::new();
    for seed in [1, 1, 2] {
        let world = World::with(|options| options.seed = Some(seed)).await;
        let pair = world.sign_in("full", "").await;
        let error = world.refresh("x").await.json();
        runs.push((pair.access, error["refId"].to_string()));
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}
