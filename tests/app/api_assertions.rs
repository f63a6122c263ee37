//! The back end of a site calls Smartsheet's API with the assertion that came with a request.

use reqwest::Method;
use serde_json::json;

use crate::api::{CSRF, parsed, with_api};
use crate::gateway::{BOARD, WIKI, claims, everywhere, with_sites};
use crate::support::app::BASE_URL;
use crate::support::{MINUTE, Page, SECOND, Setup, Visitor, World};

fn with_assertions(setup: Setup) -> Setup {
    with_api(with_sites(setup)).set("api.assertions", "on")
}

/// What the back end of `site` gets with a request of `person`.
async fn assertion(person: &Visitor, site: &str) -> String {
    let page = person.check(site).await;
    assert_eq!(page.status, 200);
    page.header("x-smartsheet-assertion").to_owned()
}

/// A call with `assertion` alone, as a back end makes it.
async fn called(world: &World, origin: &str, assertion: &str) -> Page {
    let back_end = Visitor::new(&world.app);
    let bearer = format!("Bearer {assertion}");
    let url = format!("{origin}/auth/api/2.0/users/me");
    back_end
        .send(Method::GET, &url, &[("authorization", &bearer)])
        .await
}

#[tokio::test]
async fn as_the_person_that_it_was_given_for() {
    let world = World::with(with_assertions).await;
    let ann = everywhere(&world, "full").await;
    let bob = everywhere(&world, "minimal").await;
    let page = ann.check(WIKI).await;
    let said = claims(&ann, &page).await;
    assert_eq!(said["aud"], json!([WIKI, BASE_URL]));
    for (person, email) in [
        (&ann, "grace.hopper@example.com"),
        (&bob, "sam@example.com"),
    ] {
        let given = assertion(person, WIKI).await;
        for origin in [BASE_URL, WIKI] {
            let page = called(&world, origin, &given).await;
            assert_eq!((page.status, &parsed(&page)["email"]), (200, &json!(email)));
        }
        called(&world, BOARD, &given)
            .await
            .is_problem(401, "bad-assertion");
    }
    // Each session has its own, though they are of one person and of the same second.
    let again = everywhere(&world, "full").await;
    let (first, second) = (assertion(&ann, WIKI).await, assertion(&again, WIKI).await);
    assert_ne!(first, second);
    let own = [("origin", WIKI), ("sec-fetch-site", "same-origin")];
    again
        .send(Method::POST, &format!("{WIKI}/auth/sign-out"), &own)
        .await;
    let page = called(&world, BASE_URL, &second).await;
    let problem = page.is_problem(401, "bad-assertion");
    assert!(problem.get("sign_in_url").is_none());
    assert_eq!(
        page.header("www-authenticate"),
        "Bearer error=\"invalid_token\""
    );
    assert_eq!(called(&world, BASE_URL, &first).await.status, 200);
}

#[tokio::test]
async fn for_a_minute() {
    let world = World::with(with_assertions).await;
    let ann = everywhere(&world, "full").await;
    let given = assertion(&ann, WIKI).await;
    world.setup.clock.pass(MINUTE - SECOND);
    assert_eq!(called(&world, BASE_URL, &given).await.status, 200);
    world.setup.clock.pass(SECOND);
    called(&world, BASE_URL, &given)
        .await
        .is_problem(401, "bad-assertion");
}

#[tokio::test]
async fn one_that_does_not_count_is_not_made_up_for_by_a_cookie() {
    let world = World::with(with_assertions).await;
    let ann = everywhere(&world, "full").await;
    let given = assertion(&ann, WIKI).await;
    let url = format!("{WIKI}/auth/api/2.0/users/me");
    let long = format!("Bearer {}", "x".repeat(20 * 1024));
    for bad in [
        "Bearer x",
        "bearer  x.y.z",
        &long,
        &format!("Bearer {given}x"),
    ] {
        let page = ann
            .send(Method::GET, &url, &[CSRF, ("authorization", bad)])
            .await;
        page.is_problem(401, "bad-assertion");
    }
    // A client that has no token, and says so, has its cookie.
    for none in ["Bearer ", "Bearer", "Basic YTpi", "Bearerx y"] {
        let page = ann
            .send(Method::GET, &url, &[CSRF, ("authorization", none)])
            .await;
        assert_eq!(page.status, 200, "{none}");
        let page = ann
            .send(Method::GET, &url, &[("authorization", none)])
            .await;
        page.is_problem(403, "no-csrf-header");
    }
}

#[tokio::test]
async fn not_unless_that_is_turned_on() {
    let world = World::with(|setup| with_api(with_sites(setup))).await;
    let ann = everywhere(&world, "full").await;
    let given = assertion(&ann, WIKI).await;
    let page = called(&world, BASE_URL, &given).await;
    page.is_problem(403, "no-csrf-header");
    // Nor is one taken later that was given before.
    let on = with_assertions(world.setup.clone());
    world.app.stop().await;
    let world = World {
        app: on.start().await,
        setup: on,
        sandbox: world.sandbox,
    };
    called(&world, BASE_URL, &given)
        .await
        .is_problem(401, "bad-assertion");
}

#[tokio::test]
async fn nor_for_whom_the_sites_are_not() {
    let world = World::with(with_assertions).await;
    let ann = everywhere(&world, "full").await;
    let given = assertion(&ann, WIKI).await;
    let narrow = world.setup.clone().set("gateway.allow", "@nobody.example");
    world.app.stop().await;
    let world = World {
        app: narrow.start().await,
        setup: narrow,
        sandbox: world.sandbox,
    };
    called(&world, BASE_URL, &given)
        .await
        .is_problem(403, "not-allowed-here");
    // And of a site that is none any more, none is taken.
    let fewer = with_assertions(world.setup.clone())
        .set("gateway.allow", "")
        .set("gateway.sites", BOARD);
    world.app.stop().await;
    let world = World {
        app: fewer.start().await,
        setup: fewer,
        sandbox: world.sandbox,
    };
    called(&world, BASE_URL, &given)
        .await
        .is_problem(401, "bad-assertion");
}
