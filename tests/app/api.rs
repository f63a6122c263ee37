//! Smartsheet's API for pages: who may call what, and what passes.

use reqwest::Method;
use serde_json::{Value, json};

use crate::gateway::{BOARD, WIKI, everywhere, with_sites};
use crate::support::app::BASE_URL;
use crate::support::{Browser, Page, Provider, Reply, Setup, Visitor, World};

pub(crate) const ALLOW: &str = "GET /users/me, GET /sheets, GET /sheets/{id}, HEAD /sheets/{id}, POST /sheets/{id}/rows, \
                                PUT /sheets/{id}/rows";
pub(crate) const CSRF: (&str, &str) = ("x-csrf", "1");

pub(crate) fn with_api(setup: Setup) -> Setup {
    setup.set("api.allow", ALLOW)
}

/// Calls the API as a page of the app does.
pub(crate) async fn call(browser: &Browser, method: Method, path: &str, body: &str) -> Page {
    let headers = [CSRF, ("content-type", "application/json")];
    let path = format!("/auth/api/2.0{path}");
    browser
        .send_body(method, &path, &headers, body.to_owned())
        .await
}

pub(crate) async fn get(browser: &Browser, path: &str) -> Page {
    call(browser, Method::GET, path, "").await
}

/// A browser that is signed in at a scripted provider.
pub(crate) async fn signed_in_at(provider: &Provider, setup: Setup) -> Browser {
    let app = setup.start().await;
    let browser = Browser::new(&app);
    browser.sign_in_with_code("code-1").await;
    browser.arrive().await;
    // Lets it run on.
    drop(app);
    assert_eq!(provider.count("GET /2.0/users/me"), 1);
    browser
}

pub(crate) fn parsed(page: &Page) -> Value {
    serde_json::from_str(&page.body).unwrap()
}

#[tokio::test]
async fn a_page_reads_and_writes_without_the_token() {
    let world = World::with(with_api).await;
    let ann = world.signed_in("full").await;
    let listed = get(&ann, "/sheets?page=1&pageSize=1").await;
    assert_eq!(listed.status, 200, "{listed:?}");
    let listed = parsed(&listed);
    assert_eq!(
        (&listed["pageSize"], &listed["totalCount"]),
        (&json!(1), &json!(6))
    );
    let sheet = listed["data"][0]["id"].to_string();

    let page = get(&ann, &format!("/sheets/{sheet}")).await;
    assert_eq!(page.header("content-type"), "application/json");
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(
        page.header("content-security-policy"),
        "default-src 'none'; sandbox"
    );
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert!(page.set_cookies().is_empty());
    let column = parsed(&page)["columns"][0]["id"].clone();
    let row = json!({"toBottom": true, "cells": [{"columnId": column, "value": "from a page"}]});
    let path = format!("/sheets/{sheet}/rows");
    let added = call(&ann, Method::POST, &path, &row.to_string()).await;
    assert_eq!(
        (added.status, &parsed(&added)["resultCode"]),
        (200, &json!(0))
    );
    let with_writers = get(&ann, &format!("/sheets/{sheet}?include=writerInfo")).await;
    let rows = parsed(&with_writers)["rows"].clone();
    let last = rows.as_array().unwrap().last().unwrap();
    assert_eq!(last["createdBy"]["email"], "grace.hopper@example.com");
    // A refusal is Smartsheet's own, to the letter.
    let refused = call(&ann, Method::POST, &path, "{").await;
    assert_eq!(
        (refused.status, &parsed(&refused)["errorCode"]),
        (400, &json!(1008))
    );
    let missing = get(&ann, "/sheets/1").await;
    assert_eq!(
        (missing.status, &parsed(&missing)["errorCode"]),
        (404, &json!(1006))
    );
    let head = call(&ann, Method::HEAD, &format!("/sheets/{sheet}"), "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    // Nothing would be the length of what GET answers.
    assert_eq!(head.header("content-length"), "");

    let seen = world.sandbox.requests().await;
    let expected = [
        "GET /2.0/sheets 200".to_owned(),
        format!("GET /2.0/sheets/{sheet} 200"),
        format!("POST /2.0/sheets/{sheet}/rows 200"),
        format!("GET /2.0/sheets/{sheet} 200"),
        format!("POST /2.0/sheets/{sheet}/rows 400"),
        "GET /2.0/sheets/1 404".to_owned(),
        format!("HEAD /2.0/sheets/{sheet} 200"),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn each_check_in_its_order() {
    let world = World::with(with_api).await;
    let ann = world.signed_in("full").await;
    let stranger = world.browser();
    let send = |browser: &Browser, method: &str, path: &str, headers: &[(&'static str, &str)]| {
        let (browser, method) = (browser.clone(), method.parse().unwrap());
        let path = format!("/auth/api/2.0{path}");
        let headers: Vec<(&'static str, String)> =
            headers.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
        async move {
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
            browser.send(method, &path, &headers).await
        }
    };
    // What is not listed is not there, whoever asks.
    for browser in [&ann, &stranger] {
        for path in ["/workspaces", "", "/", "/users", "/users/me/", "/sheets/x"] {
            let page = send(browser, "GET", path, &[]).await;
            page.is_problem(404, "not-listed");
        }
        let page = send(browser, "DELETE", "/sheets/7/rows", &[]).await;
        page.is_problem(405, "method-not-listed");
        assert_eq!(page.header("allow"), "POST, PUT");
        for method in ["OPTIONS", "TRACE", "BREW", "PATCH", "HEAD", "PRI"] {
            let page = send(browser, method, "/users/me", &[CSRF]).await;
            assert_eq!(
                (page.status, page.header("allow")),
                (405, "GET"),
                "{method}"
            );
        }
        // Then, where it came from.
        for headers in [
            &[][..],
            &[("x-csrf", "")],
            &[("x-csrf", "0")],
            &[("x-csrf", "1, 1")],
            &[("x-csrf", "1"), ("x-csrf", "1")],
        ] {
            let page = send(browser, "GET", "/users/me", headers).await;
            page.is_problem(403, "no-csrf-header");
        }
        for other in [
            ("origin", "null"),
            ("origin", "https://evil.example"),
            ("origin", "http://localhost:8081"),
            ("origin", "https://localhost:8080"),
            ("origin", "http://localhost:8080/"),
            ("origin", ""),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let page = send(browser, "GET", "/users/me", &[CSRF, other]).await;
            page.is_problem(403, "foreign-origin");
        }
    }
    // Then, who it is.
    let page = send(&stranger, "GET", "/users/me", &[CSRF]).await;
    let problem = page.is_problem(401, "signed-out");
    assert_eq!(problem["sign_in_url"], "/auth/sign-in");
    assert_eq!(page.header("www-authenticate"), "Session");
    assert!(page.set_cookies().is_empty() && page.location().is_empty());
    // A bearer token is nothing here.
    let bearer = ("authorization", "Bearer abc");
    let page = send(&stranger, "GET", "/users/me", &[CSRF, bearer]).await;
    page.is_problem(401, "signed-out");
    assert_eq!(world.sandbox.requests().await, [""; 0]);
    let own = [
        CSRF,
        ("origin", BASE_URL),
        ("sec-fetch-site", "same-origin"),
    ];
    assert_eq!(send(&ann, "GET", "/users/me", &own).await.status, 200);
    assert_eq!(
        send(&ann, "GET", "/users/me", &[CSRF, bearer]).await.status,
        200
    );
}

#[tokio::test]
async fn off_unless_something_is_listed() {
    let world = World::new().await;
    let ann = world.signed_in("full").await;
    let page = get(&ann, "/users/me").await;
    page.is_problem(404, "not-listed");
    assert_eq!(world.sandbox.requests().await, [""; 0]);
}

#[tokio::test]
async fn at_a_site_with_its_own_cookie_and_origin() {
    let world = World::with(|setup| with_api(with_sites(setup))).await;
    let ann = everywhere(&world, "full").await;
    let url = |site: &str| format!("{site}/auth/api/2.0/users/me");
    for site in [WIKI, BOARD, BASE_URL] {
        let page = ann
            .send(Method::GET, &url(site), &[CSRF, ("origin", site)])
            .await;
        assert_eq!(page.status, 200, "{site}: {page:?}");
        let other = if site == WIKI { BOARD } else { WIKI };
        let page = ann
            .send(Method::GET, &url(site), &[CSRF, ("origin", other)])
            .await;
        page.is_problem(403, "foreign-origin");
    }
    let page = ann
        .send(Method::GET, &url("http://evil.localhost:3000"), &[CSRF])
        .await;
    page.is_problem(404, "not-listed");
    // The cookie of one site is nothing at another.
    let thief = Visitor::new(&world.app);
    thief.set_cookie(BOARD, "site-3001", &ann.cookies(WIKI)["site-3000"]);
    thief.set_cookie(BOARD, "session", &ann.cookies(BASE_URL)["session"]);
    let page = thief.send(Method::GET, &url(BOARD), &[CSRF]).await;
    page.is_problem(401, "signed-out");
    // Signed out at one, it is over at all.
    let own = [("origin", WIKI), ("sec-fetch-site", "same-origin")];
    ann.send(Method::POST, &format!("{WIKI}/auth/sign-out"), &own)
        .await;
    for site in [WIKI, BOARD, BASE_URL] {
        let page = ann.send(Method::GET, &url(site), &[CSRF]).await;
        page.is_problem(401, "signed-out");
    }
}

#[tokio::test]
async fn whoever_may_not_use_the_sites_may_not_call() {
    let world =
        World::with(|setup| with_api(setup).set("gateway.allow", "@nobody.example, group:Nobody"))
            .await;
    let ann = world.signed_in("full").await;
    get(&ann, "/users/me")
        .await
        .is_problem(403, "not-allowed-here");
    assert_eq!(world.sandbox.requests().await, [""; 0]);
}

#[tokio::test]
async fn what_passes_and_what_does_not() {
    let provider = Provider::start(|seen, _| {
        seen.line.starts_with("POST /2.0/sheets/").then(|| {
            let headers = "content-type: text/csv\r\netag: \"v7\"\r\nlast-modified: Fri, 27 Nov 2026 12:00:00 GMT\r\n\
                           content-disposition: attachment; filename=\"a.csv\"\r\nretry-after: 7\r\n\
                           set-cookie: session=evil; Path=/\r\nset-cookie: site-3000=evil\r\nlocation: /elsewhere\r\n\
                           x-internal: host-17\r\nserver: them\r\naccess-control-allow-origin: *\r\n\
                           content-security-policy: script-src *\r\ncache-control: public\r\n";
            Reply::with_headers(418, headers, "a,b\n")
        })
    })
    .await;
    let ann = signed_in_at(&provider, with_api(provider.setup())).await;
    let headers = [
        CSRF,
        ("content-type", "text/csv"),
        ("accept", "text/csv, */*;q=0.1"),
        ("smartsheet-change-agent", "wiki"),
        ("authorization", "Basic YTpi"),
        ("x-forwarded-for", "192.0.2.7"),
        ("forwarded", "for=192.0.2.7"),
        ("x-smartsheet-assertion", "abc"),
        ("accept-encoding", "br, gzip"),
        ("range", "bytes=0-1"),
        ("if-none-match", "\"v7\""),
        ("te", "trailers"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("upgrade", "websocket"),
        ("smartsheet-integration-source", "APPLICATION,,evil"),
        ("assume-user", "boss%40example.com"),
    ];
    let path = "/auth/api/2.0/sheets/7/rows?a=%2F..%2f&b=c+d&a=%C3%A9&&x";
    let body = "a;b\n".to_owned();
    let page = ann.send_body(Method::POST, path, &headers, body).await;
    assert_eq!((page.status, page.body.as_str()), (418, "a,b\n"));
    for (name, expected) in [
        ("content-type", "text/csv"),
        ("etag", "\"v7\""),
        ("last-modified", "Fri, 27 Nov 2026 12:00:00 GMT"),
        ("content-disposition", "attachment; filename=\"a.csv\""),
        ("retry-after", "7"),
        ("cache-control", "no-store"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("set-cookie", ""),
        ("location", ""),
        ("x-internal", ""),
        ("server", ""),
        ("access-control-allow-origin", ""),
        ("content-encoding", ""),
    ] {
        assert_eq!(page.header(name), expected, "{name}");
    }
    let seen = provider.seen().pop().unwrap();
    assert_eq!(seen.body, "a;b\n");
    let mut lines: Vec<&str> = seen.head.lines().collect();
    assert_eq!(
        lines.remove(0),
        "post /2.0/sheets/7/rows?a=%2f..%2f&b=c+d&a=%c3%a9&&x http/1.1"
    );
    lines.sort_unstable();
    let host = format!("host: {}", provider.base().trim_start_matches("http://"));
    let agent = format!("user-agent: {}", smartsheet_oauth_demo::USER_AGENT);
    assert_eq!(
        lines,
        [
            "accept-encoding: identity",
            "accept: text/csv, */*;q=0.1",
            "authorization: bearer access-secret-1",
            "content-length: 4",
            "content-type: text/csv",
            &host,
            "smartsheet-change-agent: wiki",
            "smartsheet-integration-source: application,,smartsheet-oauth-demo",
            &agent,
        ]
    );
}
