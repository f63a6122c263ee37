//! No grant outlives the session that it was for: what can't be revoked at once is tried until it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::support::{Browser, DAY, HOUR, MINUTE, Provider, Reply, SECOND, Setup, World, until};

const REVOKE: &str = "DELETE /2.0/token";
const REVOKED: &str = "DELETE /2.0/token 200";

fn often(mut setup: Setup) -> Setup {
    setup.sweep_every = SECOND / 50;
    setup
}

async fn revoked(world: &World, times: usize) -> Vec<String> {
    until("the revocations", async || {
        let requests = world.sandbox.requests().await;
        let revoked = requests.iter().filter(|line| *line == REVOKED).count();
        (revoked >= times).then_some(requests)
    })
    .await
}

/// The access token is refused, though it should have lived: its refresh token still can.
#[tokio::test]
async fn a_refused_access_token_is_refreshed_and_then_revoked() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    world.sandbox.expire("access_tokens").await;
    browser.sign_out().await.redirects_to("/signed-out");
    assert_eq!(
        world.sandbox.requests().await,
        [
            "DELETE /2.0/token 401",
            "POST /2.0/token refresh_token 200",
            REVOKED
        ]
    );
}

/// What is due is looked for all the time, and a revocation that somebody has in hand is not made a second time.
#[tokio::test]
async fn no_revocation_is_made_twice() {
    let world = World::with(|mut setup| {
        setup.sweep_every = SECOND / 1000;
        setup
    })
    .await;
    for _ in 0..40 {
        let browser = world.signed_in("full").await;
        world.sandbox.forget().await;
        browser.sign_out().await.redirects_to("/signed-out");
        assert_eq!(world.sandbox.requests().await, [REVOKED]);
    }
}

/// Five sign-ins of one browser and one sign-out leave nothing.
#[tokio::test]
async fn signing_in_over_a_sign_in_revokes_the_pair_before() {
    let world = World::with(often).await;
    let browser = world.browser();
    for _ in 0..5 {
        browser.sign_in("full").await.redirects_to("/me");
        browser.get("/me").await.shows(200, &["Grace Hopper"]);
    }
    revoked(&world, 4).await;
    browser.sign_out().await.redirects_to("/signed-out");
    revoked(&world, 5).await;
    assert_eq!(world.sandbox.live_grants().await, 0);
}

/// A second app, or another browser of the same person, keeps its grant.
#[tokio::test]
async fn nothing_else_of_the_person_is_revoked() {
    let world = World::with(often).await;
    let (one, other) = (world.signed_in("full").await, world.signed_in("full").await);
    one.sign_out().await.redirects_to("/signed-out");
    other.get("/me").await.shows(200, &["Grace Hopper"]);
    world.sandbox.expire("access_tokens").await;
    other.get("/me").await.shows(200, &["Grace Hopper"]);
    let queries = world.sandbox.requests().await;
    assert!(
        !queries.iter().any(|line| line.contains("deleteAll")),
        "{queries:?}"
    );
}

#[tokio::test]
async fn a_session_that_idles_out_or_comes_to_its_end_is_given_back() {
    // The last of the visits is some hours before the end, and some hours before the token expires, which was refreshed at the one
    // before.
    for (time, visits) in [(7 * DAY, 0), (69 * DAY / 10, 13)] {
        let world = World::with(often).await;
        let browser = world.signed_in("full").await;
        for _ in 0..visits {
            world.setup.clock.pass(time);
            browser.get("/me").await;
        }
        world.sandbox.forget().await;
        world.setup.clock.pass(time + SECOND);
        // The access token has expired long ago, so it is refreshed for this.
        let requests = revoked(&world, 1).await;
        assert_eq!(requests, ["POST /2.0/token refresh_token 200", REVOKED]);
        assert_eq!(world.sandbox.live_grants().await, 0);
        browser.get("/me").await.is_signed_out();
    }
}

#[tokio::test]
async fn what_fails_at_the_sign_out_is_tried_again_after_a_restart_too() {
    for fault in [
        "maintenance",
        "unavailable_html",
        "reset",
        "server_error",
        "rate_limit",
    ] {
        let world = World::new().await;
        let browser = world.signed_in("full").await;
        world.sandbox.fault("/2.0/token", fault, 1, json!({})).await;
        browser.sign_out().await.redirects_to("/signed-out");
        browser.get("/me").await.is_signed_out();
        let World {
            setup,
            app,
            sandbox,
        } = world;
        app.stop().await;
        setup.clock.pass(MINUTE);
        let app = often(setup.clone()).start().await;
        let world = World {
            setup,
            app,
            sandbox,
        };
        revoked(&world, 1).await;
        assert_eq!(world.sandbox.live_grants().await, 0, "{fault}");
    }
}

/// The second sign-in's cookie never arrives, and the person signs out with the one that they have.
#[tokio::test]
async fn a_sign_out_ends_the_successor_that_the_browser_never_heard_of() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let lost = browser.copy_to(&world.app);
    lost.sign_in("full").await.redirects_to("/me");
    assert_ne!(lost.session(), browser.session());
    browser.sign_out().await.redirects_to("/signed-out");
    lost.get("/me").await.is_signed_out();
    revoked(&world, 2).await;
    assert_eq!(world.sandbox.live_grants().await, 0);
}

/// One that no browser ever comes with is given back within hours, not days.
#[tokio::test]
async fn a_session_that_no_browser_came_with_is_given_back_soon() {
    let world = World::with(often).await;
    world.browser().sign_in("full").await.redirects_to("/me");
    world.setup.clock.pass(HOUR + SECOND);
    revoked(&world, 1).await;
    assert_eq!(world.sandbox.live_grants().await, 0);
}

/// Smartsheet refuses for ever: it is asked less and less, and after a week no more.
#[tokio::test]
async fn it_is_tried_with_growing_pauses_and_given_up_after_a_week() {
    let refuses = Arc::new(AtomicBool::new(true));
    let is_down = Arc::clone(&refuses);
    let provider = Provider::start(move |request, _| {
        let is_revocation = request.line == "DELETE /2.0/token";
        (is_revocation && is_down.load(Ordering::SeqCst)).then(|| Reply::json(503, "{}"))
    })
    .await;
    let setup = often(provider.setup());
    let app = setup.start().await;
    let browser = Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    browser.sign_out().await.redirects_to("/signed-out");
    provider.arrived(REVOKE, 1).await;
    for times in 2..5 {
        setup.clock.pass(HOUR);
        provider.arrived(REVOKE, times).await;
    }
    setup.clock.pass(7 * DAY);
    let given_up = until("it is given up", async || {
        let lines = crate::support::log::lines_with(&["given up", "token could not be revoked"]);
        (!lines.is_empty()).then_some(())
    });
    given_up.await;
    let tried = provider.count(REVOKE);
    assert!(tried <= 5, "{tried}");
    setup.clock.pass(DAY);
    app.stop().await;
    assert_eq!(provider.count(REVOKE), tried);
}

/// Tokens go to the server that issued them, and to no other.
#[tokio::test]
async fn a_session_of_another_issuer_counts_as_signed_out_and_is_kept() {
    let (real, other) = (
        Provider::well_behaved().await,
        Provider::well_behaved().await,
    );
    let setup = real.setup();
    let app = setup.start().await;
    let browser = Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    browser.get("/me").await.shows(200, &["Ann"]);
    app.stop().await;
    let before = real.lines();

    let base = other.base();
    let elsewhere = [
        ("smartsheet.api_url", format!("{base}/2.0")),
        ("smartsheet.authorize_url", format!("{base}/b/authorize")),
        ("smartsheet.client_id", "another-client".to_owned()),
    ];
    for (name, value) in elsewhere {
        let app = often(setup.clone()).set(name, &value).start().await;
        let away = browser.copy_to(&app);
        away.get("/me").await.is_signed_out();
        away.json("/me").await.is_problem(401, "signed-out");
        setup.clock.pass(6 * DAY);
        away.sign_out().await.redirects_to("/signed-out");
        app.stop().await;
        setup.clock.pass(SECOND);
        let app = setup.start().await;
        browser.copy_to(&app).get("/me").await.shows(200, &["Ann"]);
        app.stop().await;
    }
    assert_eq!(other.lines(), [""; 0]);
    assert!(!real.lines()[before.len()..].contains(&"DELETE /2.0/token".to_owned()));
}
