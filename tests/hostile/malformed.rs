//! What is no HTTP, or not quite.

use crate::support::{Person, Raw, TestApp};

const GOOD: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn garbage_is_400_and_the_end() {
    let app = TestApp::start().await;
    for garbage in [
        &b"hello\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS to a port without it \r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nBad Name: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: \x00\r\n\r\n",
        b"GET  two spaces HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    ] {
        let mut raw = Raw::connect(app.address).await;
        raw.send(garbage).await;
        let answer = raw.answer().await;
        let shown = String::from_utf8_lossy(garbage);
        let answer = answer.unwrap_or_else(|| panic!("no answer to {shown}"));
        assert_eq!(answer.status, 400, "{shown}: {answer:?}");
        assert_eq!(raw.end().await, b"", "{shown}");
    }
}

#[tokio::test]
async fn garbage_behind_a_request() {
    let app = TestApp::start().await;
    let mut raw = Raw::connect(app.address).await;
    raw.send(format!("{GOOD}{GOOD}\x01\x02\x03\r\n\r\n{GOOD}"))
        .await;
    assert_eq!(raw.answer().await.unwrap().status, 200);
    assert_eq!(raw.answer().await.unwrap().status, 200);
    assert_eq!(raw.answer().await.unwrap().status, 400);
    assert_eq!(raw.end().await, b"", "what came after garbage is not read");
}

#[tokio::test]
async fn an_old_client() {
    let app = TestApp::start().await;
    // RFC 1945: no Host, and one request a connection unless it asks for more.
    let mut raw = Raw::connect(app.address).await;
    raw.send("GET /healthz HTTP/1.0\r\n\r\n").await;
    assert_eq!(raw.answer().await.unwrap().status, 200);
    assert_eq!(raw.end().await, b"");

    let mut raw = Raw::connect(app.address).await;
    for _ in 0..2 {
        raw.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            .await;
        let answer = raw.answer().await.unwrap();
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains("</html>"), "{answer:?}");
    }
}

#[tokio::test]
async fn one_host_no_more_and_no_less() {
    let app = TestApp::start().await;
    for request in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    ] {
        let answer = Raw::ask(app.address, request).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        answer.is_hardened();
    }
}

#[tokio::test]
async fn chunks_that_are_none() {
    let app = TestApp::start().await;
    for body in [
        "zz\r\nabc\r\n0\r\n\r\n",
        "5\r\nabc\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\nabc",
        "-1\r\nabc\r\n0\r\n\r\n",
        "3 \u{b}\r\nabc\r\n0\r\n\r\n",
    ] {
        for path in ["/logout", "/nothing"] {
            let answer = Raw::ask(
                app.address,
                format!(
                    "POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
                ),
            )
            .await;
            assert_eq!(answer.status, 400, "{body:?}: {answer:?}");
            answer.is_hardened();
        }
    }
}

/// Two ways of saying how long a body is: whichever a proxy in front believes, no request may hide in it.
#[tokio::test]
async fn no_request_hides_in_another() {
    let app = TestApp::start().await;
    let hidden = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut raw = Raw::connect(app.address).await;
    raw.send(format!(
        "POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
        5 + hidden.len()
    ))
    .await;
    let mut statuses = Vec::new();
    while let Some(answer) = raw.answer().await {
        statuses.push(answer.status);
        if statuses.len() == 2 {
            break;
        }
    }
    // Refused (400), or ended after it (RFC 9112 section 6.3): never answered twice.
    assert_eq!(statuses.len(), 1, "{statuses:?}");
}

#[tokio::test]
async fn unusual_targets() {
    let app = TestApp::start().await;
    for (request, status) in [
        ("OPTIONS * HTTP/1.1", 400..500),
        ("CONNECT evil.example:443 HTTP/1.1", 400..500),
        ("GET http://evil.example/ HTTP/1.1", 200..201),
        ("GET //evil.example/ HTTP/1.1", 404..405),
        ("GET /%00%ff HTTP/1.1", 404..405),
        ("PROPFIND / HTTP/1.1", 405..406),
        ("TRACE / HTTP/1.1", 405..406),
    ] {
        let answer = Raw::ask(app.address, format!("{request}\r\nHost: x\r\n\r\n")).await;
        assert!(status.contains(&answer.status), "{request}: {answer:?}");
        assert!(!answer.head.contains("evil.example"), "{answer:?}");
        assert!(!answer.body.contains("evil.example"), "{answer:?}");
        answer.is_hardened();
    }
}

#[tokio::test]
async fn cookies_that_are_none_of_ours() {
    let app = TestApp::start().await;
    let person = Person::sign_in(app.address).await;
    let (name, id) = person.cookie.split_once('=').unwrap();
    let twenty: Vec<String> = (0..20).map(|number| format!("{name}={number}")).collect();
    for cookie in [
        twenty.join("; "),
        twenty.join("\r\nCookie: "),
        format!("{name}="),
        format!("{name}={id}x"),
        format!("{name}={}", &id[..id.len() - 1]),
        format!("{name}=\"{id}"),
        format!("{name}=%00%ff"),
        format!("{name}=../../etc/passwd"),
        format!("{name}=' OR 1=1 --"),
        format!("{name}={}", "A".repeat(20_000)),
        format!("{name}=\u{e4}\u{1f600}"),
        "=; ;;; =".to_owned(),
    ] {
        let request =
            |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n");
        let answer = Raw::ask(app.address, request("/")).await;
        assert_eq!(answer.status, 200, "{cookie}: {answer:?}");
        let answer = Raw::ask(app.address, request("/me")).await;
        assert_eq!(
            answer.header("location"),
            "/login?return_to=/me",
            "{cookie}: {answer:?}"
        );
    }
    assert_eq!(person.me().await.unwrap().status(), 200);
}
