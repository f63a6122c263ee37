//! The paragraph "At `/me`" of the contract: whatever Smartsheet does, the person is told, and stays signed in unless the
//! grant is gone.

use std::time::Duration;

use serde_json::json;

use crate::support::app::NOBODY;
use crate::support::provider::PROFILE;
use crate::support::{Browser, Gate, Provider, Reply, World};

const ME: &str = "/2.0/users/me";

/// Far above what an answer on loopback takes, far below what a person waits.
const SHORT: Duration = Duration::from_millis(800);

/// Asserts that `/me` fails as expected, as a page and as JSON, with `fault` ordered before each; that `users/me` was
/// called `calls` times for each; and that the person is still signed in afterwards.
async fn fails(
    world: &World,
    fault: (&str, serde_json::Value),
    calls: usize,
    expected: (u16, &str, &str),
) {
    let (status, kind, text) = expected;
    let browser = world.signed_in("full").await;
    world.sandbox.fault(ME, fault.0, 100, fault.1.clone()).await;
    browser
        .get("/me")
        .await
        .is_error(status, &[text, "You are still signed in"]);
    assert_eq!(world.sandbox.requests().await.len(), calls, "{fault:?}");
    world.sandbox.forget().await;
    browser.json("/me").await.is_problem(status, kind);
    assert_eq!(world.sandbox.requests().await.len(), calls, "{fault:?}");
    clear_faults(world).await;
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
}

async fn clear_faults(world: &World) {
    let url = format!("{}/control/faults", world.sandbox.base);
    let http = test_support::http_client();
    assert!(http.delete(url).send().await.unwrap().status().is_success());
}

#[tokio::test]
async fn signed_out() {
    let world = World::new().await;
    let browser = world.browser();
    browser
        .get("/me")
        .await
        .redirects_to("/login?return_to=/me");
    let answer = browser.json("/me").await;
    answer.is_problem(401, "signed-out");
    assert!(!answer.header("www-authenticate").is_empty());
    assert_eq!(world.sandbox.requests().await, [""; 0]);
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_the_person_sees_nothing_of_it() {
    let world = World::new().await;
    for fault in [
        "rate_limit",
        "maintenance",
        "timeout",
        "please_retry",
        "unavailable_html",
    ] {
        let browser = world.signed_in("full").await;
        // Four tries: three failures are hidden.
        world.sandbox.fault(ME, fault, 3, json!({})).await;
        browser.get("/me").await.shows(200, &["Grace Hopper"]);
        assert_eq!(world.sandbox.requests().await.len(), 4, "{fault}");
        assert_eq!(world.sandbox.requests().await[3], "GET /2.0/users/me 200");
    }
}

#[tokio::test]
async fn down_or_failing() {
    let world = World::new().await;
    let none = json!({});
    fails(
        &world,
        ("maintenance", none.clone()),
        4,
        (503, "smartsheet-unavailable", "offline for maintenance"),
    )
    .await;
    fails(
        &world,
        ("unavailable_html", none.clone()),
        4,
        (503, "smartsheet-unavailable", "not available"),
    )
    .await;
    fails(
        &world,
        ("timeout", none.clone()),
        4,
        (502, "smartsheet-failed", "reports a failure"),
    )
    .await;
    fails(
        &world,
        ("please_retry", none.clone()),
        4,
        (502, "smartsheet-failed", "reports a failure"),
    )
    .await;
    // The documentation says not to repeat 4000.
    fails(
        &world,
        ("server_error", none.clone()),
        1,
        (502, "smartsheet-failed", "reports a failure"),
    )
    .await;
    fails(
        &world,
        ("malformed", none),
        1,
        (502, "smartsheet-failed", "can’t be read"),
    )
    .await;
}

#[tokio::test]
async fn rate_limited() {
    let world = World::new().await;
    let expected = (503, "rate-limited", "Smartsheet asks for a pause");
    fails(&world, ("rate_limit", json!({})), 4, expected).await;
    // A pause longer than a person waits is passed on.
    fails(
        &world,
        ("rate_limit", json!({"retry_after": 17})),
        1,
        expected,
    )
    .await;

    let browser = world.signed_in("full").await;
    world
        .sandbox
        .fault(ME, "rate_limit", 1, json!({"retry_after": 17}))
        .await;
    assert_eq!(browser.get("/me").await.header("retry-after"), "17");
    world
        .sandbox
        .fault(ME, "maintenance", 1, json!({"retry_after": 120}))
        .await;
    assert_eq!(browser.json("/me").await.header("retry-after"), "120");
    // Without a word from Smartsheet the client is told something all the same.
    world.sandbox.fault(ME, "rate_limit", 4, json!({})).await;
    let wait: u64 = browser
        .json("/me")
        .await
        .header("retry-after")
        .parse()
        .unwrap();
    assert!((1..=120).contains(&wait), "{wait}");
}

#[tokio::test]
async fn too_slow() {
    let world = World::with(|setup| setup.patience(SHORT)).await;
    let slow = json!({"delay_ms": 60_000});
    fails(
        &world,
        ("slow", slow),
        1,
        (504, "smartsheet-slow", "Smartsheet took too long"),
    )
    .await;
}

#[tokio::test]
async fn the_patience_is_for_all_tries_together() {
    let world = World::with(|mut setup| {
        setup.retry.tries = u32::MAX;
        setup.retry.first_wait = SHORT / 10;
        setup.patience(SHORT)
    })
    .await;
    let browser = world.signed_in("full").await;
    world
        .sandbox
        .fault(ME, "maintenance", 1000, json!({}))
        .await;
    browser
        .get("/me")
        .await
        .is_error(504, &["Smartsheet took too long"]);
    let calls = world.sandbox.requests().await.len();
    assert!((2..=10).contains(&calls), "{calls}");
}

#[tokio::test]
async fn nobody_listens() {
    let provider = Provider::well_behaved().await;
    let setup = provider.setup();
    let app = setup.start().await;
    let browser = Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    app.stop().await;

    let nowhere = format!("{NOBODY}/2.0");
    let app = setup
        .clone()
        .set("smartsheet.api_url", &nowhere)
        .start()
        .await;
    let away = browser.copy_to(&app);
    // Another issuer: the tokens are not for it, and it is not asked with them.
    away.get("/me").await.is_signed_out();
    away.get("/").await.shows(200, &["Sign in with Smartsheet"]);
    app.stop().await;

    let app = setup.start().await;
    browser.copy_to(&app).get("/me").await.shows(200, &["Ann"]);
}

#[tokio::test]
async fn the_grant_is_gone() {
    let world = World::new().await;
    for json in [false, true] {
        let browser = world.signed_in("full").await;
        browser.get("/me").await.shows(200, &["Grace Hopper"]);
        world.sandbox.revoke().await;
        world.sandbox.forget().await;
        if json {
            browser.json("/me").await.is_problem(401, "grant-gone");
        } else {
            let page = browser.get("/me").await;
            page.is_error(
                401,
                &[
                    "Please sign in again",
                    "href=\"http://localhost:8080/login\"",
                ],
            );
        }
        assert_eq!(
            world.sandbox.requests().await,
            ["GET /2.0/users/me 401", "POST /2.0/token refresh_token 400"]
        );
        // The tokens were dropped: nothing is asked any more.
        world.sandbox.forget().await;
        browser.get("/me").await.is_signed_out();
        browser.json("/me").await.is_problem(401, "signed-out");
        browser
            .get("/")
            .await
            .shows(200, &["Sign in with Smartsheet"]);
        assert_eq!(world.sandbox.requests().await, [""; 0]);
        browser.sign_in("minimal").await.redirects_to("/me");
        browser.get("/me").await.shows(200, &["sam@example.com"]);
    }
}

#[tokio::test]
async fn a_visitor_who_goes_away_disturbs_nobody() {
    let gate = Gate::closed();
    let held = gate.clone();
    let provider = Provider::start(move |request, before| {
        (request.line == "GET /2.0/users/me" && before == 0)
            .then(|| Reply::json(200, PROFILE).behind(&held))
    })
    .await;
    let browser = Browser::new(&provider.setup().start().await);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    let impatient = browser.clone();
    let visit = tokio::spawn(async move { impatient.get("/me").await });
    provider.arrived("GET /2.0/users/me", 1).await;
    visit.abort();
    browser.get("/me").await.shows(200, &["Ann"]);
    gate.open();
}
