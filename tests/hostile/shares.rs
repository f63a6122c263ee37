//! A session and a client have their share of the calls to Smartsheet, and leave the others theirs.

use std::time::Duration;

use reqwest::header;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::support::{Manner, Person, TestApp, Upstream, comes_back};

/// How long a call waits for its turn in these tests.
const WAIT: Duration = Duration::from_millis(300);

async fn app_of(upstream: &Upstream, max_calls: usize) -> TestApp {
    upstream
        .app(|overrides| {
            overrides.limits.max_calls = max_calls;
            overrides.limits.max_wait = WAIT;
        })
        .await
}

/// Asks for the profile, and says with which status that was answered.
fn visit(visits: &mut JoinSet<u16>, person: &Person, address: &'static str) {
    let request = person
        .http
        .get(format!("http://{}/me", person.app))
        .header(header::COOKIE, &person.cookie)
        .header("x-forwarded-for", address);
    visits.spawn(async move { request.send().await.unwrap().status().as_u16() });
}

/// The statuses of the next `count` answers.
async fn next(visits: &mut JoinSet<u16>, count: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    while statuses.len() < count {
        statuses.push(visits.join_next().await.unwrap().unwrap());
    }
    statuses
}

#[tokio::test]
async fn a_session_calls_eight_times_at_once() {
    let upstream = Upstream::start().await;
    let app = app_of(&upstream, 256).await;
    let _first = Person::sign_in(app.address).await;
    let greedy = Person::sign_in(app.address).await;
    let other = Person::sign_in(app.address).await;

    upstream.answer(Manner::Held);
    let mut visits = JoinSet::new();
    for _ in 0..30 {
        visit(&mut visits, &greedy, "127.0.0.1");
    }
    // The others wait as long as a page waits for its turn.
    assert_eq!(next(&mut visits, 22).await, [429; 22]);
    upstream.calls(8).await;
    let refused = greedy.me().await.unwrap();
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"), "{refused:?}");
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(
        problem["type"],
        "urn:smartsheet-oauth-demo:problem:too-many-at-once"
    );

    // Somebody else is none of it.
    visit(&mut visits, &other, "127.0.0.1");
    upstream.calls(9).await;
    upstream.answer(Manner::Well);
    assert_eq!(next(&mut visits, 9).await, [200; 9]);
    // Whoever waits in time takes the next turn.
    for _ in 0..30 {
        visit(&mut visits, &greedy, "127.0.0.1");
    }
    assert_eq!(next(&mut visits, 30).await, [200; 30]);
}

#[tokio::test]
async fn visits_leave_token_requests_their_part() {
    let upstream = Upstream::start().await;
    let app = app_of(&upstream, 16).await;
    let _first = Person::sign_in(app.address).await;
    let greedy = [
        Person::sign_in(app.address).await,
        Person::sign_in(app.address).await,
    ];

    upstream.answer(Manner::Held);
    let mut visits = JoinSet::new();
    for _ in 0..8 {
        visit(&mut visits, &greedy[0], "127.0.0.1");
        visit(&mut visits, &greedy[1], "127.0.0.1");
    }
    // Two of sixteen are kept for others.
    assert_eq!(next(&mut visits, 2).await, [503; 2]);
    upstream.calls(14).await;
    let callback = comes_back(app.address).await;
    assert_eq!(callback.status(), 303, "{callback:?}");
    upstream.answer(Manner::Well);
    assert_eq!(next(&mut visits, 14).await, [200; 14]);
}

#[tokio::test]
async fn a_client_has_a_quarter_and_its_network_half() {
    let upstream = Upstream::start().await;
    let app = upstream
        .app_with(&[("server.trusted_proxies", "127.0.0.1")], |overrides| {
            overrides.limits.max_calls = 64;
            overrides.limits.max_wait = WAIT;
        })
        .await;
    let mut people = Vec::new();
    for _ in 0..7 {
        people.push(Person::sign_in(app.address).await);
    }
    // The first is always answered well.
    people.remove(0);

    upstream.answer(Manner::Held);
    let mut visits = JoinSet::new();
    // Three sessions of eight, from one address: 16 of 24.
    for person in &people[..3] {
        for _ in 0..8 {
            visit(&mut visits, person, "203.0.113.7");
        }
    }
    assert_eq!(next(&mut visits, 8).await, [429; 8]);
    upstream.calls(16).await;
    // Its neighbours have as much again, together.
    for (person, address) in people[3..]
        .iter()
        .zip(["203.0.113.8", "203.0.113.9", "203.0.113.10"])
    {
        for _ in 0..8 {
            visit(&mut visits, person, address);
        }
    }
    assert_eq!(next(&mut visits, 8).await, [429; 8]);
    upstream.calls(32).await;
    // People elsewhere are none of it, and those at the same address may sign in once they have their turn again.
    visit(&mut visits, &people[5], "198.51.100.1");
    upstream.calls(33).await;
    upstream.answer(Manner::Well);
    assert_eq!(next(&mut visits, 33).await, [200; 33]);
}
