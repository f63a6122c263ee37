//! A callback that comes more than once, and many sign-ins of one browser at once.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::support::{Browser, Gate, MINUTE, Page, Provider, Reply, SECOND};

/// A provider that holds its token answers back until the gate opens.
async fn held() -> (Provider, Gate) {
    let gate = Gate::closed();
    let held = gate.clone();
    let provider = Provider::start(move |request, n| {
        (request.line == "POST /2.0/token").then(|| Reply::pair(n + 1).behind(&held))
    })
    .await;
    (provider, gate)
}

/// Asserts the redirect and nothing else.
#[track_caller]
fn is_bare_redirect(page: &Page, to: &str) {
    page.redirects_to(to);
    assert_eq!(page.set_cookies(), [""; 0]);
    assert_eq!(page.body, "");
}

#[tokio::test]
async fn a_second_callback_waits_for_the_first_and_goes_the_same_way() {
    let (provider, gate) = held().await;
    let app = provider.setup().start().await;
    let browser = Browser::new(&app);
    let authorize = browser.begin("/login?return_to=/flow").await;
    let state = test_support::parameter(&authorize, "state").unwrap();
    let callback = format!("/redirect?code=c&state={state}");
    // What a double click sends: the same request twice, with the same cookies.
    let second = browser.copy_to(&app);
    let spawn = |tab: &Browser| {
        let (tab, path) = (tab.clone(), callback.clone());
        tokio::spawn(async move { tab.get(&path).await })
    };
    let one = spawn(&browser);
    provider.arrived("POST /2.0/token", 1).await;
    let two = spawn(&second);
    // It waits: for as long as anybody looks.
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert!(!two.is_finished());
    gate.open();
    one.await.unwrap().redirects_to("/flow");
    is_bare_redirect(&two.await.unwrap(), "/flow");
    assert_eq!(provider.lines(), ["POST /2.0/token"]);
    assert!(second.session().is_none());
    browser.get("/me").await.shows(200, &["Ann"]);
}

#[tokio::test]
async fn a_second_callback_waits_no_longer_than_a_page() {
    let (provider, _gate) = held().await;
    let app = provider
        .setup()
        .patience(Duration::from_millis(400))
        .start()
        .await;
    let browser = Browser::new(&app);
    let state = browser.begin_with_state().await;
    let callback = format!("/redirect?code=c&state={state}");
    let (one, two) = (browser.copy_to(&app), browser.copy_to(&app));
    let (one, two) = tokio::join!(one.get(&callback), two.get(&callback));
    // Whichever came first asked; the other one gave up waiting, or learned that it had failed.
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert!(matches!(statuses, [400 | 504, 504]), "{statuses:?}");
    assert_eq!(provider.lines(), ["POST /2.0/token"]);
    // It failed, and stays failed.
    browser
        .get(&callback)
        .await
        .is_error(400, &["This sign-in is no longer valid"]);
}

#[tokio::test]
async fn a_reload_counts_for_ten_minutes_and_for_this_browser() {
    let provider = Provider::well_behaved().await;
    let setup = provider.setup();
    let app = setup.start().await;
    let browser = Browser::new(&app);
    let state = browser.begin_with_state().await;
    let callback = format!("/redirect?code=c&state={state}");
    browser.get(&callback).await.redirects_to("/me");
    browser.get("/me").await.shows(200, &["Ann"]);
    setup.clock.pass((10 * MINUTE).saturating_sub(SECOND));
    is_bare_redirect(&browser.get(&callback).await, "/me");
    // Another code does not make it another sign-in.
    let other = format!("/redirect?code=other&state={state}");
    is_bare_redirect(&browser.get(&other).await, "/me");
    assert_eq!(provider.count("POST /2.0/token"), 1);
    // Somebody who finds the address, signed in or not.
    let stranger = Browser::new(&app);
    stranger
        .get(&callback)
        .await
        .is_error(400, &["This sign-in is no longer valid"]);
    stranger.sign_in_with_code("d").await.redirects_to("/me");
    stranger
        .get(&callback)
        .await
        .is_error(400, &["This sign-in is no longer valid"]);
    setup.clock.pass(2 * SECOND);
    browser
        .get(&callback)
        .await
        .is_error(400, &["This sign-in is no longer valid"]);
    browser.get("/me").await.shows(200, &["Ann"]);
}

/// Another instance on the same store knows what became of it.
#[tokio::test]
async fn a_reload_may_reach_another_instance() {
    let provider = Provider::well_behaved().await;
    let setup = provider.setup();
    let (one, two) = (setup.start().await, setup.start().await);
    let browser = Browser::new(&one);
    let state = browser.begin_with_state().await;
    let callback = format!("/redirect?code=c&state={state}");
    browser.get(&callback).await.redirects_to("/me");
    is_bare_redirect(&browser.copy_to(&two).get(&callback).await, "/me");
    assert_eq!(provider.count("POST /2.0/token"), 1);
}

#[tokio::test]
async fn a_sign_in_that_failed_is_not_under_way() {
    let provider = Provider::start(|request, _| {
        (request.line == "POST /2.0/token")
            .then(|| Reply::json(400, r#"{"errorCode": 1071, "error": "invalid_grant"}"#))
    })
    .await;
    let app = provider.setup().start().await;
    let browser = Browser::new(&app);
    let state = browser.begin_with_state().await;
    let before = browser.copy_to(&app);
    let callback = format!("/redirect?code=c&state={state}");
    browser
        .get(&callback)
        .await
        .is_error(400, &["This sign-in has expired"]);
    for again in [browser, before] {
        again
            .get(&callback)
            .await
            .is_error(400, &["This sign-in is no longer valid"]);
    }
    assert_eq!(provider.lines(), ["POST /2.0/token"]);
}

/// A browser that starts with twenty tabs of the app restored, and has no cookie yet: no tab knows of the others' answers.
#[tokio::test]
async fn twenty_tabs_at_once_without_a_cookie_all_arrive() {
    let provider = Provider::well_behaved().await;
    let app = provider.setup().start().await;
    let browser = Browser::new(&app);
    let mut started = JoinSet::new();
    for tab in 0..20 {
        let without_cookies = Browser::new(&app);
        started.spawn(async move {
            let page = without_cookies
                .get(&format!("/login?return_to=/me?tab={tab}"))
                .await;
            (tab, page)
        });
    }
    let mut callbacks = Vec::new();
    while let Some(answered) = started.join_next().await {
        let (tab, page) = answered.unwrap();
        let state = test_support::parameter(&page.location().parse().unwrap(), "state");
        let set = page.set_cookies().remove(0);
        let (name, rest) = set.split_once('=').unwrap();
        browser.set_cookie(name, rest.split(';').next().unwrap());
        callbacks.push((
            tab,
            format!("/redirect?code=code-{tab}&state={}", state.unwrap()),
        ));
    }
    assert_eq!(browser.cookies().len(), 20);
    let mut arriving = JoinSet::new();
    for (tab, callback) in callbacks {
        let browser = browser.clone();
        arriving.spawn(async move { (tab, browser.get(&callback).await) });
    }
    while let Some(arrived) = arriving.join_next().await {
        let (tab, page) = arrived.unwrap();
        page.redirects_to(&format!("/me?tab={tab}"));
    }
    // Whichever session it is that the browser was given last.
    browser.get("/me").await.shows(200, &["Ann"]);
    assert_eq!(browser.cookies().len(), 1);
}
