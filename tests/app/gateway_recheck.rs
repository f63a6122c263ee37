//! What is known of a person gets old: Smartsheet is asked again, behind the answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::gateway::{BOARD, WIKI, with_sites};
use crate::support::app::BASE_URL;
use crate::support::{DAY, MINUTE, Provider, Reply, SECOND, Seen, TestApp, Visitor, until};

const ME: &str = "GET /2.0/users/me";

fn asked(request: &Seen) -> bool {
    request.line == ME
        && request
            .head
            .starts_with("get /2.0/users/me?include=groups ")
}

/// A person in group number `n`.
fn member(n: usize) -> Reply {
    let body = format!(
        r#"{{"id": 7, "email": "ann@example.com", "firstName": "Ann", "groups": [{{"id": 1, "name": "g{n}"}}]}}"#
    );
    Reply::json(200, &body)
}

/// Signs in at both sites, at a scripted provider.
async fn signed_in(app: &TestApp) -> Visitor {
    let ann = Visitor::new(app);
    let (_, page) = ann.walk(&format!("{WIKI}/auth/sign-in")).await;
    let authorize = url::Url::parse(page.location()).unwrap();
    let state = test_support::parameter(&authorize, "state").unwrap();
    let callback = format!("{BASE_URL}/redirect?code=c&state={state}");
    ann.walk(&callback).await.1.redirects_to("/");
    ann.walk(&format!("{BOARD}/auth/sign-in"))
        .await
        .1
        .redirects_to("/");
    ann
}

async fn groups(ann: &Visitor) -> String {
    let check = ann.check(WIKI).await;
    assert_eq!(check.status, 200, "{check:?}");
    check.header("remote-groups").to_owned()
}

#[tokio::test]
async fn once_for_any_number_of_checks_and_instances() {
    let asking = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asking);
    let provider = Provider::start(move |request, n| {
        asked(request).then(|| {
            counter.fetch_add(1, Ordering::SeqCst);
            member(n)
        })
    })
    .await;
    let setup = with_sites(provider.setup());
    let (one, two) = (setup.start().await, setup.start().await);
    let ann = signed_in(&one).await;
    let there = ann.copy_to(&two);
    setup.clock.pass(14 * MINUTE);
    assert_eq!(
        (groups(&ann).await, groups(&there).await),
        ("g0".to_owned(), "g0".to_owned())
    );
    setup.clock.pass(MINUTE);
    // All of them are answered with what is known, or with what has just been learned.
    let mut checks = JoinSet::new();
    for number in 0..50 {
        let tab = if number % 2 == 0 {
            ann.clone()
        } else {
            there.clone()
        };
        checks.spawn(async move { groups(&tab).await });
    }
    let answers = checks.join_all().await;
    assert!(
        answers.iter().all(|group| group == "g0" || group == "g1"),
        "{answers:?}"
    );
    until("the new group", async || {
        (groups(&there).await == "g1").then_some(())
    })
    .await;
    assert_eq!(groups(&ann).await, "g1");
    assert_eq!(asking.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn nobody_waits_for_it() {
    let provider = Provider::start(|request, n| {
        asked(request).then(|| if n == 0 { member(0) } else { Reply::silence() })
    })
    .await;
    let setup = with_sites(provider.setup()).patience(Duration::from_millis(800));
    let app = setup.start().await;
    let ann = signed_in(&app).await;
    setup.clock.pass(DAY);
    for _ in 0..3 {
        let check = tokio::time::timeout(Duration::from_millis(700), groups(&ann)).await;
        assert_eq!(check.expect("it does not wait"), "g0");
        provider.arrived(ME, 2).await;
    }
    assert_eq!(provider.count(ME), 2);
}

#[tokio::test]
async fn a_smartsheet_that_does_not_answer_ends_nothing() {
    let faults: [fn() -> Reply; 6] = [
        || Reply::error(500, 4000, "unexpected"),
        || Reply::error(503, 4001, "maintenance"),
        || Reply::error(429, 4003, "rate_limit"),
        || Reply::error(403, 1004, "not_authorized"),
        || Reply::json(200, "{\"id\": null, \"email\": 1}"),
        Reply::reset,
    ];
    for fault in faults {
        let provider = Provider::start(move |request, n| {
            asked(request).then(|| if n == 0 { member(0) } else { fault() })
        })
        .await;
        let setup = with_sites(provider.setup());
        let app = setup.start().await;
        let ann = signed_in(&app).await;
        setup.clock.pass(15 * MINUTE);
        assert_eq!(groups(&ann).await, "g0");
        provider.arrived(ME, 2).await;
        let before = provider.count(ME);
        assert_eq!(groups(&ann).await, "g0");
        assert_eq!(ann.check(BASE_URL).await.status, 200);
        // Asked again no sooner than in a minute.
        setup.clock.pass(59 * SECOND);
        assert_eq!(groups(&ann).await, "g0");
        let after = provider.count(ME);
        assert!(after <= before + 3, "{before} {after}");
        setup.clock.pass(2 * SECOND);
        until("it is asked again", async || {
            groups(&ann).await;
            (provider.count(ME) > after).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_grant_that_is_gone_ends_the_login() {
    let gone = Arc::new(AtomicBool::new(false));
    let revoked = Arc::clone(&gone);
    let provider = Provider::start(move |request, n| {
        let gone = revoked.load(Ordering::SeqCst);
        match request.line.as_str() {
            ME if gone => Some(Reply::error(401, 1002, "invalid_token")),
            ME => Some(member(n)),
            "POST /2.0/token" if gone => Some(Reply::error(400, 1132, "invalid_grant")),
            _ => None,
        }
    })
    .await;
    let setup = with_sites(provider.setup());
    let app = setup.start().await;
    let ann = signed_in(&app).await;
    gone.store(true, Ordering::SeqCst);
    setup.clock.pass(15 * MINUTE);
    assert_eq!(ann.check(WIKI).await.status, 200);
    until("the end", async || {
        (ann.check(WIKI).await.status == 401).then_some(())
    })
    .await;
    for site in [BOARD, BASE_URL] {
        assert_eq!(ann.check(site).await.status, 401, "{site}");
    }
}

#[tokio::test]
async fn an_expired_token_is_refreshed_once_for_it() {
    let provider = Provider::start(|request, n| asked(request).then(|| member(n))).await;
    let setup = with_sites(provider.setup()).set("session.idle_timeout", "30d");
    let app = setup.start().await;
    let ann = signed_in(&app).await;
    setup.clock.pass(8 * DAY);
    let mut checks = JoinSet::new();
    for _ in 0..100 {
        let tab = ann.clone();
        checks.spawn(async move { tab.check(WIKI).await.status });
    }
    assert!(checks.join_all().await.iter().all(|status| *status == 200));
    until("the new group", async || {
        (groups(&ann).await == "g1").then_some(())
    })
    .await;
    assert_eq!(provider.count("POST /2.0/token"), 2);
    assert_eq!(provider.count(ME), 2);
}

/// Smartsheet does not say who it is at the sign-in: that succeeds all the same, and it is asked when it is needed.
#[tokio::test]
async fn who_it_is_can_be_learned_later() {
    let provider = Provider::start(|request, n| {
        asked(request).then(|| match n {
            // The sign-in's own, with its repetitions, and the first grant's.
            0..8 => Reply::error(503, 4001, "maintenance"),
            n => member(n),
        })
    })
    .await;
    let setup = with_sites(provider.setup());
    let app = setup.start().await;
    let ann = Visitor::new(&app);
    let (_, page) = ann.walk(&format!("{WIKI}/auth/sign-in")).await;
    let authorize = url::Url::parse(page.location()).unwrap();
    let state = test_support::parameter(&authorize, "state").unwrap();
    let callback = format!("{BASE_URL}/redirect?code=c&state={state}");
    let grant = ann.go(&callback).await.location().to_owned();
    let page = ann.go(&format!("{BASE_URL}{grant}")).await;
    page.is_error(503, &["Smartsheet is not available"]);
    // Nobody yet, as far as checks know; they have it asked, and wait for nothing.
    let check = ann.check(BASE_URL).await;
    assert_eq!((check.status, check.header("retry-after")), (503, "1"));
    until("it is known", async || {
        setup.clock.pass(MINUTE);
        (ann.check(BASE_URL).await.status == 200).then_some(())
    })
    .await;
    ann.walk(&format!("{WIKI}/auth/sign-in"))
        .await
        .1
        .redirects_to("/");
    assert_eq!(ann.check(WIKI).await.status, 200);
}
