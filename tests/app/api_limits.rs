//! How much one person may call, and what calls that hang leave for others.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;

use crate::api::{CSRF, get, parsed, signed_in_at, with_api};
use crate::support::{Browser, Gate, MINUTE, Provider, Reply};

const HELD: &str = "GET /2.0/sheets/7";

#[tokio::test]
async fn three_hundred_a_minute_for_each_person() {
    let provider = Provider::well_behaved().await;
    let setup = with_api(provider.setup());
    let ann = signed_in_at(&provider, setup.clone()).await;
    for number in 0..300 {
        assert_eq!(get(&ann, "/users/me").await.status, 200, "{number}");
    }
    let page = get(&ann, "/users/me").await;
    let problem = page.is_problem(429, "too-many-calls");
    assert_eq!(page.header("retry-after"), "1");
    // Smartsheet's clients know this number, and wait.
    assert_eq!(problem["errorCode"], 4003);
    // Where they read nothing else, it is in plain JSON.
    let headers = [CSRF, ("accept", "application/json")];
    let path = "/auth/api/2.0/users/me";
    let page = ann.send(Method::GET, path, &headers).await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (429, "application/json")
    );
    assert_eq!(parsed(&page)["errorCode"], 4003);
    // The limit is the person's, not the session's.
    let again = Browser::at(ann.address());
    again.sign_in_with_code("code-2").await;
    get(&again, "/users/me")
        .await
        .is_problem(429, "too-many-calls");
    setup.clock.pass(MINUTE);
    assert_eq!(get(&again, "/users/me").await.status, 200);
}

/// A provider whose sheet is not answered before the gate opens, and a browser that is signed in there, at an app that makes so
/// many calls at once.
async fn held(max_calls: usize) -> (Provider, Gate, Browser) {
    let gate = Gate::closed();
    let closed = gate.clone();
    let provider = Provider::start(move |seen, _| {
        (seen.line == HELD).then(|| Reply::json(200, "{}").behind(&closed))
    })
    .await;
    let mut setup = with_api(provider.setup());
    setup.limits.max_calls = max_calls;
    setup.limits.max_wait = Duration::from_millis(300);
    let ann = signed_in_at(&provider, setup).await;
    (provider, gate, ann)
}

#[tokio::test]
async fn calls_that_hang_leave_room_for_sign_ins_and_refreshes() {
    // An eighth of the calls is for token requests.
    let (provider, gate, ann) = held(8).await;
    let hanging = {
        let ann = ann.clone();
        tokio::spawn(async move { join_all((0..7).map(|_| get(&ann, "/sheets/7"))).await })
    };
    provider.arrived(HELD, 7).await;
    let page = get(&ann, "/sheets/7").await;
    assert_eq!(page.is_problem(503, "busy")["errorCode"], 4004);
    assert_ne!(page.header("retry-after"), "");
    assert_eq!(provider.count(HELD), 7);

    let bob = Browser::at(ann.address());
    bob.sign_in_with_code("code-2").await.redirects_to("/me");
    let own = [("origin", "http://localhost:8080")];
    let refreshed = bob.send(Method::POST, "/refresh", &own).await;
    assert_eq!(refreshed.status, 303, "{refreshed:?}");
    bob.sign_out().await.redirects_to("/signed-out");
    provider.arrived("DELETE /2.0/token", 1).await;
    assert_eq!(provider.count("POST /2.0/token"), 3);

    gate.open();
    for page in hanging.await.unwrap() {
        assert_eq!(page.status, 200);
    }
    assert_eq!(get(&ann, "/sheets/7").await.status, 200);
}

#[tokio::test]
async fn one_person_has_sixteen_calls_at_once_and_others_theirs() {
    let (provider, gate, ann) = held(256).await;
    let calls = {
        let ann = ann.clone();
        tokio::spawn(async move { join_all((0..20).map(|_| get(&ann, "/sheets/7"))).await })
    };
    provider.arrived(HELD, 16).await;
    // Pages are not among them, and need no turn of theirs.
    assert_eq!(ann.get("/").await.status, 200);
    assert_eq!(ann.get("/me").await.status, 200);
    assert_eq!(provider.count(HELD), 16);
    // The others have their turn when it comes.
    gate.open();
    for page in calls.await.unwrap() {
        assert_eq!(page.status, 200);
    }
    assert_eq!(provider.count(HELD), 20);
}
