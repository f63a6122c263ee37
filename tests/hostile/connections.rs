//! Who makes room when connections run out, and how many one address may have.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{PATIENCE, Raw, TestApp, http, own_address};

/// A request whose body does not come whole.
const UPLOAD: &str = "POST /logout HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                      Content-Length: 60000\r\n\r\n";

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

/// An app with room for so many connections, which would wait for a body longer than the tests do for anything.
async fn with_room_for(connections: &str) -> TestApp {
    TestApp::with(&[("server.max_connections", connections)], |overrides| {
        overrides.connections.body_timeout = 10 * PATIENCE;
    })
    .await
}

/// Begins to send a body. What is given back sends on, byte by byte, until it is hung up on.
async fn upload(to: SocketAddr) -> impl Future<Output = ()> {
    let mut raw = Raw::connect(to).await;
    raw.send(UPLOAD).await;
    async move { raw.drip(b"a", Duration::from_millis(50)).await }
}

#[tokio::test]
async fn a_body_that_trickles_makes_room() {
    let app = with_room_for("20").await;
    let mut trickling = JoinSet::new();
    for _ in 0..20 {
        trickling.spawn(upload(app.address).await);
    }
    // Each of these needs one place more, which one of the others gives.
    let mut connections = Vec::new();
    for _ in 0..5 {
        let mut raw = Raw::connect(app.address).await;
        raw.send(HEALTH).await;
        assert_eq!(raw.answer().await.expect("an answer").status, 200);
        connections.push(raw);
    }
    for _ in 0..5 {
        let ended = tokio::time::timeout(PATIENCE, trickling.join_next()).await;
        ended.expect("it is hung up on").unwrap().unwrap();
    }
}

#[tokio::test]
async fn trickling_bodies_that_come_back_leave_others_their_answers() {
    let app = with_room_for("20").await;
    let mut trickling = JoinSet::new();
    for _ in 0..80 {
        let to = app.address;
        trickling.spawn(async move {
            loop {
                upload(to).await.await;
            }
        });
    }
    for _ in 0..10 {
        assert_eq!(Raw::ask(app.address, HEALTH).await.status, 200);
    }
}

/// A body that arrives in pieces, each without delay, is not broken off: nobody else wants the place.
#[tokio::test]
async fn a_slow_body_is_read_while_there_is_room() {
    let app = with_room_for("20").await;
    let mut raw = Raw::connect(app.address).await;
    raw.send(UPLOAD).await;
    for _ in 0..60 {
        raw.send([b'a'; 1_000]).await;
        assert_eq!(Raw::ask(app.address, HEALTH).await.status, 200);
    }
    assert_eq!(raw.answer().await.unwrap().status, 303);
}

/// An app that is reached by this machine's own address, which it takes for a stranger's.
async fn in_the_open(connections: &str) -> Option<(TestApp, SocketAddr)> {
    let Some(own) = own_address() else {
        println!("this machine has no address but loopback");
        return None;
    };
    let flags = [
        ("server.max_connections", connections),
        ("server.listen", "0.0.0.0:0"),
    ];
    let app = TestApp::with(&flags, |_| {}).await;
    let outside = SocketAddr::new(own, app.address.port());
    Some((app, outside))
}

async fn idle(to: SocketAddr) -> Raw {
    let mut raw = Raw::connect(to).await;
    raw.send(HEALTH).await;
    assert_eq!(raw.answer().await.expect("an answer").status, 200);
    raw
}

/// A quarter of all is what one address may have: then its own oldest makes room, and nobody else's.
#[tokio::test]
async fn one_address_has_its_share_of_the_connections() {
    let Some((app, outside)) = in_the_open("80").await else {
        return;
    };
    let inside = SocketAddr::from(([127, 0, 0, 1], app.address.port()));
    let mut others = Vec::new();
    for _ in 0..30 {
        others.push(idle(inside).await);
    }
    let mut own = Vec::new();
    for _ in 0..20 {
        own.push(idle(outside).await);
    }
    // The oldest of its own have rested for longer than others have to, sooner or later.
    let mut late = Vec::new();
    while late.len() < 20 {
        let mut raw = Raw::connect(outside).await;
        raw.send(HEALTH).await;
        if raw.answer().await.is_some() {
            late.push(raw);
        }
    }
    for raw in &mut own {
        assert_eq!(raw.end().await, b"");
    }
    for raw in others.iter_mut().chain(&mut late) {
        raw.send(HEALTH).await;
        assert_eq!(raw.answer().await.expect("an answer").status, 200);
    }
}

/// Where all connections of an address are being answered, none can make room, and one more is closed.
#[tokio::test]
async fn more_than_its_share_is_closed() {
    let Some((app, outside)) = in_the_open("80").await else {
        return;
    };
    let order = json!({"path": "/2.0/users/me", "fault": "slow", "times": 100, "delay_ms": 60_000});
    let port = app.address.port();
    let ordered = http().post(format!("http://127.0.0.1:{port}/sandbox/control/faults"));
    let ordered = ordered.body(order.to_string()).send().await.unwrap();
    assert!(ordered.status().is_success(), "{ordered:?}");
    let mut busy = Vec::new();
    for _ in 0..20 {
        let mut raw = Raw::connect(outside).await;
        raw.send(
            "GET /sandbox/2.0/users/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n",
        )
        .await;
        busy.push(raw);
    }
    // Connections are accepted in their order, so all of these have come when one more is answered.
    let inside = SocketAddr::from(([127, 0, 0, 1], app.address.port()));
    assert_eq!(Raw::ask(inside, HEALTH).await.status, 200);
    let mut raw = Raw::connect(outside).await;
    raw.send(HEALTH).await;
    assert_eq!(raw.end().await, b"");
    assert_eq!(Raw::ask(inside, HEALTH).await.status, 200);
}

/// However quickly they come: each that is let in has had another of its own closed.
#[tokio::test]
async fn a_burst_is_no_way_to_more_than_a_share() {
    let Some((_app, outside)) = in_the_open("80").await else {
        return;
    };
    let mut own = Vec::new();
    for _ in 0..20 {
        own.push(idle(outside).await);
    }
    // Until one more is let in, which is when the first have rested long enough to make room.
    loop {
        let mut raw = Raw::connect(outside).await;
        raw.send(HEALTH).await;
        if raw.answer().await.is_some() {
            own.push(raw);
            break;
        }
    }
    let burst = (0..60).map(async |_| {
        let mut raw = Raw::connect(outside).await;
        raw.send(HEALTH).await;
        let answer = raw.answer().await;
        answer.map(|_| raw)
    });
    let burst = futures_util::future::join_all(burst).await;
    let burst: Vec<Raw> = burst.into_iter().flatten().collect();
    let mut open = 0;
    for mut raw in own.into_iter().chain(burst) {
        raw.send(HEALTH).await;
        open += usize::from(raw.answer().await.is_some());
    }
    assert!((1..=20).contains(&open), "{open}");
}
