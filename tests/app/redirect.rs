//! The table "at `/redirect`" of the contract, up to the exchange: what is refused before Smartsheet is asked anything.

use std::fmt::Write as _;

use crate::support::{Browser, MINUTE, Page, Provider, SECOND, TestApp, World, until};

/// A browser whose sign-in waits for the callback; with its state.
async fn waiting(app: &TestApp) -> (Browser, String) {
    let browser = Browser::new(app);
    let state = browser.begin_with_state().await;
    (browser, state)
}

/// Asserts that the callback is refused alike as a page and as problem details, and that nobody is signed in afterwards.
/// `{state}` in the query stands for the state of a sign-in that waits.
async fn refused(app: &TestApp, query: &str, status: u16, kind: &str, texts: &[&str]) -> Page {
    let (browser, state) = waiting(app).await;
    let path = format!("/redirect?{}", query.replace("{state}", &state));
    let page = browser.get(&path).await;
    page.is_error(status, texts);
    assert!(!page.body.contains(&state), "{query}");
    browser.get("/me").await.is_signed_out();

    let (browser, state) = waiting(app).await;
    let path = format!("/redirect?{}", query.replace("{state}", &state));
    let problem = browser.json(&path).await;
    problem.is_problem(status, kind);
    assert!(!problem.body.contains(&state), "{query}");
    browser.json("/me").await.is_problem(401, "signed-out");
    page
}

#[tokio::test]
async fn a_state_that_is_missing_or_unknown() {
    let provider = Provider::well_behaved().await;
    let app = provider.setup().start().await;
    for query in [
        "code=c",
        "code=c&state=",
        "code=c&state=unknown",
        "code=c&state={state}x",
        "code=c&state=%00",
        "error=access_denied",
        "error=access_denied&state=unknown",
        "error=server_error&state=unknown",
    ] {
        refused(
            &app,
            query,
            400,
            "state-unknown",
            &["This sign-in is no longer valid", "Continue"],
        )
        .await;
    }
    assert_eq!(provider.lines(), [""; 0]);
}

#[tokio::test]
async fn a_state_of_another_browser() {
    let provider = Provider::well_behaved().await;
    let app = provider.setup().start().await;
    let (victim, state) = waiting(&app).await;
    let path = format!("/redirect?code=c&state={state}");
    // One that has a sign-in of its own under way, and one without any cookie.
    let (attacker, _) = waiting(&app).await;
    for other in [attacker, Browser::new(&app)] {
        other
            .get(&path)
            .await
            .is_error(400, &["This sign-in is no longer valid"]);
        other.json(&path).await.is_problem(400, "state-unknown");
        other.get("/me").await.is_signed_out();
    }
    assert_eq!(provider.lines(), [""; 0]);
    // Nor did they use it up.
    victim.get(&path).await.redirects_to("/me");
}

#[tokio::test]
async fn a_state_that_was_used() {
    let provider = Provider::well_behaved().await;
    let app = provider.setup().start().await;
    let (browser, state) = waiting(&app).await;
    let path = format!("/redirect?code=c&state={state}");
    let before = browser.copy_to(&app);
    browser.get(&path).await.redirects_to("/me");
    // Reloaded, and sent again with the cookies from before: to where it went, and nothing else.
    for again in [&browser, &before] {
        let page = again.get(&path).await;
        page.redirects_to("/me");
        assert_eq!(page.set_cookies(), [""; 0]);
        assert!(!page.body.contains("Ann"), "{page:?}");
    }
    assert_eq!(before.session(), None);
    before.get("/me").await.is_signed_out();
    // Another browser of the same person is another browser.
    let other = Browser::new(&app);
    other.sign_in_with_code("d").await.redirects_to("/me");
    other
        .get(&path)
        .await
        .is_error(400, &["This sign-in is no longer valid"]);
    other.json(&path).await.is_problem(400, "state-unknown");
    assert_eq!(provider.count("POST /2.0/token"), 2);
    // Whoever pressed "back" is still signed in.
    browser.get("/me").await.shows(200, &["Ann"]);
}

#[tokio::test]
async fn a_state_is_used_up_by_a_failure_too() {
    let provider = Provider::well_behaved().await;
    let app = provider.setup().start().await;
    let (browser, state) = waiting(&app).await;
    let denied = browser
        .get(&format!("/redirect?error=access_denied&state={state}"))
        .await;
    assert_eq!(denied.status, 403);
    let replayed = browser
        .get(&format!("/redirect?code=c&state={state}"))
        .await;
    replayed.is_error(400, &["This sign-in is no longer valid"]);
    assert_eq!(provider.lines(), [""; 0]);
}

#[tokio::test]
async fn of_many_callbacks_at_once_one_is_exchanged() {
    let provider = Provider::well_behaved().await;
    let app = provider.setup().start().await;
    let (browser, state) = waiting(&app).await;
    let path = format!("/redirect?code=c&state={state}");
    let callbacks = (0..12).map(|_| {
        let (tab, path) = (browser.clone(), path.clone());
        tokio::spawn(async move { tab.get(&path).await.status })
    });
    let mut statuses = Vec::new();
    for callback in callbacks.collect::<Vec<_>>() {
        statuses.push(callback.await.unwrap());
    }
    assert_eq!(statuses, [303; 12]);
    assert_eq!(provider.count("POST /2.0/token"), 1);
}

#[tokio::test]
async fn a_state_counts_for_ten_minutes() {
    let provider = Provider::well_behaved().await;
    let setup = provider.setup();
    let app = setup.start().await;

    let (browser, state) = waiting(&app).await;
    setup.clock.pass(10 * MINUTE + SECOND);
    let path = format!("/redirect?code=c&state={state}");
    browser
        .get(&path)
        .await
        .is_error(400, &["took longer than 10 minutes"]);
    assert_eq!(provider.lines(), [""; 0]);

    // A younger sign-in of the same browser keeps the session alive, but not the older sign-in.
    let (browser, old) = waiting(&app).await;
    setup.clock.pass(6 * MINUTE);
    let young = browser.begin_with_state().await;
    setup.clock.pass(4 * MINUTE + SECOND);
    let path = format!("/redirect?code=c&state={old}");
    browser.json(&path).await.is_problem(400, "state-unknown");
    assert_eq!(provider.lines(), [""; 0]);
    let path = format!("/redirect?code=c&state={young}");
    browser.get(&path).await.redirects_to("/me");

    let (browser, state) = waiting(&app).await;
    setup.clock.pass((10 * MINUTE).saturating_sub(SECOND));
    let path = format!("/redirect?code=c&state={state}");
    browser.get(&path).await.redirects_to("/me");
}

#[tokio::test]
async fn access_denied_is_a_friendly_page_and_stores_nothing() {
    let world = World::new().await;
    let browser = world.browser();
    let authorize = browser.begin("/login").await;
    let callback = browser.consent(&authorize, "deny", "full").await;
    assert!(callback.contains("error=access_denied"), "{callback}");
    let page = browser.get(&callback).await;
    page.is_error(
        403,
        &[
            "You chose not to sign in",
            "nothing about you was stored",
            "http://localhost:8080/login",
        ],
    );
    // What is left is a session for the record of these messages, and nobody is signed in with it.
    browser
        .get("/me")
        .await
        .redirects_to("/login?return_to=/me");
    assert_eq!(world.sandbox.requests().await, [""; 0]);

    let authorize = browser.begin("/login").await;
    let callback = browser.consent(&authorize, "deny", "full").await;
    browser
        .json(&callback)
        .await
        .is_problem(403, "access-denied");

    // And that goes when a sign-in would have ended.
    world.setup.clock.pass(11 * MINUTE);
    world.app.stop().await;
    let _app = world.setup.start().await;
    until("the sweep", async || {
        crate::sealed::rows(&world.setup).is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn whoever_is_signed_in_and_denies_stays_signed_in() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let authorize = browser.begin("/login").await;
    let callback = browser.consent(&authorize, "deny", "minimal").await;
    assert_eq!(browser.get(&callback).await.status, 403);
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
}

#[tokio::test]
async fn any_other_error_is_named_for_the_operator() {
    let provider = Provider::well_behaved().await;
    let app = provider.setup().start().await;
    for error in [
        "invalid_scope",
        "unsupported_response_type",
        "invalid_request",
        "invalid_client",
        "never_heard_of",
    ] {
        let texts = [error, "Whoever runs this app must act"];
        let query = format!("error={error}&state={{state}}");
        let page = refused(&app, &query, 502, "authorization-refused", &texts).await;
        let id = page.header("x-request-id").to_owned();
        let logged = crate::support::log::lines_with(&[&id, error]);
        assert!(!logged.is_empty(), "{error} is not in the log");
    }
    assert_eq!(provider.lines(), [""; 0]);
}

#[tokio::test]
async fn what_the_error_says_is_text_and_stays_short() {
    let provider = Provider::well_behaved().await;
    let app = provider.setup().start().await;
    let long = "x".repeat(4000);
    let query = format!(
        "error=%3Cscript%3Ealert(1)%3C/script%3E%0D%0AInjected:%20line&error_description={long}&state={{state}}"
    );
    let page = refused(&app, &query, 502, "authorization-refused", &["alert(1)"]).await;
    assert!(!page.body.contains("<script>"), "{}", page.body);
    assert!(page.body.len() < 8000, "{}", page.body.len());
    let id = page.header("x-request-id").to_owned();
    for line in crate::support::log::lines_with(&["Injected"]) {
        assert!(
            !line.starts_with("Injected"),
            "a forged line in the log of {id}"
        );
    }
}

#[tokio::test]
async fn an_error_beside_a_code_counts() {
    let provider = Provider::well_behaved().await;
    let app = provider.setup().start().await;
    let query = "code=c&error=invalid_scope&state={state}";
    refused(
        &app,
        query,
        502,
        "authorization-refused",
        &["invalid_scope"],
    )
    .await;
    assert_eq!(provider.lines(), [""; 0]);
}

#[tokio::test]
async fn a_callback_that_cannot_be_read() {
    let provider = Provider::well_behaved().await;
    let app = provider.setup().start().await;
    let too_long = "a".repeat(4097);
    let mut queries = vec![
        ("", "neither"),
        ("state={state}", "neither"),
        ("code=&state={state}", "neither"),
        ("error=&state={state}", "neither"),
        ("code=a&code=b&state={state}", "twice"),
        ("code=a&code=a&state={state}", "twice"),
        ("code=a&state={state}&state={state}", "twice"),
        ("error=a&error=b&state={state}", "twice"),
        ("code=a&state={state}&expires_in=1&expires_in=1", "twice"),
        ("code=%ff&state={state}", "UTF-8"),
        ("code=a&state=%C3%28", "UTF-8"),
        ("code=a&state={state}&other=%80", "UTF-8"),
        ("code=a&state={state}&%ff=x", "UTF-8"),
    ];
    let long = [
        "code=LONG&state={state}",
        "code=a&state=LONG",
        "error=LONG&state={state}",
        "code=a&state={state}&other=LONG",
    ]
    .map(|query| query.replace("LONG", &too_long));
    queries.extend(long.iter().map(|query| (query.as_str(), "4096")));
    for (query, text) in queries {
        let texts = ["This sign-in can’t be read", text];
        let page = refused(&app, query, 400, "callback-unreadable", &texts).await;
        assert!(page.body.len() < 8000, "{query}");
    }
    assert_eq!(provider.lines(), [""; 0]);
}

#[tokio::test]
async fn values_of_4096_bytes_are_read() {
    let provider = Provider::well_behaved().await;
    let app = provider.setup().start().await;
    let (browser, state) = waiting(&app).await;
    let code = "ä".repeat(2048);
    let encoded = code.bytes().fold(String::new(), |mut text, byte| {
        write!(text, "%{byte:02X}").unwrap();
        text
    });
    let path = format!("/redirect?code={encoded}&state={state}&expires_in=599135&unknown=x");
    browser.get(&path).await.redirects_to("/me");
    assert_eq!(provider.seen()[0].param("code").unwrap(), code);
}

#[tokio::test]
async fn a_callback_that_cannot_be_read_uses_up_no_state() {
    let provider = Provider::well_behaved().await;
    let app = provider.setup().start().await;
    let (browser, state) = waiting(&app).await;
    let page = browser.get(&format!("/redirect?state={state}")).await;
    assert_eq!(page.status, 400);
    browser
        .get(&format!("/redirect?code=c&state={state}"))
        .await
        .redirects_to("/me");
}
