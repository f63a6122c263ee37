//! A Smartsheet that wants to be left alone for a while: it is, and the person is told when to come again.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use crate::refresh::{LIFE, ME, TOKEN, signed_in};
use crate::support::{Browser, DAY, Provider, Reply, Seen};

/// Far above what an answer on loopback takes, far below what a person waits.
const SHORT: Duration = Duration::from_millis(800);

#[tokio::test]
async fn an_authorization_server_that_fails_is_not_the_operators_fault() {
    for error in ["temporarily_unavailable", "server_error"] {
        let provider = Provider::well_behaved().await;
        let browser = Browser::new(&provider.setup().start().await);
        let callback = format!("/redirect?error={error}&error_description=try+later&state=");
        let state = browser.begin_with_state().await;
        let page = browser.get(&format!("{callback}{state}")).await;
        let title = "Smartsheet can’t sign you in at the moment";
        page.is_error(503, &[title, error, "Start the sign-in again"]);
        assert!(!page.body.contains("misconfigured"), "{page:?}");
        let wait: u64 = page.header("retry-after").parse().unwrap();
        assert!((1..=120).contains(&wait), "{wait}");
        let state = browser.begin_with_state().await;
        let problem = browser.json(&format!("{callback}{state}")).await;
        problem.is_problem(503, "smartsheet-unavailable");
        assert_eq!(provider.lines(), [""; 0]);
        browser.sign_in_with_code("c").await.redirects_to("/me");
    }
}

#[tokio::test]
async fn the_other_errors_of_the_authorization_server_are() {
    for error in [
        "invalid_scope",
        "invalid_client",
        "invalid_request",
        "unsupported_response_type",
        "unauthorized_client",
        "something_new",
        "Server_error",
    ] {
        let provider = Provider::well_behaved().await;
        let browser = Browser::new(&provider.setup().start().await);
        let state = browser.begin_with_state().await;
        let callback = format!("/redirect?error={error}&state={state}");
        let page = browser.get(&callback).await;
        page.is_error(502, &["misconfigured", error]);
    }
}

fn in_words(format: &str, ahead: i64) -> String {
    let date = Timestamp::now().as_second() + ahead;
    let date = Timestamp::from_second(date).unwrap();
    date.strftime(format).to_string()
}

const IMF_FIXDATE: &str = "%a, %d %b %Y %H:%M:%S GMT";
const RFC_850: &str = "%A, %d-%b-%y %H:%M:%S GMT";
const ASCTIME: &str = "%a %b %e %H:%M:%S %Y";

fn pause(status: u16, retry_after: &str) -> Reply {
    let headers = match retry_after {
        "" => String::new(),
        value => format!("retry-after: {value}\r\n"),
    };
    let code = if status == 429 { 4003 } else { 4001 };
    Reply::with_headers(status, &headers, &format!(r#"{{"errorCode":{code}}}"#))
}

#[tokio::test]
async fn no_retry_after_makes_a_wait_shorter_than_ours() {
    for value in [
        "0".to_owned(),
        "-1".to_owned(),
        "soon".to_owned(),
        in_words(IMF_FIXDATE, -5),
        in_words(RFC_850, -5),
        in_words(ASCTIME, -5),
    ] {
        let shown = value.clone();
        let script =
            move |request: &Seen, n| (request.line == ME && n > 0).then(|| pause(429, &value));
        let adjust = |mut setup: crate::support::Setup| {
            // Nobody could wait for this: only a wait of nobody's asking would get to the second try.
            setup.retry.first_wait = DAY;
            setup.patience(SHORT)
        };
        let (provider, _setup, _app, browser) = signed_in(script, adjust).await;
        let page = browser.get("/me").await;
        // The visit ends with the pause where Smartsheet asked for one, and by its patience elsewhere.
        assert!([503, 504].contains(&page.status), "{page:?}");
        assert_eq!(provider.count(ME), 2, "{shown}");
    }
}

#[tokio::test]
async fn what_is_asked_for_is_waited_for_where_that_is_longer() {
    let script = |request: &Seen, n| (request.line == ME && n == 1).then(|| pause(503, "1"));
    let (provider, _setup, _app, browser) = signed_in(script, |setup| setup).await;
    let started = SystemTime::now();
    browser.get("/me").await.shows(200, &["Ann"]);
    assert!(started.elapsed().unwrap() >= Duration::from_secs(1));
    assert_eq!(provider.count(ME), 3);
}

#[tokio::test]
async fn a_wait_that_is_too_long_for_a_page_is_passed_on_at_once() {
    for value in [
        "60".to_owned(),
        in_words(IMF_FIXDATE, 60),
        in_words(RFC_850, 60),
        in_words(ASCTIME, 60),
    ] {
        let shown = value.clone();
        let script =
            move |request: &Seen, n| (request.line == ME && n > 0).then(|| pause(429, &value));
        let (provider, _setup, _app, browser) = signed_in(script, |setup| setup).await;
        let page = browser.get("/me").await;
        page.is_error(503, &["asks for a pause"]);
        let wait: u64 = page.header("retry-after").parse().unwrap();
        assert!((40..=60).contains(&wait), "{shown}: {wait}");
        assert_eq!(provider.count(ME), 2, "{shown}");
    }
    // Shorter than what is waited for in general, but not than what this visit still has.
    let script = |request: &Seen, n| (request.line == ME && n > 0).then(|| pause(503, "2"));
    let (provider, _setup, _app, browser) = signed_in(script, |setup| setup.patience(SHORT)).await;
    let page = browser.get("/me").await;
    page.is_error(503, &["offline for maintenance"]);
    assert_eq!((page.header("retry-after"), provider.count(ME)), ("2", 2));
}

/// How the token endpoint says that it wants a pause or is under maintenance, with what then is told: the kind, a text, and how
/// long to wait.
fn at_the_token_endpoint() -> Vec<(Reply, &'static str, &'static str, &'static str)> {
    let html = |status, headers| Reply::with_headers(status, headers, "<html>busy</html>");
    let (limit, down) = ("rate-limited", "smartsheet-unavailable");
    let (pauses, offline) = ("asks for a pause", "offline for maintenance");
    vec![
        (pause(429, "17"), limit, pauses, "17"),
        (pause(429, ""), limit, pauses, "60"),
        (pause(429, "0"), limit, pauses, "1"),
        (html(429, "retry-after: 5\r\n"), limit, pauses, "5"),
        (
            Reply::error(400, 4003, "invalid_request"),
            limit,
            pauses,
            "60",
        ),
        (Reply::error(200, 4003, ""), limit, pauses, "60"),
        (pause(503, "120"), down, offline, "120"),
        (pause(503, ""), down, offline, "30"),
        (html(503, ""), down, offline, "30"),
        (html(503, "retry-after: 9\r\n"), down, offline, "9"),
        (Reply::error(500, 4004, ""), down, offline, "30"),
        (Reply::error(500, 4001, ""), down, offline, "30"),
    ]
}

#[tokio::test]
async fn the_exchange_is_told_to_wait() {
    for index in 0..at_the_token_endpoint().len() {
        let (_, kind, text, wait) = at_the_token_endpoint().swap_remove(index);
        let provider = Provider::start(move |request, n| {
            (request.line == TOKEN && n < 2).then(|| at_the_token_endpoint().swap_remove(index).0)
        })
        .await;
        let browser = Browser::new(&provider.setup().start().await);
        let page = browser.sign_in_with_code("c").await;
        page.is_error(
            503,
            &[text, "so this sign-in failed", "Start the sign-in again"],
        );
        assert_eq!(page.header("retry-after"), wait, "{index}");
        assert_eq!(provider.lines(), [TOKEN], "{index}: sent again");
        let state = browser.begin_with_state().await;
        let problem = browser
            .json(&format!("/redirect?code=c&state={state}"))
            .await;
        problem.is_problem(503, kind);
        assert_eq!(problem.header("retry-after"), wait, "{index}");
        browser.sign_in_with_code("c").await.redirects_to("/me");
    }
}

#[tokio::test]
async fn a_refresh_is_told_to_wait_and_the_session_stays() {
    for index in 0..at_the_token_endpoint().len() {
        let (_, kind, text, wait) = at_the_token_endpoint().swap_remove(index);
        let script = move |request: &Seen, n| {
            (request.is_refresh() && n < 3).then(|| at_the_token_endpoint().swap_remove(index).0)
        };
        let (provider, setup, _app, browser) = signed_in(script, |setup| setup).await;
        setup.clock.pass(LIFE);
        let page = browser.get("/me").await;
        page.is_error(503, &[text, "You are still signed in"]);
        assert_eq!(page.header("retry-after"), wait, "{index}");
        assert_eq!(provider.lines(), [TOKEN, ME, TOKEN], "{index}: sent again");
        browser.json("/me").await.is_problem(503, kind);
        browser.get("/me").await.shows(200, &["Ann"]);
        let seen = provider.seen();
        let last = seen.iter().rfind(|seen| seen.is_refresh()).unwrap();
        assert_eq!(
            last.param("refresh_token").as_deref(),
            Some("refresh-secret-1")
        );
    }
}
