//! Over a real connection: `serve`, its end, and the fault that closes the connection.

use std::time::Duration;

use serde_json::json;
use smartsheet_sandbox::serve;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

use crate::support::desk::{Desk, names};
use crate::support::{World, hash, refresh_params};

struct Served {
    base: String,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

/// An HTTP client. reqwest is built without a TLS provider of its own; the app's is `ring`.
fn client_builder() -> reqwest::ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
}

fn client() -> reqwest::Client {
    client_builder().build().unwrap()
}

async fn served(world: &World) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel();
    let shutdown = async {
        let _ = stopped.await;
    };
    let task = tokio::spawn(serve(world.sandbox.clone(), listener, shutdown));
    Served { base, stop, task }
}

#[tokio::test]
async fn reset_closes_the_connection_without_a_byte_and_without_processing() {
    let world = World::new().await;
    let pair = world.sign_in("full", "").await;
    let served = served(&world).await;
    let order = r#"{"path": "/2.0/token", "fault": "reset"}"#;
    world.control("/control/faults", order).await;
    let mut stream = TcpStream::connect(served.base.trim_start_matches("http://"))
        .await
        .unwrap();
    let body = crate::support::encode(&refresh_params(&pair.refresh, &hash(&pair.refresh)));
    let request = format!(
        "POST /2.0/token HTTP/1.1\r\nhost: x\r\ncontent-type: {}\r\ncontent-length: {}\r\n\r\n{body}",
        crate::support::FORM,
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // Closed or reset: either way there is no answer.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
    let log = world.get("/control/requests").await.json();
    assert_eq!(log[1]["status"], 0);
    assert_eq!(log[1]["grant_type"], "refresh_token");
    world.refresh(&pair.refresh).await.pair();
}

/// The client can't know whether a row was written. It was.
#[tokio::test]
async fn a_lost_answer_is_one_to_what_was_done() {
    let world = World::new().await;
    let desk = Desk::of(&world, "full", "Project plan").await;
    let served = served(&world).await;
    let order = json!({"path": desk.path("/rows"), "fault": "lost_answer"});
    world.control("/control/faults", &order.to_string()).await;
    let row = json!({"toBottom": true, "cells": [desk.cell("Task", "Once")]});
    let lost = client()
        .post(format!("{}{}", served.base, desk.path("/rows")))
        .header("content-type", "application/json")
        .bearer_auth(&desk.token)
        .body(row.to_string())
        .send()
        .await;
    assert!(lost.is_err(), "{lost:?}");
    let sheet = desk.read("").await.json();
    assert_eq!(names(&sheet)[3..], ["Once"]);
    let log = world.get("/control/requests").await.json();
    let requests = log.as_array().unwrap();
    assert!(
        requests
            .iter()
            .any(|entry| entry["method"] == "POST" && entry["status"] == 0),
        "{log}"
    );
}

#[tokio::test]
async fn a_client_reads_the_413_for_a_large_body() {
    let world = World::new().await;
    let served = served(&world).await;
    let answer = client()
        .post(format!("{}/2.0/token", served.base))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("x".repeat(10 * 1024 * 1024))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 413);
}

#[tokio::test]
async fn a_client_that_gives_up_is_in_the_log() {
    let world = World::new().await;
    let served = served(&world).await;
    let order = r#"{"path": "/2.0/users/me", "fault": "slow", "delay_ms": 60000}"#;
    world.control("/control/faults", order).await;
    let client = client_builder()
        .timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    let given_up = client
        .get(format!("{}/2.0/users/me", served.base))
        .send()
        .await;
    assert!(given_up.unwrap_err().is_timeout());
    let log = world.get("/control/requests").await.json();
    assert_eq!(log[0]["status"], 0);
}

#[tokio::test]
async fn it_stops_cleanly_with_an_idle_connection_open() {
    let world = World::new().await;
    let served = served(&world).await;
    let client = client();
    let url = format!("{}/control/requests", served.base);
    assert_eq!(client.get(&url).send().await.unwrap().status(), 200);
    served.stop.send(()).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(2), served.task).await;
    ended.unwrap().unwrap().unwrap();
    assert!(client.get(&url).send().await.is_err());
}

#[tokio::test]
async fn a_slow_answer_does_not_hold_up_the_stop_for_long() {
    let world = World::new().await;
    let served = served(&world).await;
    let order = r#"{"path": "/2.0/users/me", "fault": "slow", "delay_ms": 600000}"#;
    world.control("/control/faults", order).await;
    let url = format!("{}/2.0/users/me", served.base);
    let waiting = tokio::spawn(client().get(url).send());
    while world.get("/control/requests").await.json()[0].is_null() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    served.stop.send(()).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(8), served.task).await;
    ended.unwrap().unwrap().unwrap();
    waiting.abort();
}
