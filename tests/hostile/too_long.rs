//! Requests that are longer than any need be.

use crate::support::{Answer, Bystander, Person, Raw, TestApp};
use std::time::Duration;

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n")
}

#[track_caller]
fn is(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.head);
    assert!(!answer.body.is_empty(), "{answer:?}");
    answer.is_hardened();
}

#[tokio::test]
async fn headers_of_64_kilobytes_and_more() {
    let app = TestApp::start().await;
    let bystander = Bystander::watch(&Person::sign_in(app.address).await);
    let many = (0..64)
        .map(|number| format!("X-{number}: {}\r\n", "x".repeat(1_000)))
        .collect::<Vec<_>>()
        .concat();
    let cookie = format!("Cookie: session={}\r\n", "A".repeat(100_000));
    for headers in [
        format!("X: {}\r\n", "x".repeat(64 * 1024)),
        many,
        cookie,
        format!("X: {}\r\n", "x".repeat(1_000_000)),
    ] {
        let answer = Raw::ask(app.address, get("/", &headers)).await;
        is(&answer, 431);
        assert_eq!(answer.header("connection"), "close");
    }
    // 101 of them, each short: refused before anything but the status is known.
    let many = (0..101)
        .map(|number| format!("X-{number}: y\r\n"))
        .collect::<Vec<_>>()
        .concat();
    assert_eq!(Raw::ask(app.address, get("/", &many)).await.status, 431);
    // What a browser with many cookies sends is fine.
    let fine = format!("Cookie: x={}\r\n", "x".repeat(16 * 1024));
    assert_eq!(Raw::ask(app.address, get("/", &fine)).await.status, 200);
    bystander.saw_nothing(Duration::from_secs(20)).await;
}

#[tokio::test]
async fn a_long_address() {
    let app = TestApp::start().await;
    for length in [25_000, 40_000, 100_000, 1_000_000] {
        for path in ["/?x=", "/login?return_to=/", "/"] {
            let path = format!("{path}{}", "x".repeat(length));
            is(&Raw::ask(app.address, get(&path, "")).await, 414);
        }
    }
    let fine = format!("/?x={}", "x".repeat(8_000));
    assert_eq!(Raw::ask(app.address, get(&fine, "")).await.status, 200);
}

/// On a connection that has served well before.
#[tokio::test]
async fn a_long_head_comes_late() {
    let app = TestApp::start().await;
    let mut raw = Raw::connect(app.address).await;
    for _ in 0..3 {
        raw.send(get("/", &format!("X: {}\r\n", "x".repeat(20_000))))
            .await;
        assert_eq!(raw.answer().await.unwrap().status, 200);
    }
    raw.send(get("/", &format!("X: {}\r\n", "x".repeat(64 * 1024))))
        .await;
    is(&raw.answer().await.unwrap(), 431);
    raw.end().await;
}

#[tokio::test]
async fn a_long_body() {
    let app = TestApp::start().await;
    let post =
        |path: &str, headers: &str| format!("POST {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
    // Whoever keeps connections, as a proxy does, must know that nothing is read after it.
    let is_refused = |answer: Answer| {
        is(&answer, 413);
        assert_eq!(answer.header("connection"), "close", "{}", answer.head);
    };
    for path in ["/logout", "/refresh", "/nothing", "/"] {
        // Announced, and never sent.
        let huge = post(path, "Content-Length: 10000000000\r\n");
        is_refused(Raw::ask(app.address, huge).await);
        let asks_first = post(path, "Content-Length: 10000000\r\nExpect: 100-continue\r\n");
        is_refused(Raw::ask(app.address, asks_first).await);
        // Sent, announced or not.
        let body = "x".repeat(1_000_000);
        let sent = post(path, "Content-Length: 1000000\r\n") + &body;
        is_refused(Raw::ask(app.address, sent).await);
        let chunked = post(path, "Transfer-Encoding: chunked\r\n");
        let sent = format!("{chunked}{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        is_refused(Raw::ask(app.address, sent).await);
    }
    // After what is read to its end, the connection goes on.
    let body = "x".repeat(60_000);
    let mut raw = Raw::connect(app.address).await;
    for _ in 0..2 {
        raw.send(post("/logout", "Content-Length: 60000\r\n") + &body)
            .await;
        let answer = raw.answer().await.unwrap();
        assert_eq!((answer.status, answer.header("connection")), (303, ""));
        let chunked = post("/logout", "Transfer-Encoding: chunked\r\n");
        raw.send(format!("{chunked}{:x}\r\n{body}\r\n0\r\n\r\n", body.len()))
            .await;
        let answer = raw.answer().await.unwrap();
        assert_eq!((answer.status, answer.header("connection")), (303, ""));
    }
}
