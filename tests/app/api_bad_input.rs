//! Whatever else is sent to the API: nothing of it reaches Smartsheet but what is listed.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::api::{signed_in_at, with_api};
use crate::support::{Browser, PATIENCE, Provider, Reply};

/// What the app answers to these bytes, sent as they are.
async fn answer(browser: &Browser, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(browser.address()).await.unwrap();
    // The other end may have refused what has come so far.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    let _ = read.expect("it is answered");
    String::from_utf8_lossy(&answer).into_owned()
}

/// A request of `line`, as a page of the app sends it.
fn request(browser: &Browser, line: &[u8], headers: &str, body: &str) -> Vec<u8> {
    let session = browser.session().unwrap();
    let head = format!(
        " HTTP/1.1\r\nhost: localhost:8080\r\nconnection: close\r\nx-csrf: 1\r\ncookie: session={session}\r\n{headers}\r\n{body}"
    );
    [line, head.as_bytes()].concat()
}

async fn status(browser: &Browser, line: &[u8]) -> String {
    let answer = answer(browser, &request(browser, line, "", "")).await;
    answer.split(' ').nth(1).unwrap_or("none").to_owned()
}

async fn start() -> (Provider, Browser) {
    let provider = Provider::start(|seen, _| {
        (!seen.line.ends_with("/token") && seen.line != "GET /2.0/users/me")
            .then(|| Reply::json(200, r#"{"reached": true}"#))
    })
    .await;
    let browser = signed_in_at(&provider, with_api(provider.setup())).await;
    (provider, browser)
}

#[tokio::test]
async fn no_path_becomes_another_one() {
    let (provider, ann) = start().await;
    for path in [
        &b"/auth/api/2.0/sheets/7/../8"[..],
        b"/auth/api/2.0/sheets/7/..",
        b"/auth/api/2.0/./sheets/7",
        b"/auth/api/2.0/sheets/%2e%2e/7",
        b"/auth/api/2.0/sheets/%2E%2E%2f7",
        b"/auth/api/2.0/sheets%2f7",
        b"/auth/api/2.0/sheets//7",
        b"/auth/api/2.0//sheets/7",
        b"/auth/api//2.0/sheets/7",
        b"/auth//api/2.0/sheets/7",
        b"//auth/api/2.0/sheets/7",
        b"/auth/api/2.0/sheets/7;x",
        b"/auth/api/2.0/sheets;x/7",
        b"/auth/api/2.0/sheets\\7",
        b"/auth/api/2.0\\sheets\\7",
        b"/auth/api/2.0/sheets/7%3fa=b",
        b"/auth/api/2.0/sheets/7%23",
        b"/auth/api/2.0/sheets/7%00",
        b"/auth/api/2.0/sheets/7%0d%0ax:y",
        b"/auth/api/2.0/sheets/%37",
        b"/auth/api/2.0/%73heets/7",
        b"/auth/%61pi/2.0/sheets/7",
        b"/auth/api/%32.0/sheets/7",
        b"/auth/api/2.0%2fsheets/7",
        b"/auth/api/2.0/sheets/%c0%b7",
        b"/auth/api/2.0/sheets/%c0%ae%c0%ae/7",
        b"/auth/api/2.0/sheets/\xd9\xa7",
        b"/auth/api/2.0/sheets/7/",
        b"/auth/api/2.0/sheets/07x",
        b"/auth/api/2.0/sheets/-7",
        b"/auth/api/2.0/Sheets/7",
        b"/auth/api/2.0",
        b"/auth/api/2.0/",
        b"/auth/api/2.1/sheets/7",
        b"/auth/api/sheets/7",
        b"/auth/api/2.0sheets/7",
        b"/auth/api/2.0/../2.0/sheets/7",
        b"/auth/api/2.0/token",
        b"http://localhost:8081/auth/api/2.0/sheets/7",
        b"http://127.0.0.1/auth/api/2.0/sheets/7",
        b"http://evil@localhost:8080/auth/api/2.0/sheets/7",
        b"*",
    ] {
        let status = status(&ann, &[b"GET ", path].concat()).await;
        let path = String::from_utf8_lossy(path);
        assert!(matches!(status.as_str(), "404" | "400"), "{path}: {status}");
    }
    // Only the profile of the sign-in, and what the route lists.
    assert_eq!(provider.lines(), ["POST /2.0/token", "GET /2.0/users/me"]);
    for target in [
        "/auth/api/2.0/sheets/7",
        "/auth/api/2.0/sheets/7?page=../../8",
        "http://localhost:8080/auth/api/2.0/sheets/7",
        "http://LOCALHOST:8080/auth/api/2.0/sheets/7#x",
    ] {
        let line = format!("GET {target}");
        assert_eq!(status(&ann, line.as_bytes()).await, "200", "{target}");
    }
    assert_eq!(provider.count("GET /2.0/sheets/7"), 4);
}

#[tokio::test]
async fn no_other_method_gets_through() {
    let (provider, ann) = start().await;
    for (line, expected) in [
        ("CONNECT localhost:8080", "404"),
        ("CONNECT /auth/api/2.0/sheets/7", "4"),
        ("TRACE /auth/api/2.0/sheets/7", "405"),
        ("PRI /auth/api/2.0/sheets/7", "4"),
        ("OPTIONS /auth/api/2.0/sheets/7", "405"),
        ("OPTIONS *", "404"),
        ("PATCH /auth/api/2.0/sheets/7", "405"),
        ("BREW /auth/api/2.0/sheets/7", "405"),
        ("get /auth/api/2.0/sheets/7", "405"),
        ("G\u{e9}T /auth/api/2.0/sheets/7", "400"),
        ("GET\t/auth/api/2.0/sheets/7", "400"),
    ] {
        let status = status(&ann, line.as_bytes()).await;
        assert!(status.starts_with(expected), "{line}: {status}");
    }
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    assert!(!answer(&ann, preface).await.contains(" 200 "));
    let override_it =
        "x-http-method-override: DELETE\r\nx-method-override: PUT\r\ncontent-length: 2\r\n";
    let line = b"POST /auth/api/2.0/sheets/7/rows";
    let answered = answer(&ann, &request(&ann, line, override_it, "{}")).await;
    assert!(answered.starts_with("HTTP/1.1 200"), "{answered}");
    let lines = provider.lines();
    assert_eq!(lines[2..], ["POST /2.0/sheets/7/rows"]);
}

#[tokio::test]
async fn framing_that_can_be_read_in_two_ways() {
    let (provider, ann) = start().await;
    let line = b"POST /auth/api/2.0/sheets/7/rows";
    let hidden = "GET /auth/api/2.0/sheets/8 HTTP/1.1\r\nhost: x\r\n\r\n";
    for headers in [
        "content-length: 2\r\ncontent-length: 3\r\n",
        "content-length: 2, 3\r\n",
        "content-length: +2\r\n",
        "content-length: 0x2\r\n",
        "content-length: -1\r\n",
        "content-length: 2 2\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding: identity\r\n",
        "transfer-encoding: xchunked\r\n",
        "transfer-encoding: gzip\r\n",
        "content-length : 2\r\n",
        " content-length: 2\r\n",
        "x: y\r\n\tz\u{0}\r\n",
        "host: evil.example\r\n",
    ] {
        let body = format!("{{}}{hidden}");
        let answered = answer(&ann, &request(&ann, line, headers, &body)).await;
        assert!(answered.starts_with("HTTP/1.1 4"), "{headers}: {answered}");
        assert_eq!(
            answered.matches("HTTP/1.1 ").count(),
            1,
            "{headers}: {answered}"
        );
    }
    assert_eq!(provider.count("GET /2.0/sheets/8"), 0);
    assert_eq!(provider.count("POST /2.0/sheets/7/rows"), 0);
    // Both lengths: the chunks count (RFC 9112 section 6.3), and one length goes on.
    let both = "content-length: 5\r\ntransfer-encoding: chunked\r\n";
    let answered = answer(&ann, &request(&ann, line, both, "2\r\n{}\r\n0\r\n\r\n")).await;
    if answered.starts_with("HTTP/1.1 200") {
        let head = provider.seen().pop().unwrap().head;
        assert!(head.contains("transfer-encoding: chunked"), "{head}");
        assert!(!head.contains("content-length"), "{head}");
    } else {
        assert!(answered.starts_with("HTTP/1.1 400"), "{answered}");
    }
}

#[tokio::test]
async fn what_is_said_longer_than_it_is_or_expected() {
    let (provider, ann) = start().await;
    let line = b"POST /auth/api/2.0/sheets/7/rows";
    // More than was said is no part of it.
    let more = request(&ann, line, "content-length: 2\r\n", "{}{\"more\": true}");
    let answered = answer(&ann, &more).await;
    assert_eq!(answered.matches("HTTP/1.1 ").count(), 1, "{answered}");
    assert!(answered.starts_with("HTTP/1.1 200"), "{answered}");
    assert_eq!(provider.seen().pop().unwrap().body, "{}");
    // Somebody who waits to be asked for the body is asked.
    let expecting = "expect: 100-continue\r\ncontent-length: 2\r\n";
    let answered = answer(&ann, &request(&ann, line, expecting, "{}")).await;
    assert!(
        answered.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"),
        "{answered}"
    );
    assert!(!provider.seen().pop().unwrap().head.contains("expect"));
    // And not when nothing is passed on.
    let line = b"POST /auth/api/2.0/token";
    let answered = answer(&ann, &request(&ann, line, expecting, "")).await;
    assert!(answered.starts_with("HTTP/1.1 404"), "{answered}");
}
