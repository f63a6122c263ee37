//! Requests that nobody made: where a GET does something, a browser's prefetch and a program's HEAD do nothing.

use reqwest::Method;

use crate::metrics::measured;
use crate::support::exposition::scrape;
use crate::support::panel::press;
use crate::support::said::{brief, flow, said};
use crate::support::{Browser, Page, Setup, World, log};

const COUNTED: &str = "oauth_demo_speculative_requests_total";

/// How browsers say that they ask ahead.
const SIGNS: [(&str, &str); 6] = [
    ("sec-purpose", "prefetch"),
    ("sec-purpose", "prefetch;prerender"),
    ("sec-purpose", "prefetch;anonymous-client-ip"),
    ("purpose", "prefetch"),
    ("x-purpose", "preview"),
    ("x-moz", "prefetch"),
];

#[track_caller]
fn is_left_alone(page: &Page) {
    assert_eq!((page.status, page.body.as_str()), (204, ""), "{page:?}");
    assert_eq!(page.header("cache-control"), "no-store", "{page:?}");
    assert!(page.set_cookies().is_empty(), "{page:?}");
}

#[track_caller]
fn is_no_way_to_ask(page: &Page, allow: &str) {
    assert_eq!(
        (page.status, page.header("allow")),
        (405, allow),
        "{page:?}"
    );
    assert!(page.set_cookies().is_empty(), "{page:?}");
}

/// A callback that has come to this browser and was not opened yet.
async fn callback(world: &World, browser: &Browser) -> String {
    let authorize = browser.begin("/login").await;
    let callback = browser.consent(&authorize, "allow", "full").await;
    world.sandbox.forget().await;
    callback
}

#[tokio::test]
async fn a_callback_that_is_fetched_ahead_is_not_used_up() {
    let world = World::with(measured).await;
    let browser = world.browser();
    let callback = callback(&world, &browser).await;
    let before = browser.cookies();
    for (number, sign) in SIGNS.into_iter().enumerate() {
        let id = format!("speculative-{number}");
        let headers = [("accept", "text/html"), ("x-request-id", &id), sign];
        is_left_alone(&browser.send(Method::GET, &callback, &headers).await);
        let said = log::lines_with(&[&id, "DEBUG", "a speculative request is left alone"]);
        assert_eq!(said.len(), 1, "{said:?}");
    }
    is_no_way_to_ask(&browser.send(Method::HEAD, &callback, &[]).await, "GET");
    assert_eq!(browser.cookies(), before);
    assert!(world.sandbox.requests().await.is_empty());

    browser.get(&callback).await.redirects_to("/me");
    let requests = world.sandbox.requests().await;
    assert_eq!(requests, ["POST /2.0/token authorization_code 200"]);
    // The record has what the person did, and nothing of the others.
    let mut said = brief(&said(&browser).await);
    // The clock stands still, so they have no order.
    said.sort_unstable();
    let expected = [
        "callback 303",
        "code_exchange 200",
        "consent unseen",
        "sign_in 303",
    ];
    assert_eq!(said, expected);
    let figures = scrape(world.app.metrics.unwrap()).await;
    assert_eq!(figures.value(COUNTED, &[]), Some(6.0));
}

#[tokio::test]
async fn no_sign_in_begins_ahead_of_a_person() {
    let world = World::with(measured).await;
    let browser = world.browser();
    for path in [
        "/login",
        "/login?return_to=/flow",
        "/redirect",
        "/redirect?error=x",
    ] {
        for sign in SIGNS {
            is_left_alone(&browser.send(Method::GET, path, &[sign]).await);
        }
        is_no_way_to_ask(&browser.send(Method::HEAD, path, &[]).await, "GET");
        let head_ahead = browser.send(Method::HEAD, path, &[SIGNS[0]]).await;
        is_no_way_to_ask(&head_ahead, "GET");
        is_no_way_to_ask(&browser.send(Method::POST, path, &[SIGNS[0]]).await, "GET");
    }
    let figures = scrape(world.app.metrics.unwrap()).await;
    let started = figures.value("oauth_demo_sign_ins_total", &[("outcome", "started")]);
    assert_eq!(started, Some(0.0));
    // What says something else is a person's.
    let navigation = [("sec-purpose", "navigate"), ("accept", "text/html")];
    let page = browser.send(Method::GET, "/login", &navigation).await;
    assert_eq!(page.status, 303, "{page:?}");
}

#[tokio::test]
async fn no_failure_is_arranged_ahead_of_a_person() {
    let app = Setup::mounted_running().start().await;
    let browser = Browser::new(&app);
    // Signed out, so that the button leads through a sign-in and back to this address.
    let way_on = "/break/server-error";
    assert_eq!(press(&browser, "server-error").await.status, 303);
    browser.sign_in("full").await.redirects_to("/me");
    for sign in SIGNS {
        is_left_alone(&browser.send(Method::GET, way_on, &[sign]).await);
    }
    is_no_way_to_ask(&browser.send(Method::HEAD, way_on, &[]).await, "GET,POST");
    is_no_way_to_ask(&browser.send(Method::DELETE, way_on, &[]).await, "GET,POST");
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    // The person's own request arranges it.
    browser.get(way_on).await.redirects_to("/me");
    assert_eq!(browser.get("/me").await.status, 502);
}

/// Pages that only show something may be fetched ahead: that makes them quicker, and does nothing that a visit does not.
#[tokio::test]
async fn what_only_shows_is_shown_ahead_and_to_head() {
    let world = World::new().await;
    let signed_out = world.browser();
    let browser = world.signed_in("full").await;
    for path in ["/", "/flow", "/healthz", "/readyz", "/static/style.css"] {
        let get = browser.get(path).await;
        let ahead = [("accept", "text/html"), SIGNS[0]];
        let ahead = browser.send(Method::GET, path, &ahead).await;
        assert_eq!(ahead.status, 200, "{path}: {ahead:?}");
        let head = browser
            .send(Method::HEAD, path, &[("accept", "text/html")])
            .await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        for name in ["content-type", "cache-control", "vary", "etag"] {
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
        }
    }
    let head = [("accept", "text/html")];
    signed_out
        .send(Method::HEAD, "/me", &head)
        .await
        .is_signed_out();
    let before = (browser.cookies(), flow(&browser).await);
    let me = browser.send(Method::HEAD, "/me", &head).await;
    assert_eq!((me.status, me.body.as_str()), (200, ""), "{me:?}");
    assert!(me.set_cookies().is_empty(), "{me:?}");
    let after = flow(&browser).await;
    assert_eq!(browser.cookies(), before.0);
    assert!(
        said(&browser)
            .await
            .iter()
            .all(|message| message["step"] != "profile"),
        "{after}"
    );
    for method in [Method::GET, Method::HEAD] {
        let nothing = browser.send(method, "/nothing", &[SIGNS[0]]).await;
        assert_eq!(nothing.status, 404, "{nothing:?}");
    }
    for path in ["/logout", "/refresh"] {
        let answer = browser.send(Method::HEAD, path, &head).await;
        assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
    }
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
}
