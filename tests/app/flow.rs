//! `/flow`: what was said, in order, for people and for programs, and to nobody else.

use serde_json::{Value, json};

use crate::flow_page::shows_them_all;
use crate::support::app::{BASE_URL, CLIENT_ID};
use crate::support::said::{brief, flow, overheard, said, says_nothing, text};
use crate::support::{Browser, MINUTE, SECOND, World};
use test_support::parameter;

const SIGN_IN: [&str; 4] = [
    "sign_in 303",
    "consent unseen",
    "callback 303",
    "code_exchange 200",
];

async fn world() -> World {
    overheard(|setup| setup).await.0
}

/// What was said since `before` messages.
async fn news(browser: &Browser, before: usize) -> Vec<String> {
    brief(&said(browser).await[before..])
}

/// Presses "Refresh now".
async fn refresh(browser: &Browser) {
    let post = reqwest::Method::POST;
    browser
        .send(post, "/refresh", &[])
        .await
        .redirects_to("/me");
}

#[tokio::test]
async fn a_sign_in_message_by_message() {
    let world = world().await;
    let browser = world.browser();
    let authorize = browser.begin("/login").await;
    world.setup.clock.pass(MINUTE);
    let callback = browser.consent(&authorize, "allow", "full").await;
    browser.get(&callback).await.redirects_to("/me");
    browser.get("/me").await.shows(200, &["Grace Hopper"]);

    let flow = flow(&browser).await;
    assert_eq!(flow["signed_in"], true);
    let messages = flow["messages"].as_array().unwrap();
    let after = ["profile 200", "current_user 200"];
    assert_eq!(brief(messages), [&SIGN_IN[..], &after].concat());
    let ways: Vec<(&str, &str)> = messages
        .iter()
        .map(|message| (text(message, "from"), text(message, "to")))
        .collect();
    let expected = [
        ("browser", "app"),
        ("browser", "smartsheet"),
        ("browser", "app"),
        ("app", "smartsheet"),
        ("browser", "app"),
        ("app", "smartsheet"),
    ];
    assert_eq!(ways, expected);
    // Calls are within the pages that wait for them.
    let at = |index: usize| {
        text(&messages[index], "at")
            .parse::<jiff::Timestamp>()
            .unwrap()
    };
    let took = |index: usize| messages[index]["duration_ms"].as_f64().unwrap();
    for (inner, outer) in [(3, 2), (5, 4)] {
        assert!(
            at(outer) <= at(inner) && took(inner) < took(outer),
            "{messages:?}"
        );
        assert!(took(inner) > 0.0);
    }
    assert!((60_000.0..120_000.0).contains(&took(1)), "{}", messages[1]);
    for (index, message) in messages.iter().enumerate() {
        assert_eq!(message["number"], index + 1);
        for name in ["title", "purpose", "without", "curl"] {
            assert!(text(message, name).len() > 10, "{name} of {message}");
        }
        assert!(text(&message["source"], "name").len() > 10);
        assert!(text(&message["source"], "url").starts_with("https://"));
        assert_eq!(message["reaction"], Value::Null);
    }
    asked_and_answered(messages, &authorize);
}

/// The requests and the answers themselves, with what is no secret in them.
fn asked_and_answered(messages: &[Value], authorize: &url::Url) {
    let request = |index: usize| &messages[index]["request"];
    let url = |index: usize| text(request(index), "url");
    let header = |of: &Value, name: &str| {
        let list = of["headers"].as_array().unwrap().iter();
        let mut values = list
            .filter(|pair| pair[0] == name)
            .map(|pair| pair[1].clone());
        values.next().unwrap_or_default()
    };
    let answer = |index: usize| &messages[index]["answer"];

    assert_eq!((text(request(0), "method"), url(0)), ("GET", "/login"));
    let location = header(answer(0), "location");
    let location = location.as_str().unwrap();
    assert!(location.starts_with(authorize.as_str().split("state=").next().unwrap()));
    let state = parameter(authorize, "state").unwrap();
    assert!(
        location.contains(&format!("state={}…", &state[..4])),
        "{location}"
    );
    let cookie = header(answer(0), "set-cookie");
    assert!(
        cookie
            .as_str()
            .unwrap()
            .contains("…; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    assert_eq!(url(1), location);
    let back = header(answer(1), "location");
    let back = back.as_str().unwrap();
    assert!(
        back.starts_with(&format!("{BASE_URL}/redirect?code=")),
        "{back}"
    );
    assert!(back.contains("expires_in="), "{back}");
    assert_eq!(format!("{BASE_URL}{}", url(2)), back);
    assert_eq!(header(answer(2), "location"), "/me");
    assert!(url(3).ends_with("/2.0/token") && text(request(3), "method") == "POST");
    let form = text(request(3), "body");
    for part in [
        "grant_type=authorization_code&code=",
        &format!("client_id={CLIENT_ID}"),
        "hash=",
        "redirect_uri=http%3A%2F%2Flocalhost%3A8080%2Fredirect",
    ] {
        assert!(form.contains(part), "no {part} in {form}");
    }
    let tokens = text(answer(3), "body");
    assert!(
        tokens.contains("\"access_token\":\"") && tokens.contains("\"expires_in\":6"),
        "{tokens}"
    );
    assert_eq!(url(4), "/me");
    assert!(url(5).ends_with("/2.0/users/me"));
    let bearer = header(request(5), "authorization");
    assert!(bearer.as_str().unwrap().starts_with("Bearer "), "{bearer}");
    assert!(text(answer(5), "body").contains("grace.hopper@example.com"));
}

#[tokio::test]
async fn refreshes_retries_and_failures() {
    let (world, _) = overheard(|setup| setup.patience(2 * SECOND)).await;
    let browser = world.signed_in("full").await;
    let me = "/2.0/users/me";
    let mut before = said(&browser).await.len();
    let mut since = async |expected: &[&str]| {
        let news = news(&browser, before).await;
        before += news.len();
        assert_eq!(news, expected);
    };

    world.sandbox.fault(me, "rate_limit", 2, json!({})).await;
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    let retries = [
        "current_user 429",
        "current_user#2 429",
        "current_user#3 200",
    ];
    since(&[&["profile 200"], &retries[..]].concat()).await;

    world.sandbox.expire("access_tokens").await;
    browser.json("/me").await;
    since(&[
        "profile 200",
        "current_user 401",
        "refresh 200",
        "current_user 200",
    ])
    .await;

    refresh(&browser).await;
    since(&["refresh_now 303", "refresh 200"]).await;

    // A connection that was kept, and the one that is made when it ends.
    world.sandbox.fault(me, "reset", 2, json!({})).await;
    assert_eq!(browser.get("/me").await.status, 502);
    since(&[
        "profile 502",
        "current_user failed",
        "current_user#2 failed",
    ])
    .await;

    let never = json!({"delay_ms": 60_000});
    world.sandbox.fault(me, "slow", 1, never).await;
    assert_eq!(browser.get("/me").await.status, 504);
    since(&["profile 504", "current_user failed"]).await;
    let failure = said(&browser).await.pop().unwrap();
    assert!(
        text(&failure, "failure").contains("no answer in time"),
        "{failure}"
    );
    assert!(
        failure["duration_ms"].as_f64().unwrap() >= 1_900.0,
        "{failure}"
    );
    assert!(text(&failure, "reaction").contains("The session was kept"));

    world.sandbox.revoke().await;
    assert_eq!(browser.get("/me").await.status, 401);
    since(&["profile 401", "current_user 401", "refresh 400"]).await;
    shows_them_all(&browser.get("/flow").await.body, &said(&browser).await);
}

#[tokio::test]
async fn sign_ins_that_fail() {
    let world = world().await;
    let browser = world.browser();
    let authorize = browser.begin("/login").await;
    let callback = browser.consent(&authorize, "deny", "full").await;
    assert_eq!(browser.get(&callback).await.status, 403);
    let denied = said(&browser).await;
    assert_eq!(
        brief(&denied),
        ["sign_in 303", "consent unseen", "callback 403"]
    );
    assert!(text(&denied[1], "reaction").contains("error instead of a code"));
    assert_eq!(flow(&browser).await["signed_in"], false);

    // Without a state of this browser, nobody was at Smartsheet as far as this app knows.
    for callback in [
        "/redirect?code=one&code=two&state=x",
        "/redirect?code=c&state=x",
    ] {
        let before = said(&browser).await.len();
        assert_eq!(browser.get(callback).await.status, 400);
        assert_eq!(news(&browser, before).await, ["callback 400"]);
    }
    let authorize = browser.begin("/login").await;
    let callback = browser.consent(&authorize, "allow", "full").await;
    world.sandbox.expire("codes").await;
    assert_eq!(browser.get(&callback).await.status, 400);
    // The last one is what can be looked at.
    assert_eq!(
        brief(&said(&browser).await),
        [
            "sign_in 303",
            "consent unseen",
            "callback 400",
            "code_exchange 400"
        ]
    );
    shows_them_all(&browser.get("/flow").await.body, &said(&browser).await);
}

#[tokio::test]
async fn another_browser_sees_nothing_of_it() {
    let world = world().await;
    let (one, two, nobody) = (world.browser(), world.browser(), world.browser());
    let told = |messages: &[Value]| serde_json::to_string(messages).unwrap();
    one.sign_in("full").await.redirects_to("/me");
    one.get("/me").await.shows(200, &["Grace Hopper"]);
    two.sign_in("minimal").await.redirects_to("/me");
    two.get("/me").await.shows(200, &["sam@example.com"]);
    for (browser, theirs, others) in [
        (&one, "grace.hopper@", "sam@"),
        (&two, "sam@", "grace.hopper@"),
    ] {
        let messages = said(browser).await;
        assert_eq!(messages.len(), 6);
        assert!(told(&messages).contains(theirs) && !told(&messages).contains(others));
        let page = browser.get("/flow").await.body;
        assert!(page.contains(theirs) && !page.contains(others));
    }
    says_nothing(&nobody).await;
    let page = nobody.get("/flow").await.body;
    assert!(!page.contains("grace.hopper@") && !page.contains("sam@"));
}
