//! Connections that are kept for the next call, and that Smartsheet closes just as it is sent.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;

use crate::support::provider::PROFILE;
use crate::support::{Browser, DAY, Setup, TestApp};
use test_support::TestClock;

const TOKEN: &str = "POST /2.0/token";
const ME: &str = "GET /2.0/users/me";

/// What becomes of a connection at a request.
#[derive(Clone)]
enum Deed {
    /// The answer; the connection stays.
    Answer,
    /// The same, once so many requests wait for it.
    AnswerTogether(Arc<Barrier>),
    /// The answer, and the end that it announces.
    AnswerAndClose,
    /// The end, without a byte.
    Close,
    /// A reset, without a byte.
    Reset,
    /// Half an answer, then the end.
    Half,
}

/// Each request that arrived, with how many its connection had carried before.
type Seen = Arc<Mutex<Vec<(String, usize)>>>;

/// A provider that keeps connections, and at each request does as `script` says, given its line, how many its connection had
/// carried before, and how many of its line there were.
async fn start(
    script: impl Fn(&str, usize, usize) -> Deed + Send + Sync + 'static,
) -> (Setup, TestApp, Browser, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let seen = Seen::default();
    let (script, list) = (Arc::new(script), Arc::clone(&seen));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (script, list) = (Arc::clone(&script), Arc::clone(&list));
            tokio::spawn(serve(stream, list, script));
        }
    });
    let setup = Setup::against(&base, TestClock::new()).set("session.idle_timeout", "30d");
    let app = setup.start().await;
    let browser = Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    (setup, app, browser, seen)
}

async fn serve(
    mut stream: TcpStream,
    seen: Seen,
    script: Arc<impl Fn(&str, usize, usize) -> Deed>,
) {
    for before in 0.. {
        let Some(line) = read(&mut stream).await else {
            return;
        };
        let deed = {
            let mut seen = seen.lock().unwrap();
            let count = seen.iter().filter(|(known, _)| *known == line).count();
            seen.push((line.clone(), before));
            script(&line, before, count)
        };
        let body = match line.as_str() {
            ME => PROFILE,
            _ => r#"{"access_token":"access-secret-1","refresh_token":"refresh-secret-1"}"#,
        };
        let length = body.len();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n");
        match deed {
            Deed::Close => return,
            Deed::Reset => return stream.set_zero_linger().unwrap(),
            Deed::Half => {
                let half = format!("{head}\r\n{}", &body[..length / 2]);
                return stream.write_all(half.as_bytes()).await.unwrap();
            }
            Deed::AnswerAndClose => {
                let whole = format!("{head}connection: close\r\n\r\n{body}");
                return stream.write_all(whole.as_bytes()).await.unwrap();
            }
            Deed::AnswerTogether(barrier) => {
                barrier.wait().await;
            }
            Deed::Answer => {}
        }
        let whole = format!("{head}\r\n{body}");
        stream.write_all(whole.as_bytes()).await.unwrap();
    }
}

/// Reads one request, and gives its line.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                let text = String::from_utf8_lossy(&bytes);
                let mut words = text.split([' ', '?']);
                return Some(format!("{} {}", words.next()?, words.next()?));
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// The calls of `line`: how many requests the connection of each had carried before.
fn calls(seen: &Seen, line: &str) -> Vec<usize> {
    let seen = seen.lock().unwrap();
    let calls = seen.iter().filter(|(known, _)| known == line);
    calls.map(|(_, before)| *before).collect()
}

#[tokio::test]
async fn a_get_whose_kept_connection_ends_is_sent_again_at_once() {
    for end in [Deed::Close, Deed::Reset] {
        let script = move |line: &str, before, _| match line {
            ME if before > 0 => end.clone(),
            _ => Deed::Answer,
        };
        let (mut setup, _app, browser, seen) = start(script).await;
        // No wait of the retry rules is behind it.
        setup.retry.first_wait = DAY;
        let app = setup.start().await;
        let browser = browser.copy_to(&app);
        for _ in 0..2 {
            browser.get("/me").await.shows(200, &["Ann"]);
        }
        // The first visit and the second try of the second had new connections.
        assert_eq!(calls(&seen, ME), [0, 1, 0]);
        let flow: Value = serde_json::from_str(&browser.json("/flow").await.body).unwrap();
        let messages = flow["messages"].as_array().unwrap().iter();
        let mut tries: Vec<_> = messages
            .filter(|message| message["step"] == "current_user")
            .map(|message| (message["attempt"].as_u64(), message["failure"].is_null()))
            .collect();
        tries.sort_unstable();
        assert_eq!(tries, [(Some(1), false), (Some(1), true), (Some(2), true)]);
    }
}

#[tokio::test]
async fn where_all_kept_connections_end_one_more_try_is_enough() {
    let together = Arc::new(Barrier::new(4));
    let script = move |line: &str, before, count| match line {
        ME if count < 4 => Deed::AnswerTogether(Arc::clone(&together)),
        ME if before > 0 => Deed::Close,
        _ => Deed::Answer,
    };
    let (_setup, _app, browser, seen) = start(script).await;
    let tabs: Vec<_> = (0..4)
        .map(|_| {
            let tab = browser.clone();
            tokio::spawn(async move { tab.get("/me").await })
        })
        .collect();
    for tab in tabs {
        tab.await.unwrap().shows(200, &["Ann"]);
    }
    browser.get("/me").await.shows(200, &["Ann"]);
    assert_eq!(calls(&seen, ME).len(), 4 + 2);
    assert_eq!(calls(&seen, ME)[5], 0);
}

#[tokio::test]
async fn a_server_that_ends_new_connections_too_is_asked_twice() {
    let script = |line: &str, _, _| match line {
        ME => Deed::Close,
        _ => Deed::Answer,
    };
    let (_setup, _app, browser, seen) = start(script).await;
    browser
        .get("/me")
        .await
        .is_error(502, &["You are still signed in"]);
    assert_eq!(calls(&seen, ME), [1, 0]);
    // And once where no connection was kept.
    browser
        .get("/me")
        .await
        .is_error(502, &["You are still signed in"]);
    assert_eq!(calls(&seen, ME), [1, 0, 0]);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_reason_to_ask_again() {
    let script = |line: &str, _, _| match line {
        ME => Deed::Half,
        _ => Deed::Answer,
    };
    let (_setup, _app, browser, seen) = start(script).await;
    browser
        .get("/me")
        .await
        .is_error(502, &["You are still signed in"]);
    assert_eq!(calls(&seen, ME), [1]);
}

#[tokio::test]
async fn a_token_request_is_never_sent_again() {
    for end in [Deed::Close, Deed::Reset] {
        let script = move |line: &str, before, _| match line {
            TOKEN if before > 0 => end.clone(),
            _ => Deed::Answer,
        };
        let (setup, _app, browser, seen) = start(script).await;
        browser.get("/me").await.shows(200, &["Ann"]);
        setup.clock.pass(8 * DAY);
        browser
            .get("/me")
            .await
            .is_error(502, &["You are still signed in"]);
        assert_eq!(calls(&seen, TOKEN), [0, 2]);
        browser.get("/me").await.shows(200, &["Ann"]);
    }
}

#[tokio::test]
async fn a_connection_that_was_not_kept_is_no_reason_to_ask_again() {
    let script = |line: &str, _, _| match line {
        ME => Deed::Close,
        _ => Deed::AnswerAndClose,
    };
    let (_setup, _app, browser, seen) = start(script).await;
    browser
        .get("/me")
        .await
        .is_error(502, &["You are still signed in"]);
    assert_eq!(calls(&seen, ME), [0]);
}
