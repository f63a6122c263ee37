//! What every answer carries, whatever it is; and what a panic does.

use axum::Router;
use axum::routing::get;
use reqwest::Method;
use reqwest::header::HeaderMap;
use smartsheet_oauth_demo::session::MemoryRows;
use smartsheet_oauth_demo::web;
use std::sync::Arc;

use crate::support::browser::raw_get;
use crate::support::rows::{app_on, serve};
use crate::support::{Browser, Page, Provider, Setup, World};

#[track_caller]
fn is_hardened(page: &Page) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(
            page.headers.get_all(name).iter().count(),
            1,
            "{name} of {page:?}"
        );
        assert_eq!(page.header(name), value, "{page:?}");
    }
    let policy = page.header("content-security-policy");
    for directive in [
        "default-src 'none'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(directive), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(!page.header("permissions-policy").is_empty(), "{page:?}");
    assert!(!page.header("x-request-id").is_empty(), "{page:?}");
    assert!(!page.header("cache-control").is_empty(), "{page:?}");
}

/// One answer of each kind.
async fn answers(browser: &Browser) -> Vec<Page> {
    let mut answers = vec![browser.sign_in("full").await];
    for path in [
        "/",
        "/me",
        "/login",
        "/redirect",
        "/redirect?code=c&state=s",
        "/logout",
        "/healthz",
        "/readyz",
        "/static/style.css",
        "/static/nothing.css",
        "/nothing",
        "/%ff",
    ] {
        answers.push(browser.get(path).await);
        answers.push(browser.json(path).await);
    }
    let origin = [("origin", "https://evil.example")];
    answers.push(browser.send(Method::POST, "/logout", &origin).await);
    answers.push(browser.send(Method::POST, "/me", &[]).await);
    answers.push(browser.send(Method::HEAD, "/", &[]).await);
    answers.push(browser.send(Method::OPTIONS, "/", &[]).await);
    answers.push(browser.sign_out().await);
    answers
}

#[tokio::test]
async fn every_answer_is_hardened() {
    let world = World::new().await;
    for page in answers(&world.browser()).await {
        is_hardened(&page);
        // Under http it would lock people out.
        assert_eq!(page.header("strict-transport-security"), "", "{page:?}");
    }
}

#[tokio::test]
async fn under_https_it_stays_https() {
    let provider = Provider::well_behaved().await;
    let setup = provider
        .setup()
        .set("server.base_url", "https://demo.example.com");
    let browser = Browser::new(&setup.start().await);
    for path in ["/", "/login", "/nothing", "/healthz", "/static/style.css"] {
        let page = browser.get(path).await;
        is_hardened(&page);
        assert!(
            page.header("strict-transport-security")
                .starts_with("max-age="),
            "{page:?}"
        );
    }
}

#[tokio::test]
async fn pages_are_not_kept_and_assets_are() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    for path in ["/", "/me", "/login", "/nothing", "/redirect"] {
        assert_eq!(
            browser.get(path).await.header("cache-control"),
            "no-store",
            "{path}"
        );
    }
    assert_eq!(
        browser.json("/me").await.header("cache-control"),
        "no-store"
    );

    let start = browser.get("/").await.body;
    let (_, rest) = start.split_once("rel=\"stylesheet\" href=\"").unwrap();
    let (stylesheet, _) = rest.split_once('"').unwrap();
    let asset = browser.get(stylesheet).await;
    assert_eq!(
        (asset.status, asset.header("content-type")),
        (200, "text/css; charset=utf-8")
    );
    assert!(
        asset.header("cache-control").contains("immutable"),
        "{asset:?}"
    );
    // Without its version, or with an old one, the address does not name this content.
    for path in ["/static/style.css", "/static/style.css?v=0000000000000000"] {
        let asset = browser.get(path).await;
        assert_eq!(
            (asset.status, asset.header("cache-control")),
            (200, "no-cache")
        );
    }
    // Browsers ask for the second one where no page names the first.
    for path in ["/static/icon.svg", "/favicon.ico"] {
        let icon = browser.get(path).await;
        assert_eq!(
            (icon.status, icon.header("content-type")),
            (200, "image/svg+xml")
        );
    }
}

#[tokio::test]
async fn assets_are_these_files_and_no_others() {
    let world = World::new().await;
    for path in [
        "/static/",
        "/static",
        "/static/..",
        "/static/../Cargo.toml",
        "/static/%2e%2e%2fCargo.toml",
        "/static/..%5cCargo.toml",
        "/static/style.css/",
        "/static//style.css",
        "/static/%00",
        "/../static/style.css",
        "//static/style.css",
    ] {
        let status = raw_get(world.app.address, path).await;
        assert!([400, 404].contains(&status), "{path}: {status}");
    }
}

#[tokio::test]
async fn unknown_pages_and_methods() {
    let world = World::new().await;
    let browser = world.browser();
    browser
        .get("/nothing")
        .await
        .is_error(404, &["There is no such page"]);
    browser.json("/nothing").await.is_problem(404, "not-found");
    browser
        .get("/static/nothing")
        .await
        .is_error(404, &["There is no such page"]);
    let answer = browser
        .send(Method::POST, "/me", &[("accept", "text/html")])
        .await;
    answer.is_error(405, &["That does not work this way"]);
    assert_eq!(answer.header("allow"), "GET,HEAD");
    let answer = browser
        .send(Method::DELETE, "/", &[("accept", "application/json")])
        .await;
    answer.is_problem(405, "method-not-allowed");
}

#[tokio::test]
async fn health_and_readiness() {
    let world = World::new().await;
    for path in ["/healthz", "/readyz"] {
        let answer = world.browser().get(path).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.set_cookies(), [""; 0]);
    }
}

#[tokio::test]
async fn while_it_stops_it_is_alive_but_not_ready() {
    let provider = Provider::well_behaved().await;
    let app = app_on(&provider.setup(), Arc::new(MemoryRows::default()));
    let browser = serve(web::router(Arc::clone(&app))).await;
    assert_eq!(browser.get("/readyz").await.status, 200);
    app.stopping.cancel();
    assert_eq!(browser.get("/readyz").await.status, 503);
    assert_eq!(browser.get("/healthz").await.status, 200);
}

async fn panics() -> &'static str {
    panic!("a bug, with access-secret-1 in its message");
}

#[tokio::test]
async fn a_panic_answers_500_and_the_server_lives() {
    let setup = Setup::against(
        "http://127.0.0.1:9",
        crate::support::clock::TestClock::new(),
    );
    let app = app_on(&setup, Arc::new(MemoryRows::default()));
    let routes = Router::new()
        .route("/panic", get(panics))
        .route("/fine", get(async || "fine"));
    let browser = serve(web::with_layers(routes, app)).await;
    for _ in 0..3 {
        let page = browser.get("/panic").await;
        page.is_error(500, &["Something went wrong here"]);
        assert!(!page.body.contains("a bug"), "{page:?}");
        is_hardened(&page);
        let problem = browser.json("/panic").await;
        problem.is_problem(500, "internal");
        is_hardened(&problem);
    }
    assert_eq!(browser.get("/fine").await.body, "fine");
}

#[tokio::test]
async fn odd_requests_are_answered() {
    let world = World::new().await;
    let browser = world.browser();
    for (name, value) in [
        ("accept", ",;=q,application/json;q=banana"),
        ("cookie", "session=;;; =x; session=%ff"),
        ("cookie", "session=AAAAAAAAAAAAAAAAAAAAAA"),
        ("cookie", "session=not-an-id; session=neither"),
        ("x-forwarded-for", "not an address"),
    ] {
        for path in ["/", "/me", "/login", "/redirect", "/nothing"] {
            let page = browser.send(Method::GET, path, &[(name, value)]).await;
            assert!(page.status < 500, "{path} with {name}: {value}: {page:?}");
        }
    }
    let mut headers = HeaderMap::new();
    headers.insert(
        "accept",
        reqwest::header::HeaderValue::from_bytes(b"\xff\xfe").unwrap(),
    );
    let http = crate::support::browser::http_client();
    let url = format!("http://{}/nothing", world.app.address);
    let answer = http.get(url).headers(headers).send().await.unwrap();
    assert_eq!(answer.status(), 404);
}
