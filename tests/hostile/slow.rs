//! Clients that take their time.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;

use crate::support::{Bystander, PATIENCE, Person, Raw, TestApp};

/// What clients may take in these tests, and how long they wait between two bytes.
const LIMIT: Duration = Duration::from_millis(600);
const PAUSE: Duration = Duration::from_millis(20);

/// No answer takes this long, though the machine is busy.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_head_that_comes_byte_by_byte() {
    let app = TestApp::impatient(LIMIT).await;
    let bystander = Bystander::watch(&Person::sign_in(app.address).await);

    let started = Instant::now();
    let mut raw = Raw::connect(app.address).await;
    raw.send("GET / HTTP/1.1\r\nHost: x\r\nX: ").await;
    raw.drip(b"y", PAUSE).await;
    let answer = raw.answer().await.expect("408");
    assert!(started.elapsed() >= LIMIT, "it was not given its time");
    assert_eq!(answer.status, 408, "{answer:?}");
    assert_eq!(answer.header("connection"), "close", "{answer:?}");
    answer.is_hardened();
    assert_eq!(raw.end().await, b"");

    bystander.saw_nothing(SOON).await;
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte() {
    let app = TestApp::impatient(LIMIT).await;
    let bystander = Bystander::watch(&Person::sign_in(app.address).await);

    // A page, and the sandbox, which reads its bodies itself.
    for (path, kind) in [
        ("/logout", "text/html"),
        ("/sandbox/2.0/token", "application/json"),
    ] {
        for framing in ["Content-Length: 1000", "Transfer-Encoding: chunked"] {
            let started = Instant::now();
            let mut raw = Raw::connect(app.address).await;
            raw.send(format!(
                "POST {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {kind}\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\n{framing}\r\n\r\n"
            ))
            .await;
            raw.drip(b"1\r\na\r\n", PAUSE).await;
            let answer = raw.answer().await.expect("an answer");
            assert!(started.elapsed() >= LIMIT, "{path} was not given its time");
            if path == "/logout" {
                assert_eq!(answer.status, 408, "{answer:?}");
                assert!(
                    answer.body.contains("The request took too long"),
                    "{answer:?}"
                );
                answer.is_hardened();
            } else {
                assert!((400..500).contains(&answer.status), "{answer:?}");
            }
            raw.end().await;
        }
    }
    bystander.saw_nothing(SOON).await;
}

#[tokio::test]
async fn clients_that_say_nothing_or_nothing_more_are_hung_up_on() {
    let app = TestApp::impatient(LIMIT).await;
    for begun in ["", "GET / HTTP/1.1\r\nHost: x\r\n", "\r\n"] {
        let mut raw = Raw::connect(app.address).await;
        raw.send(begun).await;
        let last = String::from_utf8(raw.end().await).unwrap();
        // Whoever has begun is told why.
        assert_eq!(
            last.starts_with("HTTP/1.1 408 "),
            !begun.is_empty(),
            "{begun:?}: {last}"
        );
    }
}

#[tokio::test]
async fn a_connection_may_rest_between_requests_and_not_for_ever() {
    let app = TestApp::with(&[], |overrides| {
        overrides.connections.header_timeout = LIMIT;
        overrides.connections.idle_timeout = 4 * LIMIT;
    })
    .await;
    let mut raw = Raw::connect(app.address).await;
    let request = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    for _ in 0..2 {
        raw.send(request).await;
        assert_eq!(raw.answer().await.unwrap().status, 200);
        // Longer than a head may take, so that it is the rest that is measured.
        tokio::time::sleep(2 * LIMIT).await;
    }
    raw.send(request).await;
    assert_eq!(raw.answer().await.unwrap().status, 200);
    let rested = Instant::now();
    assert_eq!(raw.end().await, b"");
    assert!(rested.elapsed() >= 3 * LIMIT, "{:?}", rested.elapsed());
}

/// A head that begins late in a rest has its own time, not the rest of the rest.
#[tokio::test]
async fn a_head_after_a_rest_is_timed_by_itself() {
    let app = TestApp::with(&[], |overrides| {
        overrides.connections.header_timeout = LIMIT;
        overrides.connections.idle_timeout = PATIENCE;
    })
    .await;
    let mut raw = Raw::connect(app.address).await;
    raw.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(raw.answer().await.unwrap().status, 200);
    raw.send("GET / HTTP/1.1\r\nHost: x\r\nX: ").await;
    raw.drip(b"y", PAUSE).await;
    assert_eq!(raw.answer().await.unwrap().status, 408);
}

/// Requests without end, and nobody who takes the answers.
#[tokio::test]
async fn a_client_that_takes_no_answer() {
    let app = TestApp::impatient(LIMIT).await;
    let bystander = Bystander::watch(&Person::sign_in(app.address).await);
    let mut raw = Raw::connect(app.address).await;
    let requests = "GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
    let writing = async { while raw.stream.write_all(requests.as_bytes()).await.is_ok() {} };
    let hung_up = tokio::time::timeout(PATIENCE, writing).await;
    hung_up.expect("the server hangs up");
    bystander.saw_nothing(SOON).await;
}

#[tokio::test]
async fn a_client_that_goes_away_in_the_middle() {
    let app = TestApp::start().await;
    for begun in [
        "GET / HTTP/1.1\r\n",
        "POST /logout HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
        "POST /logout HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ] {
        let mut raw = Raw::connect(app.address).await;
        raw.send(begun).await;
        raw.stream.shutdown().await.unwrap();
        raw.end().await;
    }
    Person::sign_in(app.address).await;
}
