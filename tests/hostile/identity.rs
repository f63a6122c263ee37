//! Who a client says it is, and which host it says it wants.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Answer, Person, Raw, TestApp, http, own_address};

/// Everything is asked for by a host that is not ours; nothing of the answers leads or points to it.
#[tokio::test]
async fn a_foreign_host_is_nowhere_in_the_answers() {
    let app = TestApp::start().await;
    let person = Person::sign_in(app.address).await;
    for cookie in [person.cookie.as_str(), "a=b"] {
        for path in [
            "/",
            "/me",
            "/login",
            "/login?return_to=//other.example/",
            "/login?return_to=https://other.example/",
            "/redirect",
            "/redirect?code=c&state=s",
            "/redirect?error=access_denied&state=s",
            "/healthz",
            "/readyz",
            "/static/nothing.css",
            "/favicon.ico",
            "/nothing",
            "/flow",
            "/sandbox/b/authorize",
            "/sandbox/2.0/users/me",
        ] {
            for accept in ["text/html", "application/json"] {
                let answer = foreign(&app, "GET", path, cookie, accept).await;
                assert!(answer.status < 500, "{path}: {answer:?}");
            }
        }
        for path in ["/refresh", "/logout", "/", "/me"] {
            foreign(&app, "POST", path, cookie, "text/html").await;
        }
    }
}

/// Asks with every header that is taken for the host somewhere, and asserts that none is repeated.
async fn foreign(app: &TestApp, method: &str, path: &str, cookie: &str, accept: &str) -> Answer {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\n\
         X-Forwarded-Proto: https\r\nForwarded: host=evil.example\r\nX-Original-URL: http://evil.example/\r\n\
         X-Rewrite-URL: /evil.example\r\nX-Host: evil.example\r\nAccept: {accept}\r\nCookie: {cookie}\r\n\r\n"
    );
    let answer = Raw::ask(app.address, request).await;
    assert!(!answer.head.contains("evil.example"), "{path}: {answer:?}");
    // The record of the flow tells a browser what it sent itself, this header included.
    let body = answer.body.to_ascii_lowercase();
    let body = body.replace("host: evil.example", "");
    let body = body.replace(r#"["host","evil.example"]"#, "");
    assert!(!body.contains("evil.example"), "{path}: {answer:?}");
    answer
}

/// Asks for `/login` with these lines of `X-Forwarded-For`.
async fn login<T: AsRef<[u8]>>(app: &TestApp, forwarded: &[T]) -> Answer {
    let mut request = b"GET /login HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n".to_vec();
    for line in forwarded {
        request.extend([b"X-Forwarded-For: ", line.as_ref(), b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    Raw::ask(app.address, request).await
}

async fn behind_a_proxy() -> TestApp {
    let flags = [
        ("server.trusted_proxies", "127.0.0.0/8 10.0.0.0/8"),
        ("server.rate_limit", "3"),
    ];
    TestApp::with(&flags, |_| {}).await
}

#[tokio::test]
async fn whoever_asks_too_often_waits_and_nobody_else() {
    let app = behind_a_proxy().await;
    for _ in 0..3 {
        assert_eq!(login(&app, &["203.0.113.7"]).await.status, 303);
    }
    let answer = login(&app, &["203.0.113.7"]).await;
    assert_eq!(answer.status, 429, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    answer.is_hardened();
    let problem: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        problem["type"],
        "urn:smartsheet-oauth-demo:problem:too-many-requests"
    );
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=21).contains(&wait), "{answer:?}");

    // Somebody else, other routes, and a page that is not limited.
    assert_eq!(login(&app, &["203.0.113.8"]).await.status, 303);
    let ask = |path: &str, method: &str| {
        let from = "X-Forwarded-For: 203.0.113.7";
        Raw::ask(
            app.address,
            format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{from}\r\n\r\n"),
        )
    };
    for _ in 0..3 {
        assert_eq!(ask("/redirect", "GET").await.status, 400);
        assert_eq!(ask("/refresh", "POST").await.status, 303);
        assert_eq!(ask("/me", "GET").await.status, 303);
        assert_eq!(ask("/flow", "GET").await.status, 200);
    }
    let page = ask("/redirect", "GET").await;
    assert_eq!(page.status, 429);
    assert!(page.body.contains("Too many requests"), "{page:?}");
    assert_eq!(ask("/refresh", "POST").await.status, 429);
    assert_eq!(ask("/me", "GET").await.status, 429);
    assert_eq!(ask("/flow", "GET").await.status, 429);
    for _ in 0..10 {
        assert_eq!(ask("/", "GET").await.status, 200);
    }

    app.clock.pass(Duration::from_secs(wait));
    assert_eq!(login(&app, &["203.0.113.7"]).await.status, 303);
    assert_eq!(login(&app, &["203.0.113.7"]).await.status, 429);
}

/// The last address that a trusted proxy added counts, whatever the client wrote before it.
#[tokio::test]
async fn a_spoofed_address_is_not_believed() {
    let app = behind_a_proxy().await;
    for number in 0..3 {
        let spoofed = format!("198.51.100.{number}, 203.0.113.7");
        assert_eq!(login(&app, &[&spoofed]).await.status, 303);
    }
    assert_eq!(
        login(&app, &["198.51.100.99, 203.0.113.7"]).await.status,
        429
    );
    assert_eq!(
        login(&app, &["198.51.100.99", "203.0.113.7"]).await.status,
        429
    );
    assert_eq!(
        login(&app, &["198.51.100.99", "203.0.113.7, 10.1.2.3"])
            .await
            .status,
        429
    );
    assert_eq!(login(&app, &["127.0.0.1, 203.0.113.7"]).await.status, 429);
}

/// What can't be read, before the address that the proxy added, does not hide who asks: as the proxy itself nobody is limited.
#[tokio::test]
async fn no_byte_hides_a_client() {
    let app = behind_a_proxy().await;
    let lines: [&[u8]; 5] = [b"\xff", b"\xe2\x80\xae", b"unknown", b",,", b"10.0.0.1\xff"];
    for (count, before) in lines.into_iter().enumerate() {
        let appended = [before, b", 203.0.113.7"].concat();
        let status = login(&app, &[appended]).await.status;
        assert_eq!(status, if count < 3 { 303 } else { 429 }, "{before:?}");
        // In a line of its own, as some proxies add it.
        let status = login(&app, &[before, b"203.0.113.8"]).await.status;
        assert_eq!(status, if count < 3 { 303 } else { 429 }, "{before:?}");
    }
}

/// A proxy that is named by its IPv4 address in IPv6 is the same proxy.
#[tokio::test]
async fn a_proxy_may_be_named_by_its_mapped_address() {
    for proxies in ["::ffff:127.0.0.1", "::ffff:127.0.0.0/104"] {
        let flags = [
            ("server.trusted_proxies", proxies),
            ("server.rate_limit", "3"),
        ];
        let app = TestApp::with(&flags, |_| {}).await;
        for _ in 0..3 {
            assert_eq!(login(&app, &["203.0.113.7"]).await.status, 303);
        }
        assert_eq!(login(&app, &["203.0.113.7"]).await.status, 429, "{proxies}");
    }
}

/// Whoever has a whole network gets a few times what one client gets, and the neighbours of that network notice nothing.
#[tokio::test]
async fn a_network_is_no_crowd_of_clients() {
    let app = behind_a_proxy().await;
    let passed = async |clients: &mut dyn Iterator<Item = String>| {
        let mut passed = 0;
        for client in clients {
            for _ in 0..4 {
                passed += usize::from(login(&app, &[&client]).await.status == 303);
            }
        }
        passed
    };
    // A /24 and a /56 have four times the three of one client, and a /48 sixteen times.
    let of_24 = passed(&mut (0..20).map(|host| format!("203.0.113.{host}"))).await;
    let of_56 = passed(&mut (0..20).map(|net| format!("2001:db8:0:1{net:02x}::1"))).await;
    let of_48 = passed(&mut (0..30).map(|net| format!("2001:db8:1:{net:02x}00::1"))).await;
    assert_eq!((of_24, of_56, of_48), (12, 12, 48));
    for neighbour in ["203.0.112.1", "2001:db8:2::1"] {
        assert_eq!(login(&app, &[neighbour]).await.status, 303);
    }
}

/// Nothing is believed of a peer that is no trusted proxy: each of these would be a new client, were it believed.
#[tokio::test]
async fn who_is_no_proxy_speaks_for_itself() {
    let flags = [
        ("server.trusted_proxies", "10.0.0.0/8"),
        ("server.rate_limit", "3"),
        ("server.listen", "0.0.0.0:0"),
    ];
    let app = TestApp::with(&flags, |_| {}).await;
    let Some(own) = own_address() else {
        println!("this machine has no address but loopback");
        return;
    };
    let client = http();
    let mut statuses = Vec::new();
    for number in 0..5 {
        let url = format!("http://{own}:{}/login", app.address.port());
        let request = client
            .get(url)
            .header("x-forwarded-for", format!("203.0.113.{number}"));
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [303, 303, 303, 429, 429]);
}

/// This machine's own requests are nobody's attack: a developer's, a test's, or those of a proxy that nobody named.
#[tokio::test]
async fn this_machine_is_not_limited_and_off_is_off() {
    let app = TestApp::with(&[("server.rate_limit", "1")], |_| {}).await;
    for _ in 0..20 {
        assert_eq!(login(&app, &["203.0.113.7"]).await.status, 303);
    }
    let flags = [
        ("server.trusted_proxies", "127.0.0.1"),
        ("server.rate_limit", "off"),
    ];
    let app = TestApp::with(&flags, |_| {}).await;
    for _ in 0..400 {
        assert_eq!(login(&app, &["203.0.113.7"]).await.status, 303);
    }
}

/// With the default, an office behind one address can sign in together.
#[tokio::test]
async fn an_office_may_sign_in_at_once() {
    let app = TestApp::with(&[("server.trusted_proxies", "127.0.0.1")], |_| {}).await;
    let mut passed = 0;
    while login(&app, &["203.0.113.7"]).await.status == 303 {
        passed += 1;
        assert!(passed < 1_000, "there is no limit");
    }
    assert!(passed >= 300, "{passed}");
}
