//! Bodies and answers of calls that are passed on, as they come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::api::{call, get, signed_in_at, with_api};
use crate::support::{Browser, Gate, PATIENCE, Provider, Reply, SECOND, Seen, Setup};

const USER: &str = "/users/me";
pub(crate) const READ: &str = "GET /2.0/sheets/7";

/// A provider that answers the calls of `line` as `reply` says, and a browser that is signed in there.
pub(crate) async fn answering(
    line: &'static str,
    reply: impl Fn() -> Reply + Send + Sync + 'static,
) -> (Provider, Browser) {
    answering_within(line, |setup| setup, move |_| reply()).await
}

async fn answering_within(
    line: &'static str,
    adjust: impl FnOnce(Setup) -> Setup,
    reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> (Provider, Browser) {
    let provider = Provider::start(move |seen, _| (seen.line == line).then(|| reply(seen))).await;
    let browser = signed_in_at(&provider, adjust(with_api(provider.setup()))).await;
    (provider, browser)
}

/// A connection of its own, on which a call of `line` was sent with these headers and this much of its body.
async fn begun(browser: &Browser, line: &str, headers: &str, body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(browser.address()).await.unwrap();
    let session = browser.session().unwrap();
    let head = format!(
        "{line} HTTP/1.1\r\nhost: localhost:8080\r\nx-csrf: 1\r\ncookie: session={session}\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    stream
}

pub(crate) async fn begun_reading(browser: &Browser) -> TcpStream {
    begun(browser, "GET /auth/api/2.0/sheets/7", "", b"").await
}

async fn begun_writing(browser: &Browser, headers: &str, body: &[u8]) -> TcpStream {
    begun(browser, "POST /auth/api/2.0/sheets/7/rows", headers, body).await
}

/// Reads on until `text` is in what came.
async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut bytes = Vec::new();
    loop {
        let read = timeout(PATIENCE, stream.read_buf(&mut bytes)).await;
        let read = read.expect("more comes").unwrap();
        let so_far = String::from_utf8_lossy(&bytes).into_owned();
        if so_far.contains(text) {
            return so_far;
        }
        assert_ne!(read, 0, "it ended without {text:?}: {so_far}");
    }
}

/// What comes to the end of the connection.
pub(crate) async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    // A reset is an end, too.
    let _ = read.expect("it ends");
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(crate) fn head(headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{headers}\r\n").into_bytes()
}

#[tokio::test]
async fn an_answer_is_passed_on_as_it_comes() {
    let gate = Gate::closed();
    let closed = gate.clone();
    let (_provider, ann) = answering(READ, move || {
        let rest =
            Reply::Bytes(b"6\r\nsecond\r\n0\r\nx-trailer: 1\r\n\r\n".to_vec()).behind(&closed);
        let first = head("transfer-encoding: chunked\r\ntrailer: x-trailer\r\n");
        Reply::Then([&first[..], b"5\r\nfirst\r\n"].concat(), Box::new(rest))
    })
    .await;
    // A client that likes compression, for which one would have to wait for more.
    let headers = "accept-encoding: gzip\r\nconnection: close\r\n";
    let mut stream = begun(&ann, "GET /auth/api/2.0/sheets/7", headers, b"").await;
    let so_far = read_until(&mut stream, "first").await;
    assert!(!so_far.contains("second"));
    gate.open();
    let rest = read_to_end(&mut stream).await;
    assert!(
        rest.contains("second") && rest.ends_with("0\r\n\r\n"),
        "{rest}"
    );
    assert!(!format!("{so_far}{rest}").to_lowercase().contains("trailer"));
}

#[tokio::test]
async fn a_body_is_passed_on_as_it_comes() {
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let line = "POST /2.0/sheets/7/rows";
    let (_provider, ann) = answering_within(
        line,
        |setup| setup,
        move |seen| {
            let arrived = arrived.clone();
            arrived.send(seen.body.clone()).unwrap();
            Reply::by(async move |mut stream: TcpStream| {
                let mut bytes = Vec::new();
                while !bytes.ends_with(b"0\r\n\r\n") {
                    assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0);
                    arrived
                        .send(String::from_utf8_lossy(&bytes).into_owned())
                        .unwrap();
                }
                let answer = head("content-length: 2\r\n");
                stream
                    .write_all(&[&answer[..], b"ok"].concat())
                    .await
                    .unwrap();
            })
        },
    )
    .await;
    let headers = "transfer-encoding: chunked\r\nconnection: close\r\n";
    let mut stream = begun_writing(&ann, headers, b"5\r\nfirst\r\n").await;
    let mut so_far = String::new();
    while !so_far.contains("first") {
        so_far.push_str(&timeout(PATIENCE, arrivals.recv()).await.unwrap().unwrap());
    }
    stream
        .write_all(b"6\r\nsecond\r\n0\r\nx-trailer: 1\r\n\r\n")
        .await
        .unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok"),
        "{answer}"
    );
    while let Ok(more) = arrivals.try_recv() {
        so_far.push_str(&more);
    }
    assert!(
        so_far.contains("second") && !so_far.contains("x-trailer"),
        "{so_far}"
    );
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_call() {
    for begins in [true, false] {
        let (ended, mut ends) = mpsc::unbounded_channel();
        let (provider, ann) = answering(READ, move || {
            let ended = ended.clone();
            Reply::by(async move |mut stream: TcpStream| {
                if begins {
                    let part = [&head("content-length: 9999999\r\n")[..], b"part"].concat();
                    stream.write_all(&part).await.unwrap();
                }
                // The end of the connection, or its reset.
                let end = stream.read(&mut [0; 16]).await;
                ended.send(end.unwrap_or(0)).unwrap();
            })
        })
        .await;
        let mut stream = begun_reading(&ann).await;
        if begins {
            read_until(&mut stream, "part").await;
        } else {
            provider.arrived(READ, 1).await;
        }
        drop(stream);
        let end = timeout(PATIENCE, ends.recv()).await;
        assert_eq!(end.expect("the call ends"), Some(0));
    }
}

#[tokio::test]
async fn a_slow_reader_makes_the_other_end_slow() {
    const WHOLE: u64 = 64 * 1024 * 1024;
    let written = Arc::new(AtomicU64::new(0));
    let (stalled, mut stalls) = mpsc::unbounded_channel();
    let counted = Arc::clone(&written);
    let (_provider, ann) = answering(READ, move || {
        let (counted, stalled) = (Arc::clone(&counted), stalled.clone());
        Reply::by(async move |mut stream: TcpStream| {
            let head = head(&format!("content-length: {WHOLE}\r\n"));
            stream.write_all(&head).await.unwrap();
            let part = vec![b'x'; 64 * 1024];
            let mut left = WHOLE;
            while left > 0 {
                let part = &part[..part.len().min(usize::try_from(left).unwrap())];
                let bytes = if let Ok(bytes) = timeout(SECOND, stream.write(part)).await {
                    bytes.unwrap()
                } else {
                    let _ = stalled.send(counted.load(Ordering::SeqCst));
                    stream.write(part).await.unwrap()
                };
                left -= bytes as u64;
                counted.fetch_add(bytes as u64, Ordering::SeqCst);
            }
        })
    })
    .await;
    let mut stream = begun_reading(&ann).await;
    let taken = timeout(PATIENCE, stalls.recv())
        .await
        .expect("it stalls")
        .unwrap();
    assert!(taken < WHOLE / 2, "{taken} bytes were taken for nobody");
    // Others notice nothing.
    assert_eq!(get(&ann, USER).await.status, 200);
    let head = read_until(&mut stream, "\r\n\r\n").await;
    let mut left = WHOLE - (head.len() - head.find("\r\n\r\n").unwrap() - 4) as u64;
    let mut scrap = vec![0; 1024 * 1024];
    while left > 0 {
        let read = timeout(PATIENCE, stream.read(&mut scrap))
            .await
            .unwrap()
            .unwrap();
        assert_ne!(read, 0, "{left} are missing");
        left -= read as u64;
    }
    assert_eq!(written.load(Ordering::SeqCst), WHOLE);
}

#[tokio::test]
async fn one_mebibyte_and_no_more() {
    let line = "POST /2.0/sheets/7/rows";
    let (provider, ann) = answering(line, || Reply::json(200, "{}")).await;
    let rows = "/sheets/7/rows";
    let longest = "r".repeat(1024 * 1024);
    assert_eq!(call(&ann, Method::POST, rows, &longest).await.status, 200);
    assert_eq!(provider.seen().pop().unwrap().body, longest);
    // What says that it is longer is not even begun.
    let headers = "content-length: 1048577\r\nconnection: close\r\n";
    let mut stream = begun_writing(&ann, headers, b"").await;
    let answer = read_to_end(&mut stream).await;
    assert!(
        answer.starts_with("HTTP/1.1 413") && answer.contains("body-too-long"),
        "{answer}"
    );
    assert_eq!(provider.count(line), 1);
    // What does not say so is broken off, so that it counts for nothing there.
    let (ended, mut ends) = mpsc::unbounded_channel();
    let (_provider, ann) = answering(line, move || {
        let ended = ended.clone();
        Reply::by(async move |mut stream: TcpStream| {
            let mut bytes = Vec::new();
            let _ = stream.read_to_end(&mut bytes).await;
            ended.send(bytes.ends_with(b"0\r\n\r\n")).unwrap();
        })
    })
    .await;
    let headers = "transfer-encoding: chunked\r\nconnection: close\r\n";
    let mut stream = begun_writing(&ann, headers, b"").await;
    let part = format!("80000\r\n{}\r\n", "r".repeat(0x80000));
    for _ in 0..2 {
        stream.write_all(part.as_bytes()).await.unwrap();
    }
    stream.write_all(b"1\r\nr\r\n0\r\n\r\n").await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_eq!(timeout(PATIENCE, ends.recv()).await.unwrap(), Some(false));
}

#[tokio::test]
async fn a_body_shorter_than_said_is_never_whole_there() {
    let line = "POST /2.0/sheets/7/rows";
    for (headers, body, status) in [
        ("content-length: 10\r\n", &b"12345"[..], ""),
        ("transfer-encoding: chunked\r\n", b"5\r\n12345\r\n", ""),
        (
            "transfer-encoding: chunked\r\n",
            b"zz\r\n12345\r\n",
            "HTTP/1.1 400",
        ),
    ] {
        let (provider, ann) = answering(line, || Reply::json(200, "{}")).await;
        let mut stream = begun_writing(&ann, headers, body).await;
        stream.shutdown().await.unwrap();
        let answer = read_to_end(&mut stream).await;
        assert!(
            answer.starts_with(status) && !answer.contains(" 200 "),
            "{answer}"
        );
        // A head may have been sent by then.
        assert!(
            provider
                .seen()
                .iter()
                .all(|seen| seen.line != line || !seen.body.contains("0\r\n\r\n"))
        );
    }
}

#[tokio::test]
async fn silence_breaks_an_answer_off() {
    let (_provider, ann) = answering_within(
        READ,
        |mut setup| {
            setup.limits.silence_timeout = Duration::from_millis(100);
            setup
        },
        |_| {
            let part = [&head("content-length: 100\r\n")[..], b"part"].concat();
            Reply::Stall(part)
        },
    )
    .await;
    let mut stream = begun_reading(&ann).await;
    let answer = read_to_end(&mut stream).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("part"),
        "{answer}"
    );
    assert_eq!(get(&ann, USER).await.status, 200);
}
