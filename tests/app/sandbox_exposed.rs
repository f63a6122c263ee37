//! The mounted sandbox, reached by whom it is not meant for: other sites' pages, strangers through a proxy, rebound names.

use reqwest::Method;

use crate::support::panel::follow;
use crate::support::{Browser, Page, Setup, TestApp};

const PROXIED: (&str, &str) = ("x-forwarded-for", "203.0.113.7");

/// `POST /sandbox/control/revoke`, which would end everybody's grants.
async fn revoke(app: &TestApp, headers: &[(&str, &str)]) -> Page {
    Browser::new(app)
        .send(Method::POST, "/sandbox/control/revoke", headers)
        .await
}

/// Asserts that `browser` is signed in at the sandbox, too.
async fn is_signed_in(browser: &Browser) {
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
}

#[tokio::test]
async fn neither_other_sites_nor_strangers_steer_it() {
    let app = Setup::mounted().start().await;
    let ada = Browser::new(&app);
    ada.sign_in("full").await.redirects_to("/me");
    for headers in [
        [
            ("content-type", "text/plain"),
            ("sec-fetch-site", "cross-site"),
        ],
        [
            ("content-type", "text/plain"),
            ("origin", "https://evil.example"),
        ],
        [("content-type", "text/plain"), PROXIED],
    ] {
        let page = revoke(&app, &headers).await;
        assert_eq!(page.status, 403, "{page:?}");
        assert!(page.body.contains("\"errorCode\":1004"), "{page:?}");
        is_signed_in(&ada).await;
    }
    assert_eq!(revoke(&app, &[]).await.status, 200);
    let gone = ada.get("/me").await;
    assert_ne!(gone.status, 200, "{gone:?}");
}

/// Then it is the operator's wish, and still no other site's.
#[tokio::test]
async fn open_means_whoever_reaches_the_app() {
    let open = Setup::mounted().set("sandbox.control", "open");
    let app = open.start().await;
    assert_eq!(revoke(&app, &[PROXIED]).await.status, 200);
    let page = revoke(&app, &[PROXIED, ("sec-fetch-site", "cross-site")]).await;
    assert_eq!(page.status, 403, "{page:?}");
    // Those of other machines share a limit.
    let mut last = page;
    for _ in 0..300 {
        last = revoke(&app, &[PROXIED]).await;
    }
    assert_eq!(last.status, 429, "{last:?}");
    assert!(last.headers.contains_key("retry-after"));
    assert_eq!(revoke(&app, &[]).await.status, 200);
}

/// The app steers its sandbox by itself, whoever presses the button.
#[tokio::test]
async fn break_works_behind_a_proxy() {
    let behind = Setup::mounted_running().set("server.trusted_proxies", "127.0.0.1");
    let app = behind.start().await;
    let browser = Browser::new(&app);
    browser.sign_in("full").await.redirects_to("/me");
    let headers = [
        ("accept", "text/html"),
        ("origin", "null"),
        ("sec-fetch-site", "same-origin"),
        PROXIED,
    ];
    let pressed = browser
        .send(Method::POST, "/break/revoked-grant", &headers)
        .await;
    let page = follow(&browser, pressed).await;
    page.shows(401, &["The grant was revoked."]);
}

#[tokio::test]
async fn a_rebound_name_reaches_nothing() {
    let app = Setup::mounted()
        .set("server.hosts", "Sandbox.Example, 192.0.2.1")
        .start()
        .await;
    let ask = async |path: &str, host: &str| {
        let browser = Browser::new(&app);
        browser.send(Method::GET, path, &[("host", host)]).await
    };
    for path in [
        "/sandbox/2.0/users/me",
        "/sandbox/control/requests",
        "/sandbox/b/authorize",
    ] {
        for host in [
            "evil.example:8080",
            "localhost.evil.example",
            "198.51.100.2",
        ] {
            let page = ask(path, host).await;
            assert_eq!(page.status, 421, "{path} {host}: {page:?}");
        }
        for host in [
            "localhost:8080",
            "127.0.0.1:1",
            "sandbox.example",
            "192.0.2.1:80",
        ] {
            let page = ask(path, host).await;
            assert_ne!(page.status, 421, "{path} {host}: {page:?}");
        }
    }
    // The app's own pages are no business of the sandbox.
    assert_eq!(ask("/", "evil.example").await.status, 200);
}

#[test]
fn open_control_at_a_public_address_is_warned_about() {
    let warns = |base: &str, control: &str| {
        let setup = Setup::mounted()
            .set("server.base_url", base)
            .set("smartsheet.region", "sandbox")
            .set("sandbox.control", control);
        let warnings = setup.settings().warnings();
        warnings
            .iter()
            .any(|line| line.starts_with("sandbox.control is open"))
    };
    assert!(warns("https://demo.example.com", "open"));
    assert!(!warns("https://demo.example.com", "local"));
    assert!(!warns("http://localhost:8080", "open"));
}
