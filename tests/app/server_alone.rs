//! The server by itself, with routes of nobody's app: it needs no settings, no store and no pages.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Extension;
use axum::routing::get;
use axum::{Router, http::StatusCode};
use smartsheet_oauth_demo::server::{ConnectionLimits, Hooks, Listener, Peer, Room, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

struct World {
    server: Server,
    at: SocketAddr,
    stopping: CancellationToken,
    /// A request has come to `/slow`.
    arrived: Arc<Notify>,
    /// `/slow` may answer.
    go_on: Arc<Notify>,
}

async fn world(limits: ConnectionLimits) -> World {
    let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (seen, wait) = (Arc::clone(&arrived), Arc::clone(&go_on));
    let slow = move || async move {
        seen.notify_one();
        wait.notified().await;
        "slow"
    };
    let peer = |Extension(Peer(address)): Extension<Peer>| async move { address.to_string() };
    let routes = Router::new()
        .route("/peer", get(peer))
        .route("/slow", get(slow));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let stopping = CancellationToken::new();
    let hooks = Hooks {
        proxies: Vec::new(),
        refuse: Arc::new(|client, status: StatusCode| {
            format!("HTTP/1.1 {status}\r\n\r\n{client}, no.").into_bytes()
        }),
        stopping: stopping.clone(),
    };
    let room = Room {
        connections: 8,
        full: "no room",
    };
    let server = Server::start(Listener::tcp(listener, at), routes, hooks, limits, room);
    World {
        server,
        at,
        stopping,
        arrived,
        go_on,
    }
}

/// Everything that comes back for these bytes, until the server ends the connection.
async fn said(at: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_request_knows_its_peer() {
    let world = world(ConnectionLimits::default()).await;
    let request = b"GET /peer HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = said(world.at, request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n127.0.0.1"), "{answer}");
}

#[tokio::test]
async fn what_never_becomes_a_request_is_refused_in_the_words_of_the_hook() {
    let limits = ConnectionLimits {
        header_timeout: Duration::from_millis(50),
        ..ConnectionLimits::default()
    };
    let world = world(limits).await;
    let long = format!(
        "GET /peer HTTP/1.1\r\nx: {}\r\n\r\n",
        "a".repeat(2 * limits.max_head_bytes)
    );
    for (bytes, status) in [
        ("GET /peer HTTP/1.1\r\nhost", "408 Request Timeout"),
        (&*long, "431 Request Header Fields Too Large"),
    ] {
        let answer = said(world.at, bytes.as_bytes()).await;
        let expected = format!("HTTP/1.1 {status}\r\n\r\n127.0.0.1, no.");
        assert_eq!(answer, expected);
    }
}

#[tokio::test]
async fn it_ends_when_what_is_under_way_is_answered() {
    let mut world = world(ConnectionLimits::default()).await;
    let asked = tokio::spawn(said(world.at, b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n"));
    world.arrived.notified().await;
    world.stopping.cancel();
    world.server.close();
    world.go_on.notify_one();
    let answer = asked.await.unwrap();
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nslow"), "{answer}");
    world.server.ended().await;
    assert!(TcpStream::connect(world.at).await.is_err());
}
