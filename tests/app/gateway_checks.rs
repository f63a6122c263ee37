//! What a proxy may ask, and all that may be wrong with it.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use smartsheet_oauth_demo::web;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::gateway::{BOARD, WIKI, everywhere, with_sites, world};
use crate::support::app::BASE_URL;
use crate::support::rows::{FOREVER, FailingRows, app_on, serve};
use crate::support::{DAY, Provider, Visitor, World};

const CHECKS: [&str; 3] = ["/auth/check", "/auth/forward", "/auth/envoy/page"];

#[tokio::test]
async fn any_method_is_answered_and_a_body_is_not_waited_for() {
    let world = world().await;
    let grace = everywhere(&world, "full").await;
    for path in CHECKS {
        for method in [
            "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND",
        ] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = grace
                .send(method.clone(), &format!("{WIKI}{path}"), &[])
                .await;
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (200, ""),
                "{method} {path}"
            );
        }
    }
    // A body of a gigabyte, and one that never comes.
    let cookie = format!("site-3000={}", grace.cookies(WIKI)["site-3000"]);
    for length in ["content-length: 1000000000", "transfer-encoding: chunked"] {
        let mut stream = TcpStream::connect(world.app.address).await.unwrap();
        let request = format!(
            "POST /auth/check HTTP/1.1\r\nhost: wiki.localhost:3000\r\ncookie: {cookie}\r\n{length}\r\n\r\n5"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        let reading = stream.read_exact(&mut answer);
        tokio::time::timeout(Duration::from_secs(2), reading)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    }
}

#[tokio::test]
async fn nothing_else_of_the_app_is_at_a_site() {
    let world = World::with(with_sites).await;
    let grace = everywhere(&world, "full").await;
    for path in [
        "/",
        "/me",
        "/login",
        "/flow",
        "/healthz",
        "/static/style.css",
        "/.well-known/jwks.json",
        "/auth",
        "/auth/nothing",
        "/auth/grant?site=x",
    ] {
        let page = grace.go(&format!("{WIKI}{path}")).await;
        page.is_error(404, &["Page not found", "/auth/static/style.css?v="]);
        assert!(!page.headers.contains_key("strict-transport-security"));
    }
    assert_eq!(
        grace
            .go(&format!("{BASE_URL}/auth/arrive?ticket=x"))
            .await
            .status,
        404
    );
    let style = grace.go(&format!("{WIKI}/auth/static/style.css")).await;
    assert_eq!(
        (style.status, style.header("content-type")),
        (200, "text/css; charset=utf-8")
    );
    // The mounted sandbox is no site's either.
    let setup = with_sites(crate::support::Setup::mounted());
    let app = setup.start().await;
    let visitor = Visitor::new(&app);
    assert_eq!(
        visitor
            .go(&format!("{WIKI}/sandbox/b/authorize"))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_host_that_is_not_a_site() {
    let world = world().await;
    let grace = everywhere(&world, "full").await;
    let cookie = format!("site-3000={}", grace.cookies(WIKI)["site-3000"]);
    for (host, proto, status) in [
        ("wiki.localhost:3000", "http", 200),
        ("WIKI.localhost:3000", "HTTP", 200),
        ("wiki.localhost.:3000", "http", 200),
        ("wiki.localhost:3000", "https", 403),
        ("wiki.localhost", "http", 403),
        ("wiki.localhost:3001", "http", 403),
        ("board.localhost:3001", "http", 401),
        ("evil.example", "http", 403),
        ("wiki.localhost:3000, evil.example", "http", 403),
        ("wiki.localhost:3000/x", "http", 403),
        ("x@wiki.localhost:3000", "http", 403),
        ("wiki.localhost:3000\t", "http", 200),
        ("wiki.localhost\t:3000", "http", 403),
        ("", "http", 403),
        ("wiki.localhost:3000", "", 403),
        ("wiki.localhost:3000", "http, http", 403),
        ("wiki.localhost:3000", "gopher", 403),
    ] {
        let headers = [
            ("x-forwarded-host", host),
            ("x-forwarded-proto", proto),
            ("cookie", &cookie),
            ("accept", "application/json"),
        ];
        let visitor = Visitor::new(&world.app);
        for path in CHECKS {
            let answer = visitor
                .send(Method::GET, &format!("{WIKI}{path}"), &headers)
                .await;
            assert_eq!(answer.status, status, "{host:?} {proto:?} {path}");
            if status == 403 {
                answer.is_problem(403, "unknown-site");
            }
        }
        if status == 403 {
            for path in [
                "/auth/sign-in",
                "/auth/session",
                "/auth/arrive",
                "/auth/grant",
            ] {
                let answer = visitor
                    .send(Method::GET, &format!("{WIKI}{path}"), &headers)
                    .await;
                assert_eq!(answer.status, 404, "{host:?} {path}");
            }
            let answer = visitor
                .send(Method::POST, &format!("{WIKI}/auth/sign-out"), &headers)
                .await;
            assert_eq!(answer.status, 404, "{host:?}");
        }
    }
    // Twice, even the same.
    for name in ["x-forwarded-host", "x-forwarded-proto"] {
        let value = if name.ends_with("host") {
            "wiki.localhost:3000"
        } else {
            "http"
        };
        let headers = [
            ("x-forwarded-host", "wiki.localhost:3000"),
            ("x-forwarded-proto", "http"),
            (name, value),
            ("cookie", &cookie),
        ];
        let answer = Visitor::new(&world.app)
            .send(Method::GET, &format!("{WIKI}/auth/check"), &headers)
            .await;
        assert_eq!(answer.status, 403, "{name}");
    }
}

#[tokio::test]
async fn who_is_no_named_proxy_is_not_believed() {
    let world =
        World::with(|setup| with_sites(setup).set("server.trusted_proxies", "192.0.2.1")).await;
    let grace = Visitor::by_host(world.app.address);
    let (_, page) = grace.walk(&format!("{WIKI}/auth/sign-in")).await;
    let callback = grace.consent(&page, "allow", "full").await;
    grace.walk(&callback).await.1.redirects_to("/");
    assert_eq!(grace.check(WIKI).await.status, 200);
    // By Host it is the board, whatever else is said.
    let cookie = format!(
        "site-3000={0}; site-3001={0}",
        grace.cookies(WIKI)["site-3000"]
    );
    let said = [
        ("host", "board.localhost:3001"),
        ("x-forwarded-host", "wiki.localhost:3000"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-uri", "/private"),
        ("cookie", &cookie),
        ("sec-fetch-mode", "navigate"),
    ];
    let visitor = Visitor::new(&world.app);
    let answer = visitor
        .send(Method::GET, &format!("{BOARD}/auth/check"), &said)
        .await;
    assert_eq!(answer.status, 401);
    let answer = visitor
        .send(Method::GET, &format!("{BOARD}/auth/forward"), &said)
        .await;
    answer.redirects_to("/auth/sign-in?return_to=/");
}

#[tokio::test]
async fn navigations_are_led_to_the_sign_in_and_nothing_else_is() {
    let world = world().await;
    let ann = Visitor::new(&world.app);
    let html = ("accept", "text/html,*/*");
    let navigate = ("sec-fetch-mode", "navigate");
    let (get, post) = (
        ("x-forwarded-method", "GET"),
        ("x-forwarded-method", "POST"),
    );
    for (method, headers, status) in [
        (Method::GET, &[navigate][..], 303),
        (Method::HEAD, &[navigate], 303),
        (Method::GET, &[html], 303),
        (Method::GET, &[html, navigate, get], 303),
        (Method::GET, &[html, ("sec-fetch-mode", "cors")], 401),
        (Method::GET, &[html, ("sec-fetch-mode", "no-cors")], 401),
        (Method::GET, &[("accept", "application/json")], 401),
        (Method::GET, &[("accept", "*/*")], 401),
        (Method::GET, &[], 401),
        (Method::GET, &[html, navigate, post], 401),
        (Method::POST, &[html, navigate], 401),
        (Method::POST, &[html, navigate, get], 401),
    ] {
        let headers = [headers, &[("x-forwarded-uri", "/p?a=b&c=d")]].concat();
        let answer = ann
            .send(method.clone(), &format!("{WIKI}/auth/forward"), &headers)
            .await;
        assert_eq!(answer.status, status, "{method} {headers:?}");
        if status == 303 {
            assert_eq!(answer.location(), "/auth/sign-in?return_to=/p?a=b%26c=d");
        }
        assert!(answer.set_cookies().is_empty());
        // A check never leads anywhere.
        let answer = ann
            .send(method.clone(), &format!("{WIKI}/auth/check"), &headers)
            .await;
        assert_eq!((answer.status, answer.location()), (401, ""), "{method}");
        let answer = ann
            .send(method, &format!("{WIKI}/auth/envoy/p?a=b&c=d"), &headers)
            .await;
        assert_eq!(answer.status, status, "{headers:?}");
        if status == 303 {
            assert_eq!(answer.location(), "/auth/sign-in?return_to=/p?a=b%26c=d");
        }
    }
    // A form that is sent when nobody is signed in any more: words, and nothing lost.
    let headers = [html, navigate, post];
    let answer = ann
        .send(Method::POST, &format!("{WIKI}/auth/forward"), &headers)
        .await;
    answer.is_error(
        401,
        &[
            "Sign in to go on",
            "nothing of it was sent",
            "/auth/sign-in?return_to=/",
        ],
    );
    for (path, location) in [
        ("", "/"),
        ("/", "/"),
        ("/%C3%A9/x", "/%25C3%25A9/x"),
        ("//evil.example", "/"),
        ("/auth/sign-in", "/"),
    ] {
        let answer = ann.go(&format!("{WIKI}/auth/envoy{path}")).await;
        answer.redirects_to(&format!("/auth/sign-in?return_to={location}"));
    }
}

#[tokio::test]
async fn the_original_address_in_every_form() {
    let world = world().await;
    let ann = Visitor::new(&world.app);
    for (target, location) in [
        ("/page", "/page"),
        ("/page?next=/login", "/page?next=/login"),
        ("/login", "/login"),
        ("/a%20b?c=d%26e", "/a%2520b?c=d%2526e"),
        ("/m\u{fc}nchen", "/m%25C3%25BCnchen"),
        ("page", "/"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/%2F/evil.example", "/"),
        ("/%5cevil.example", "/"),
        ("/a/../b", "/"),
        ("/auth/arrive?ticket=x", "/"),
        ("/\tx", "/"),
        ("", "/"),
    ] {
        let answer = ann.forward(WIKI, target).await;
        answer.redirects_to(&format!("/auth/sign-in?return_to={location}"));
    }
    let long = format!("/{}", "a".repeat(2_000));
    ann.forward(WIKI, &long)
        .await
        .redirects_to("/auth/sign-in?return_to=/");
    // Twice: nobody knows which.
    let headers = [
        ("accept", "text/html"),
        ("x-forwarded-uri", "/a"),
        ("x-forwarded-uri", "/b"),
    ];
    let answer = ann
        .send(Method::GET, &format!("{WIKI}/auth/forward"), &headers)
        .await;
    answer.redirects_to("/auth/sign-in?return_to=/");
}

#[tokio::test]
async fn a_place_of_a_site_may_be_for_fewer() {
    let world = World::with(|setup| with_sites(setup).set("gateway.allow", "@example.com")).await;
    let grace = everywhere(&world, "full").await;
    for (allow, status) in [
        ("", 200),
        ("?allow=group:compilers", 200),
        ("?allow=group:Everybody&allow=account:4503599627370496", 200),
        ("?allow=bob@example.com,grace.hopper@EXAMPLE.com", 200),
        ("?other=x", 200),
        ("?allow=bob@example.com", 403),
        ("?allow=group:everybody&allow=bob@example.com", 403),
        // Wider than gateway.allow is no way around it; and what can't be read lets nobody through.
        ("?allow=", 403),
        ("?allow=everybody", 403),
        ("?allow=group:", 403),
    ] {
        for path in ["/auth/check", "/auth/forward"] {
            let answer = grace.go(&format!("{WIKI}{path}{allow}")).await;
            assert_eq!(answer.status, status, "{path}{allow}");
        }
    }
    // Envoy's query is the original request's.
    assert_eq!(
        grace
            .go(&format!("{WIKI}/auth/envoy/x?allow=nobody"))
            .await
            .status,
        200
    );
    // Signed out is signed out.
    let nobody = Visitor::new(&world.app);
    assert_eq!(
        nobody
            .go(&format!("{WIKI}/auth/check?allow=bob@example.com"))
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn a_store_that_fails_is_no_reason_to_sign_anybody_out() {
    let provider = Provider::well_behaved().await;
    let setup = with_sites(provider.setup());
    let rows = Arc::<FailingRows>::default();
    let app = app_on(&setup, Arc::clone(&rows) as _);
    let browser = serve(web::router(app)).await;
    let ann = Visitor::by_host(browser.address());
    let (_, page) = ann.walk(&format!("{WIKI}/auth/sign-in?return_to=/x")).await;
    let authorize = url::Url::parse(page.location()).unwrap();
    let state = test_support::parameter(&authorize, "state").unwrap();
    let callback = format!("{BASE_URL}/redirect?code=c&state={state}");
    ann.walk(&callback).await.1.redirects_to("/x");
    assert_eq!(ann.check(WIKI).await.status, 200);
    rows.fail(FOREVER);
    for path in CHECKS {
        let answer = ann.go(&format!("{WIKI}{path}")).await;
        assert_eq!((answer.status, answer.location()), (503, ""), "{path}");
        assert!(!answer.header("retry-after").is_empty());
        assert!(answer.set_cookies().is_empty());
    }
    let answer = ann.go(&format!("{WIKI}/auth/session")).await;
    answer.is_problem(503, "store-unavailable");
    let url = format!("{WIKI}/auth/sign-out");
    assert_eq!(ann.send(Method::POST, &url, &[]).await.status, 503);
    // It can be read but not written: visits go on.
    rows.fail(0);
    setup.clock.pass(DAY);
    rows.writes
        .store(FOREVER, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(ann.check(WIKI).await.status, 200);
}

#[tokio::test]
async fn cookies_that_are_none_and_cookies_that_are_many() {
    let world = world().await;
    let grace = everywhere(&world, "full").await;
    let good = grace.cookies(WIKI)["site-3000"].clone();
    let long = "A".repeat(10_000);
    for (cookies, status) in [
        (format!("site-3000={good}"), 200),
        (format!("site-3000={good}; site-3000={good}"), 200),
        (
            format!("site-3000=AAAAAAAAAAAAAAAAAAAAAA; site-3000={good}"),
            200,
        ),
        (format!("Site-3000={good}"), 401),
        (format!("site%2D3000={good}"), 401),
        (format!("__Host-site={good}"), 401),
        (format!("site-3000={good}x"), 401),
        (format!("site-3000={}", &good[1..]), 401),
        (format!("site-3000={long}"), 401),
        ("site-3000=".to_owned(), 401),
    ] {
        let headers = [("cookie", cookies.as_str())];
        let visitor = Visitor::new(&world.app);
        let answer = visitor
            .send(Method::GET, &format!("{WIKI}/auth/check"), &headers)
            .await;
        assert_eq!(
            answer.status,
            status,
            "{}",
            &cookies[..cookies.len().min(80)]
        );
    }
}
