//! Calls to Smartsheet are bounded in number.

use std::time::Duration;

use crate::support::{Manner, Person, TestApp, Upstream};

#[tokio::test]
async fn more_calls_than_there_may_be_are_503() {
    let upstream = Upstream::start().await;
    let settings = upstream.settings();
    let flags: Vec<_> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let app = TestApp::with(&flags, |surroundings| {
        surroundings.limits.max_calls = 2;
        surroundings.limits.max_wait = Duration::from_millis(300);
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
    let callback = callback_of_a_sign_in(&app).await;
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

async fn callback_of_a_sign_in(app: &TestApp) -> reqwest::Response {
    let http = crate::support::http();
    let login = http
        .get(format!("http://{}/login", app.address))
        .send()
        .await
        .unwrap();
    let cookie = login.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let authorize: url::Url = login.headers()["location"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let (_, state) = authorize
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap();
    let callback = format!("http://{}/redirect?code=code&state={state}", app.address);
    http.get(callback)
        .header("cookie", cookie)
        .send()
        .await
        .unwrap()
}
