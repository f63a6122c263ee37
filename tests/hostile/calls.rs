//! Calls to Smartsheet are bounded in number.

use std::time::Duration;

use crate::support::{Manner, Person, Upstream, comes_back};

#[tokio::test]
async fn more_calls_than_there_may_be_are_503() {
    let upstream = Upstream::start().await;
    let app = upstream
        .app(|overrides| {
            overrides.limits.max_calls = 2;
            overrides.limits.max_wait = Duration::from_millis(300);
        })
        .await;
    let _first = Person::sign_in(app.address).await;
    let person = Person::sign_in(app.address).await;

    upstream.answer(Manner::Held);
    let asked: Vec<_> = (0..2)
        .map(|_| {
            let person = person.clone();
            tokio::spawn(async move { person.me().await.unwrap() })
        })
        .collect();
    upstream.calls(2).await;

    let refused = person.me().await.unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"), "{refused:?}");
    let problem: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(problem["type"], "urn:smartsheet-oauth-demo:problem:busy");
    // So does a sign-in, which can be started again.
    let callback = comes_back(app.address).await;
    assert_eq!(callback.status(), 503);
    assert!(
        callback.headers().contains_key("retry-after"),
        "{callback:?}"
    );

    // Those under way are answered, and whoever waits takes their place.
    let waiting = {
        let person = person.clone();
        tokio::spawn(async move { person.me().await.unwrap() })
    };
    upstream.answer(Manner::Well);
    for answer in asked.into_iter().chain([waiting]) {
        assert_eq!(answer.await.unwrap().status(), 200);
    }
    assert_eq!(person.me().await.unwrap().status(), 200);
}
