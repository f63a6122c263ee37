//! What every answer carries, whatever it is; and what a panic does.

use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use reqwest::header::HeaderMap;
use sha2::{Digest as _, Sha384};
use smartsheet_oauth_demo::session::MemoryRows;
use smartsheet_oauth_demo::web;
use std::sync::Arc;

use crate::support::browser::raw_get;
use crate::support::rows::{app_on, serve};
use crate::support::{Browser, Page, Provider, Setup, World};

/// Each of the headers once, with this value.
#[track_caller]
fn is_hardened(page: &Page) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        (
            "permissions-policy",
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(all(page, name), [value], "{name} of {page:?}");
    }
    let [policy] = all(page, "content-security-policy")[..] else {
        panic!("not one policy: {page:?}");
    };
    for directive in [
        "default-src 'none'",
        "form-action '",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(directive), "{policy}");
    }
    for loose in ["unsafe", "*", "data:", "http:;", "https:;"] {
        assert!(!policy.contains(loose), "{policy}");
    }
    assert_eq!(all(page, "cache-control").len(), 1, "{page:?}");
    // The app is nobody else's to read.
    assert_eq!(page.header("access-control-allow-origin"), "", "{page:?}");
}

fn all<'a>(page: &'a Page, name: &str) -> Vec<&'a str> {
    let values = page.headers.get_all(name).iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

/// One answer of each kind, to whoever `browser` is: pages, redirects, errors, data, assets, methods that are not there.
async fn answers(browser: &Browser) -> Vec<Page> {
    let mut answers = Vec::new();
    for path in [
        "/",
        "/me",
        "/flow",
        "/break",
        "/login",
        "/redirect",
        "/redirect?code=c&state=s",
        "/logout",
        "/refresh",
        "/healthz",
        "/readyz",
        "/favicon.ico",
        "/static/style.css",
        "/static/comfort.js",
        "/static/nothing.css",
        "/nothing",
        "/%ff",
    ] {
        answers.push(browser.get(path).await);
        answers.push(browser.json(path).await);
    }
    let evil = [("origin", "https://evil.example")];
    for path in ["/logout", "/refresh", "/me", "/static/style.css"] {
        answers.push(browser.send(Method::POST, path, &evil).await);
    }
    for method in [Method::HEAD, Method::OPTIONS, Method::TRACE, Method::DELETE] {
        answers.push(browser.send(method, "/", &evil).await);
    }
    answers.push(browser.sign_out().await);
    answers
}

#[tokio::test]
async fn every_answer_is_hardened() {
    let world = World::new().await;
    let browser = world.browser();
    let mut pages = answers(&browser).await;
    pages.push(browser.sign_in("full").await);
    pages.extend(answers(&browser).await);
    for page in pages {
        is_hardened(&page);
        assert!(!page.header("x-request-id").is_empty(), "{page:?}");
        // Under http it would lock people out.
        assert_eq!(page.header("strict-transport-security"), "", "{page:?}");
    }
}

/// A year is the least that OWASP's ASVS asks for. No `preload`: to be built into browsers is for a name's owner to ask.
#[tokio::test]
async fn under_https_it_stays_https() {
    let provider = Provider::well_behaved().await;
    let setup = provider
        .setup()
        .set("server.base_url", "https://demo.example.com");
    let browser = Browser::new(&setup.start().await);
    let mut pages = answers(&browser).await;
    pages.push(browser.sign_in_with_code("the-code").await);
    pages.extend(answers(&browser).await);
    for page in pages {
        is_hardened(&page);
        assert_eq!(
            all(&page, "strict-transport-security"),
            ["max-age=63072000; includeSubDomains"],
            "{page:?}"
        );
    }
}

/// The mounted sandbox is a stranger, but below the app's own name.
#[tokio::test]
async fn the_mounted_sandbox_is_hardened_too() {
    let app = Setup::mounted().start().await;
    let browser = Browser::new(&app);
    let authorize = browser.begin("/login").await;
    let consent = format!("{}?{}", authorize.path(), authorize.query().unwrap());
    let pages = [
        browser.get(&consent).await,
        browser
            .get(&format!(
                "{consent}&sandbox_decision=deny&sandbox_user=full"
            ))
            .await,
        browser.get("/sandbox/b/authorize").await,
        browser.get("/sandbox/2.0/users/me").await,
        browser.send(Method::POST, "/sandbox/2.0/token", &[]).await,
        browser.get("/sandbox/nothing").await,
    ];
    let statuses: Vec<u16> = pages.iter().map(|page| page.status).collect();
    assert_eq!(statuses, [200, 302, 400, 401, 400, 404], "{pages:?}");
    for page in &pages {
        is_hardened(page);
    }
    // Its own policy: the form leads back to the app.
    let policy = pages[0].header("content-security-policy");
    assert!(policy.contains("form-action 'self' http"), "{policy}");
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
    let attribute = |before: &str| {
        let (_, rest) = start.split_once(before).unwrap();
        rest.split_once('"').unwrap().0
    };
    let script = browser.get(attribute("<script src=\"")).await;
    assert_eq!(
        (script.status, script.header("content-type")),
        (200, "text/javascript; charset=utf-8")
    );
    assert!(script.header("cache-control").contains("immutable"));
    // Another hash, and no browser would run it.
    let hash = STANDARD.encode(Sha384::digest(&script.body));
    assert_eq!(
        attribute(" integrity=\"").replace("&#43;", "+"),
        format!("sha384-{hash}")
    );
    let asset = browser.get(attribute("rel=\"stylesheet\" href=\"")).await;
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
    let robots = browser.get("/robots.txt").await;
    assert_eq!(
        (robots.status, robots.header("content-type")),
        (200, "text/plain; charset=utf-8")
    );
    assert!(robots.body.contains("Disallow: /login"), "{robots:?}");
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
        .is_error(404, &["Page not found"]);
    browser.json("/nothing").await.is_problem(404, "not-found");
    browser
        .get("/static/nothing")
        .await
        .is_error(404, &["Page not found"]);
    let answer = browser
        .send(Method::POST, "/me", &[("accept", "text/html")])
        .await;
    answer.is_error(405, &["Method not allowed"]);
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
    app.running.stopping.cancel();
    assert_eq!(browser.get("/readyz").await.status, 503);
    assert_eq!(browser.get("/healthz").await.status, 200);
}

async fn panics() -> &'static str {
    panic!("a bug, with access-secret-1 in its message");
}

#[tokio::test]
async fn a_panic_answers_500_and_the_server_lives() {
    let setup = Setup::against("http://127.0.0.1:9", test_support::TestClock::new());
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
    let http = test_support::http_client();
    let url = format!("http://{}/nothing", world.app.address);
    let answer = http.get(url).headers(headers).send().await.unwrap();
    assert_eq!(answer.status(), 404);
}

#[tokio::test]
async fn who_takes_gzip_gets_it() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let gzip = [("accept", "text/html"), ("accept-encoding", "gzip, br")];
    let http = test_support::http_client();
    for path in ["/", "/me", "/flow", "/nothing", "/static/style.css"] {
        let plain = browser.get(path).await;
        assert_eq!(plain.header("content-encoding"), "", "{path}");
        let cookie = format!("session={}", browser.session().unwrap());
        let mut request = http.get(format!("http://{}{path}", world.app.address));
        for (name, value) in gzip {
            request = request.header(name, value);
        }
        let answer = request.header("cookie", cookie).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), plain.status, "{path}");
        assert_eq!(answer.headers()["content-encoding"], "gzip", "{path}");
        let varies = answer.headers().get_all("vary").iter();
        let varies: Vec<&str> = varies.map(|value| value.to_str().unwrap()).collect();
        assert!(
            varies
                .join(",")
                .to_ascii_lowercase()
                .contains("accept-encoding"),
            "{path}: {varies:?}"
        );
        let bytes = answer.bytes().await.unwrap();
        assert!(bytes.starts_with(&[0x1f, 0x8b]), "{path}");
        assert!(
            bytes.len() * 3 < plain.body.len() * 2,
            "{path}: {} of {}",
            bytes.len(),
            plain.body.len()
        );
    }
}
