//! Signing in, seeing one's profile, signing out; and what goes to the provider for that.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use crate::support::app::{BASE_URL, CLIENT_ID, CLIENT_SECRET};
use crate::support::{Browser, DAY, Provider, Reply, SECOND, Setup, World};
use test_support::parameter;

#[tokio::test]
async fn the_whole_walk_out_of_the_box() {
    let app = Setup::mounted().start().await;
    let browser = Browser::new(&app);

    let welcome = browser.get("/").await;
    welcome.shows(
        200,
        &[
            "Sign in with Smartsheet",
            "http://localhost:8080/login",
            "Sandbox.",
        ],
    );
    browser.get("/me").await.is_signed_out();

    let authorize = browser.begin("/login?return_to=/me").await;
    // Another host than the app's, so that it is another site, as Smartsheet is.
    assert_eq!(authorize.host_str(), Some("127.0.0.1"));
    let callback = browser.consent(&authorize, "allow", "full").await;
    browser.get(&callback).await.redirects_to("/me");

    browser
        .get("/me")
        .await
        .shows(200, &["Grace Hopper", "grace.hopper@example.com"]);
    let start = browser.get("/").await;
    start.shows(
        200,
        &[
            "Hello, <bdi>Grace Hopper</bdi>",
            "action=\"/logout\"",
            "Sign out",
        ],
    );
    let stranger = Browser::new(&app);
    assert_eq!(stranger.get("/").await.body, welcome.body);

    browser.sign_out().await.redirects_to("/signed-out");
    browser.get("/me").await.is_signed_out();
    let start = browser.get("/").await;
    start.shows(200, &["/login"]);
    assert_eq!(start.body, welcome.body);
    assert!(browser.session().is_none());
}

#[tokio::test]
async fn the_start_page_knows_who_signed_in_before_the_profile_was_opened() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    browser
        .get("/")
        .await
        .shows(200, &["Hello, <bdi>Grace Hopper</bdi>"]);
    browser
        .get("/")
        .await
        .shows(200, &["Hello, <bdi>Grace Hopper</bdi>"]);
    // Asked for once, then remembered.
    assert_eq!(world.sandbox.requests().await, ["GET /2.0/users/me 200"]);
}

#[tokio::test]
async fn the_authorization_request() {
    let world = World::new().await;
    let browser = world.browser();
    let url = browser.begin("/login").await;
    assert!(
        url.as_str()
            .starts_with(&format!("{}/b/authorize?", world.sandbox.base))
    );
    assert_eq!(parameter(&url, "response_type").unwrap(), "code");
    assert_eq!(parameter(&url, "client_id").unwrap(), CLIENT_ID);
    assert_eq!(
        parameter(&url, "redirect_uri").unwrap(),
        format!("{BASE_URL}/redirect")
    );
    assert_eq!(
        parameter(&url, "scope").unwrap(),
        "READ_SHEETS WRITE_SHEETS"
    );
    assert_eq!(url.query_pairs().count(), 5);

    let mut states = BTreeSet::new();
    for _ in 0..20 {
        let state = parameter(&browser.begin("/login").await, "state").unwrap();
        // 22 characters of base64 are 128 bits.
        assert!(state.len() >= 22, "{state}");
        states.insert(state);
    }
    assert_eq!(states.len(), 20);
}

#[tokio::test]
async fn without_scopes_none_are_asked_for() {
    let provider = Provider::well_behaved().await;
    let settings = provider.setup().settings();
    assert_eq!(settings.smartsheet.scopes.len(), 2);
    // An empty value is a choice for this setting alone.
    let setup = provider.setup().set("smartsheet.scopes", " ");
    let browser = Browser::new(&setup.start().await);
    assert_eq!(parameter(&browser.begin("/login").await, "scope"), None);
    browser
        .get("/")
        .await
        .shows(200, &["Nothing but who you are."]);
}

#[tokio::test]
async fn the_exchange_proves_the_secret_by_a_hash_and_never_sends_it() {
    let provider = Provider::well_behaved().await;
    let browser = Browser::new(&provider.setup().start().await);
    browser
        .sign_in_with_code("code-7")
        .await
        .redirects_to("/me");
    let seen = provider.seen();
    assert_eq!(provider.lines(), ["POST /2.0/token"]);
    assert!(
        seen[0]
            .head
            .contains("content-type: application/x-www-form-urlencoded")
    );
    let hash = hex::encode(Sha256::digest(format!("{CLIENT_SECRET}|code-7")));
    for (name, value) in [
        ("grant_type", Some("authorization_code")),
        ("client_id", Some(CLIENT_ID)),
        ("code", Some("code-7")),
        ("redirect_uri", Some("http://localhost:8080/redirect")),
        ("hash", Some(hash.as_str())),
        ("client_secret", None),
    ] {
        assert_eq!(seen[0].param(name).as_deref(), value, "{name}");
    }
}

#[tokio::test]
async fn the_exchange_sends_the_secret_when_told_to() {
    let provider = Provider::well_behaved().await;
    let setup = provider
        .setup()
        .set("smartsheet.client_authentication", "secret");
    let browser = Browser::new(&setup.start().await);
    browser
        .sign_in_with_code("code-7")
        .await
        .redirects_to("/me");
    let seen = provider.seen();
    assert_eq!(
        seen[0].param("client_secret").as_deref(),
        Some(CLIENT_SECRET)
    );
    assert_eq!(seen[0].param("hash"), None);
}

#[tokio::test]
async fn secret_authentication_works_with_the_sandbox_too() {
    let world = World::with(|setup| setup.set("smartsheet.client_authentication", "secret")).await;
    let browser = world.signed_in("minimal").await;
    world.setup.clock.pass((7 * DAY).saturating_sub(SECOND));
    browser.get("/me").await.shows(200, &["sam@example.com"]);
    assert_eq!(
        world.sandbox.requests().await,
        ["POST /2.0/token refresh_token 200", "GET /2.0/users/me 200"]
    );
}

/// Every form of a token answer that `smartsheet.md` and the RFC allow.
#[tokio::test]
async fn forms_of_the_token_answer() {
    for answer in [
        r#"{"access_token":"access-secret-1","token_type":"bearer","refresh_token":"r","expires_in":604799}"#,
        r#"{"token":{"access_token":"access-secret-1","token_type":"Bearer","refresh_token":"r","expires_in":604799}}"#,
        r#"{"access_token":"access-secret-1","expires_in":"604799","refresh_token":"r","new_field":{"a":[1]}}"#,
        r#"{"access_token":"access-secret-1","token_type":"bearer","expires_in":604799}"#,
        r#"{"access_token":"access-secret-1"}"#,
    ] {
        let provider = Provider::start(move |request, _| {
            (request.line == "POST /2.0/token").then(|| Reply::json(200, answer))
        })
        .await;
        let browser = Browser::new(&provider.setup().start().await);
        browser.sign_in_with_code("code").await.redirects_to("/me");
        browser.get("/me").await.shows(200, &["Ann"]);
        let seen = provider.seen();
        assert_eq!(
            provider.lines(),
            ["POST /2.0/token", "GET /2.0/users/me"],
            "{answer}"
        );
        assert!(
            seen[1]
                .head
                .contains("authorization: bearer access-secret-1"),
            "{answer}"
        );
    }
}
