//! Whom the sandbox answers: names, other sites, other machines.

use std::{net::IpAddr, num::NonZeroU32};

use axum::{body::Body, http::Request};
use smartsheet_sandbox::{Access, ControlAccess, OpenError, Options, Peer, Sandbox};

use crate::support::{Answer, World, apps};

/// A sandbox that is asked by one name, and answers its control so.
async fn with(control: ControlAccess) -> World {
    World::with(|options| {
        options.access = Access {
            hosts: Some(vec!["demo.example.com".into(), "[2001:db8::1]".into()]),
            control,
        };
    })
    .await
}

/// `POST /control/revoke`, with these headers, from this peer.
async fn revoke(world: &World, peer: Option<&str>, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::post("/control/revoke");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::empty()).unwrap();
    if let Some(peer) = peer {
        let peer: IpAddr = peer.parse().unwrap();
        request.extensions_mut().insert(Peer(peer));
    }
    world.send(request).await
}

const CROSS_SITE: [&[(&str, &str)]; 9] = [
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "same-site")],
    &[("sec-fetch-site", "")],
    &[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")],
    &[("origin", "https://evil.example")],
    &[("origin", "http://127.0.0.1:3000")],
    &[("origin", "null")],
    &[("origin", "")],
    &[
        ("sec-fetch-site", "same-origin"),
        ("origin", "https://evil.example"),
    ],
];

const SAME_SITE: [&[(&str, &str)]; 6] = [
    &[],
    &[("sec-fetch-site", "same-origin")],
    &[("sec-fetch-site", "none")],
    &[("origin", "http://127.0.0.1:8081")],
    &[
        ("origin", "https://127.0.0.1:8081"),
        ("sec-fetch-site", "same-origin"),
    ],
    &[("origin", "null"), ("sec-fetch-site", "same-origin")],
];

/// A page of another site can make a browser send what it likes as `text/plain`, without asking first.
#[tokio::test]
async fn no_page_of_another_site_steers_it() {
    let host = ("host", "127.0.0.1:8081");
    for control in [
        ControlAccess::Anybody,
        ControlAccess::ThisMachine,
        ControlAccess::Limited(NonZeroU32::MAX),
    ] {
        let world = with(control).await;
        let pair = world.sign_in("full", "").await;
        for headers in CROSS_SITE {
            let headers = [&[host, ("content-type", "text/plain")], headers].concat();
            let answer = revoke(&world, Some("127.0.0.1"), &headers).await;
            answer.refused(403, 1004);
            assert_eq!(world.me(&pair.access).await.status, 200, "{headers:?}");
        }
        for headers in SAME_SITE {
            let answer = revoke(&world, Some("127.0.0.1"), &[&[host], headers].concat()).await;
            assert_eq!(answer.status, 200, "{headers:?}");
        }
    }
}

#[tokio::test]
async fn every_control_endpoint_is_guarded() {
    let world = World::new().await;
    for (method, path) in [
        ("GET", "/control/requests"),
        ("DELETE", "/control/requests"),
        ("POST", "/control/faults"),
        ("DELETE", "/control/faults"),
        ("POST", "/control/expire"),
        ("POST", "/control/revoke"),
        ("GET", "/control"),
        ("GET", "/control/nothing"),
    ] {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("sec-fetch-site", "cross-site");
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        answer.refused(403, 1004);
    }
}

/// The consent page is asked for by other sites, and the API has tokens of its own.
#[tokio::test]
async fn other_sites_reach_all_else() {
    let world = with(ControlAccess::ThisMachine).await;
    for (path, status) in [("/b/authorize", 400), ("/2.0/users/me", 401)] {
        let request = Request::get(path).header("sec-fetch-site", "cross-site");
        let request = request.header("host", "demo.example.com");
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status, "{path}");
    }
}

#[tokio::test]
async fn this_machine_alone_when_it_is_said_so() {
    let world = with(ControlAccess::ThisMachine).await;
    for peer in ["127.0.0.1", "127.0.0.9", "::1", "::ffff:127.0.0.1"] {
        let answer = revoke(&world, Some(peer), &[]).await;
        assert_eq!(answer.status, 200, "{peer}");
        for passed_on in [
            "x-forwarded-for",
            "X-Forwarded-Host",
            "X-Real-IP",
            "forwarded",
            "via",
        ] {
            for by in ["127.0.0.1", ""] {
                let answer = revoke(&world, Some(peer), &[(passed_on, by)]).await;
                answer.refused(403, 1004);
            }
        }
        // By a proxy that says nothing of whom it passes on, and leaves the name that browsers know it by.
        for (name, status) in [
            ("demo.example.com", 403),
            ("[2001:db8::1]:8080", 403),
            ("localhost:8080", 200),
            ("127.0.0.1", 200),
            ("[::1]:8080", 200),
        ] {
            let answer = revoke(&world, Some(peer), &[("host", name)]).await;
            assert_eq!(answer.status, status, "{name}");
        }
    }
    for peer in [
        None,
        Some("192.0.2.8"),
        Some("::ffff:192.0.2.8"),
        Some("2001:db8::1"),
    ] {
        revoke(&world, peer, &[]).await.refused(403, 1004);
    }
}

#[tokio::test]
async fn others_share_a_limit() {
    let world = with(ControlAccess::Limited(NonZeroU32::new(3).unwrap())).await;
    for peer in ["192.0.2.8", "192.0.2.9", "2001:db8::1"] {
        assert_eq!(revoke(&world, Some(peer), &[]).await.status, 200);
    }
    let refused = revoke(&world, Some("192.0.2.10"), &[]).await;
    refused.refused(429, 4003);
    assert_eq!(refused.header("retry-after"), "60");
    revoke(&world, None, &[]).await.refused(429, 4003);
    assert_eq!(revoke(&world, Some("127.0.0.1"), &[]).await.status, 200);
    world.pass(std::time::Duration::from_mins(1));
    assert_eq!(revoke(&world, Some("192.0.2.10"), &[]).await.status, 200);
}

/// A page whose own name was made to lead here (DNS rebinding) is same-origin to the browser.
#[tokio::test]
async fn by_its_own_names_alone() {
    let world = with(ControlAccess::ThisMachine).await;
    for (path, is_page) in [
        ("/b/authorize", true),
        ("/nothing", true),
        ("/static/sandbox.css", true),
        ("/2.0/users/me", false),
        ("/control/requests", false),
    ] {
        for host in [
            "evil.example",
            "evil.example:8080",
            "192.0.2.1",
            "",
            "localhost@evil.example",
            "\u{e9}",
        ] {
            let request = Request::get(path).header("host", host.as_bytes());
            let answer = world.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, 421, "{path} {host}");
            if is_page {
                assert!(answer.header("content-type").starts_with("text/html"));
                assert!(!answer.body.contains("evil"));
            } else {
                answer.refused(421, 1004);
            }
        }
        for host in [
            "Demo.Example.com:443",
            "[2001:db8::1]:8080",
            "localhost:1",
            "127.0.0.1",
            "[::1]:8081",
        ] {
            let request = Request::get(path).header("host", host);
            let answer = world.send(request.body(Body::empty()).unwrap()).await;
            assert_ne!(answer.status, 421, "{path} {host}");
        }
    }
    let two = Request::get("http://evil.example/2.0/users/me").header("host", "localhost");
    let answer = world.send(two.body(Body::empty()).unwrap()).await;
    answer.refused(421, 1004);
    let log = world.send(local("/control/requests")).await.json();
    assert!(
        log.as_array()
            .unwrap()
            .iter()
            .all(|entry| entry["status"] != 421),
        "{log}"
    );
}

fn local(path: &str) -> Request<Body> {
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    let address = IpAddr::from([127, 0, 0, 1]);
    request.extensions_mut().insert(Peer(address));
    request
}

#[tokio::test]
async fn what_is_no_host_is_refused_at_the_start() {
    for host in [
        "",
        "demo example",
        "https://demo.example.com",
        "me@demo.example.com",
    ] {
        let options = Options {
            apps: apps(),
            access: Access {
                hosts: Some(vec![host.into()]),
                ..Access::default()
            },
            ..Options::default()
        };
        let refused = Sandbox::open(options).await.err();
        assert!(
            matches!(refused, Some(OpenError::Host(_))),
            "{host}: {refused:?}"
        );
    }
}

/// So that nobody who reaches the control can bind the sandbox for long.
#[tokio::test]
async fn orders_are_bounded() {
    let world = World::new().await;
    let order = |times: u32, delay: u32| {
        format!(
            r#"{{"path": "/2.0/users/me", "fault": "slow", "times": {times}, "delay_ms": {delay}}}"#
        )
    };
    for (times, delay) in [(1_001, 0), (1, 60_001)] {
        let answer = world.control("/control/faults", &order(times, delay)).await;
        answer.refused(400, 1008);
    }
    for _ in 0..100 {
        let answer = world
            .control("/control/faults", &order(1_000, 60_000))
            .await;
        assert_eq!(answer.status, 200);
    }
    let answer = world.control("/control/faults", &order(1, 0)).await;
    answer.refused(400, 1008);
}
