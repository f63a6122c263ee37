//! Refreshes that fail or are disturbed: what may pass keeps the session, and no pair gets lost.

use std::time::Duration;

use crate::refresh::{LIFE, ME, TOKEN, bearers, signed_in};
use crate::support::{Gate, MINUTE, Reply, Seen, until};

/// Where maintenance and the rate limit are among [`passing_failures`].
const PAUSES: [usize; 2] = [2, 3];

/// What may pass, at the token endpoint.
fn passing_failures() -> Vec<Reply> {
    vec![
        Reply::reset(),
        Reply::error(500, 4000, ""),
        Reply::error(503, 4001, ""),
        Reply::error(429, 4003, ""),
        Reply::json(502, "<html>Bad Gateway</html>"),
        Reply::json(200, r#"{"access_token":"cut o"#),
        // The operator's: the person's grant is fine.
        Reply::error(401, 1067, "invalid_client"),
        Reply::error(400, 1072, "invalid_grant"),
        Reply::error(400, 1238, "invalid_client"),
    ]
}

#[tokio::test]
async fn a_passing_failure_within_the_margin_goes_unnoticed() {
    for index in 0..passing_failures().len() {
        let script = move |request: &Seen, n| {
            (request.is_refresh() && n == 1).then(|| passing_failures().swap_remove(index))
        };
        let (provider, setup, _app, browser) = signed_in(script, |setup| setup).await;
        setup.clock.pass(LIFE.saturating_sub(MINUTE));
        browser.get("/me").await.shows(200, &["Ann"]);
        // A refresh is not repeated blindly; the old token still lives and is used.
        assert_eq!(provider.lines(), [TOKEN, ME, TOKEN, ME], "{index}");
        browser.get("/me").await.shows(200, &["Ann"]);
        assert_eq!(
            bearers(&provider),
            ["access-secret-1", "access-secret-1", "access-secret-3"]
        );
    }
}

#[tokio::test]
async fn a_passing_failure_keeps_the_session() {
    for index in 0..passing_failures().len() {
        let script = move |request: &Seen, n| {
            (request.is_refresh() && n == 1).then(|| passing_failures().swap_remove(index))
        };
        let (provider, setup, _app, browser) = signed_in(script, |setup| setup).await;
        setup.clock.pass(LIFE);
        let page = browser.get("/me").await;
        // Only these two say when to come again.
        let is_pause = PAUSES.contains(&index);
        let status = if is_pause { 503 } else { 502 };
        page.is_error(status, &["You are still signed in"]);
        assert_eq!(!page.header("retry-after").is_empty(), is_pause);
        assert_eq!(provider.lines(), [TOKEN, ME, TOKEN], "{index}");
        browser.get("/me").await.shows(200, &["Ann"]);
        let seen = provider.seen();
        assert_eq!(
            seen[3].param("refresh_token").as_deref(),
            Some("refresh-secret-1")
        );
    }
}

#[tokio::test]
async fn a_refresh_that_takes_too_long_keeps_the_session() {
    let script = move |request: &Seen, n| (request.is_refresh() && n == 1).then(Reply::silence);
    let patience = Duration::from_millis(800);
    let (provider, setup, _app, browser) =
        signed_in(script, |setup| setup.patience(patience)).await;
    setup.clock.pass(LIFE);
    browser.get("/me").await.is_error(
        504,
        &["Smartsheet took too long", "You are still signed in"],
    );
    assert_eq!(provider.count(TOKEN), 2);
    // Whoever comes before that refresh has given up, too, still waits for it.
    let next = until("the next refresh", async || {
        Some(browser.get("/me").await).filter(|page| page.status != 504)
    });
    next.await.shows(200, &["Ann"]);
    assert_eq!(provider.count(TOKEN), 3);
}

#[tokio::test]
async fn invalid_grant_drops_the_tokens() {
    for (code, error) in [
        (1069, "invalid_grant"),
        (1071, "invalid_grant"),
        (1132, "invalid_grant"),
        (9999, "invalid_grant"),
    ] {
        let script =
            move |request: &Seen, _| request.is_refresh().then(|| Reply::error(400, code, error));
        let (provider, setup, _app, browser) = signed_in(script, |setup| setup).await;
        setup.clock.pass(LIFE.saturating_sub(MINUTE));
        browser
            .get("/me")
            .await
            .is_error(401, &["Please sign in again", "/login"]);
        browser.get("/me").await.is_signed_out();
        browser
            .get("/")
            .await
            .shows(200, &["Sign in with Smartsheet"]);
        assert_eq!(provider.lines(), [TOKEN, ME, TOKEN], "{code}");
    }
}

#[tokio::test]
async fn a_visitor_who_goes_away_during_a_refresh_loses_no_pair() {
    let gate = Gate::closed();
    let held = gate.clone();
    let script = move |request: &Seen, n| {
        request
            .is_refresh()
            .then(|| Reply::pair(n + 1).behind(&held))
    };
    let (provider, setup, app, browser) = signed_in(script, |setup| setup).await;
    setup.clock.pass(LIFE);
    let impatient = browser.clone();
    let visit = tokio::spawn(async move { impatient.get("/me").await });
    provider.arrived(TOKEN, 2).await;
    visit.abort();
    // Even a stop of the server waits for it: for as long as anybody looks.
    let mut stopping = app.begin_to_stop();
    let look = tokio::time::timeout(Duration::from_millis(300), &mut stopping);
    assert!(look.await.is_err(), "it stopped with a refresh under way");
    gate.open();
    stopping.await.unwrap().unwrap();

    let browser = browser.copy_to(&setup.start().await);
    browser.get("/me").await.shows(200, &["Ann"]);
    assert_eq!(provider.count(TOKEN), 2);
    assert_eq!(bearers(&provider).last().unwrap(), "access-secret-2");
}

#[tokio::test]
async fn signing_out_during_a_refresh_leaves_no_session_and_no_pair() {
    sign_out_during_a_refresh(LIFE.saturating_sub(MINUTE)).await;
}

/// An expired token can't revoke anything, but the refresh under way brings one that can.
#[tokio::test]
async fn signing_out_during_a_refresh_of_an_expired_token() {
    sign_out_during_a_refresh(LIFE).await;
}

async fn sign_out_during_a_refresh(age: Duration) {
    let gate = Gate::closed();
    let held = gate.clone();
    let script = move |request: &Seen, n| {
        request
            .is_refresh()
            .then(|| Reply::pair(n + 1).behind(&held))
    };
    let (provider, setup, app, browser) = signed_in(script, |setup| setup).await;
    setup.clock.pass(age);
    let thief = browser.copy_to(&app);
    let tab = browser.clone();
    let visit = tokio::spawn(async move { tab.get("/me").await });
    provider.arrived(TOKEN, 2).await;
    browser.sign_out().await.redirects_to("/signed-out");
    gate.open();
    visit.await.unwrap().is_signed_out();

    // The pair that came too late was given back, as the first one was.
    provider.arrived("DELETE /2.0/token", 2).await;
    let seen = provider.seen();
    for token in ["access-secret-1", "access-secret-2"] {
        let revoked = seen.iter().any(|seen| {
            seen.line.starts_with("DELETE") && seen.head.contains(&format!("bearer {token}\r\n"))
        });
        assert!(revoked, "{token}");
    }
    assert_eq!(provider.count(TOKEN), 2);
    thief.get("/me").await.is_signed_out();
    browser.get("/me").await.is_signed_out();
    app.stop().await;
    assert_eq!(crate::sealed::rows(&setup).len(), 0);
}
