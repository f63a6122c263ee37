//! SIGTERM: who is told, who is still served, and how long it takes.

use std::time::{Duration, Instant};

use crate::support::{Manner, Person, Program, Raw, Upstream};

const READY: &str = "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n";

/// What a busy machine may add to the ten seconds that a stop takes at most.
const SLACK: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_balancer_sees_it_before_the_port_closes() {
    let mut program = Program::start(&[("SERVER_DRAIN_TIME", "3s")]).await;
    let person = Person::sign_in(program.address).await;
    let mut kept = Raw::connect(program.address).await;
    kept.send(READY).await;
    let ready = kept.answer().await.unwrap();
    assert_eq!((ready.status, ready.header("connection")), (200, ""));

    let asked = Instant::now();
    program.terminate();
    // Both over a connection that was there and over a new one.
    let unready = loop {
        let answer = Raw::ask(program.address, READY).await;
        if answer.status == 503 {
            break answer;
        }
        assert!(asked.elapsed() < Duration::from_secs(2), "{answer:?}");
    };
    assert_eq!(unready.header("connection"), "close", "{unready:?}");
    kept.send(READY).await;
    let unready = kept.answer().await.unwrap();
    assert_eq!(
        (unready.status, unready.header("connection")),
        (503, "close")
    );
    assert_eq!(kept.end().await, b"");

    // Requests are answered meanwhile, sign-ins with their token requests included.
    assert_eq!(person.me().await.unwrap().status(), 200);
    let newcomer = Person::sign_in(program.address).await;
    assert_eq!(newcomer.me().await.unwrap().status(), 200);

    let (_, status) = program.ended().await;
    let took = asked.elapsed();
    assert_eq!(status, Some(0));
    assert!(took >= Duration::from_secs(3), "{took:?}");
    assert!(took < Duration::from_secs(6) + SLACK, "{took:?}");
}

/// Nothing that clients or Smartsheet do makes it longer than it may be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_takes_ten_seconds_at_most() {
    let upstream = Upstream::start().await;
    let mut program = upstream
        .program(&[("SERVER_DRAIN_TIME", "3s"), ("SESSION_STORE", "memory")])
        .await;
    let _first = Person::sign_in(program.address).await;
    let person = Person::sign_in(program.address).await;

    upstream.answer(Manner::Held);
    let asked = tokio::spawn(async move { person.me().await });
    upstream.calls(1).await;
    let mut half = Raw::connect(program.address).await;
    half.send("POST /logout HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
        .await;
    let mut begun = Raw::connect(program.address).await;
    begun.send("GET / HTTP/1.1\r\n").await;
    let _silent = Raw::connect(program.address).await;

    program.terminate();
    let (took, status) = program.ended().await;
    assert_eq!(status, Some(0));
    assert!(took < Duration::from_secs(10) + SLACK, "{took:?}");
    // The page gave up on Smartsheet, or the stop on the page.
    if let Ok(answer) = asked.await.unwrap() {
        assert_eq!(answer.status(), 504);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_nobody_there_it_takes_no_longer_than_draining() {
    let mut program = Program::start(&[("SERVER_DRAIN_TIME", "1s")]).await;
    let _silent = Raw::connect(program.address).await;
    let mut kept = Raw::connect(program.address).await;
    kept.send(READY).await;
    assert_eq!(kept.answer().await.unwrap().status, 200);
    program.terminate();
    let (took, status) = program.ended().await;
    assert_eq!(status, Some(0));
    assert!(took < Duration::from_secs(4), "{took:?}");
}

/// Whoever asks twice does not want to wait for a balancer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_the_draining() {
    let settings = [
        ("SERVER_DRAIN_TIME", "40s"),
        ("SERVER_STOP_TIMEOUT", "100s"),
    ];
    let mut program = Program::start(&settings).await;
    program.terminate();
    let unready = async { while Raw::ask(program.address, READY).await.status == 200 {} };
    tokio::time::timeout(Duration::from_secs(20), unready)
        .await
        .unwrap();
    program.terminate();
    let (took, status) = program.ended().await;
    assert_eq!(status, Some(0));
    assert!(took < Duration::from_secs(20), "{took:?}");
}

/// A refresh that could end too late is not begun: the session keeps its tokens, and the person comes again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_is_spent_late_in_a_stop() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = format!("sqlite://{}/sessions.db", folder.path().display());
    let upstream = Upstream::start().await;
    let settings = [
        ("SESSION_STORE", store.as_str()),
        ("SERVER_STOP_TIMEOUT", "6s"),
        ("SERVER_DRAIN_TIME", "0s"),
    ];
    let mut program = upstream.program(&settings).await;
    let _first = Person::sign_in(program.address).await;
    let person = Person::sign_in(program.address).await;

    // The call comes back late, and says that the token must be refreshed.
    upstream.answer(Manner::Held);
    let asked = {
        let person = person.clone();
        tokio::spawn(async move { person.me().await.unwrap() })
    };
    upstream.calls(1).await;
    program.terminate();
    tokio::time::sleep(Duration::from_millis(3500)).await;
    let spent = upstream.token_requests();
    upstream.answer(Manner::Expired);
    let answer = asked.await.unwrap();
    assert_eq!(answer.status(), 503, "{answer:?}");
    assert!(answer.headers().contains_key("retry-after"), "{answer:?}");
    assert_eq!(upstream.token_requests(), spent);
    assert_eq!(program.ended().await.1, Some(0));

    upstream.answer(Manner::Well);
    let again = upstream.program(&settings).await;
    let person = Person {
        app: again.address,
        ..person
    };
    assert_eq!(person.me().await.unwrap().status(), 200);
}
