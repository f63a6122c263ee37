//! Tabs of one browser that sign in at the same time, and answers that come late.

use std::time::Duration;

use crate::support::{Browser, Gate, MINUTE, Provider, Reply, SECOND, Setup, World, until};

const REVOKED: &str = "DELETE /2.0/token 200";

fn often(mut setup: Setup) -> Setup {
    setup.sweep_every = SECOND / 50;
    setup
}

/// Tabs that sign in at once: each comes back with the cookies of before, because neither has seen the others' answers.
async fn signed_in_at_once(world: &World, number: usize) -> Vec<Browser> {
    let browser = world.browser();
    let mut callbacks = Vec::new();
    for _ in 0..number {
        let authorize = browser.begin("/login").await;
        callbacks.push(browser.consent(&authorize, "allow", "full").await);
    }
    let mut tabs = Vec::new();
    for callback in callbacks {
        let tab = browser.copy_to(&world.app);
        tab.get(&callback).await.redirects_to("/me");
        world.setup.clock.pass(SECOND);
        tabs.push(tab);
    }
    tabs
}

/// The page of the tab whose cookie the browser did not keep is answered late: that says nothing against the other session.
#[tokio::test]
async fn a_late_visit_of_another_tab_does_not_end_the_session_that_the_browser_keeps() {
    let world = World::new().await;
    let tabs = signed_in_at_once(&world, 2).await;
    let [lost, kept] = &tabs[..] else {
        unreachable!()
    };
    kept.get("/me").await.shows(200, &["Grace Hopper"]);
    lost.get("/me").await.shows(200, &["Grace Hopper"]);
    for _ in 0..20 {
        world.setup.clock.pass(MINUTE);
        kept.get("/me").await.shows(200, &["Grace Hopper"]);
    }
    // The other one is of no use to anybody, and has ended.
    lost.get("/me").await.is_signed_out();
}

/// The answers to two callbacks overtook each other, and the browser keeps the cookie of the earlier sign-in.
#[tokio::test]
async fn the_session_that_the_browser_comes_with_stays_whichever_was_first() {
    let world = World::new().await;
    let tabs = signed_in_at_once(&world, 2).await;
    let [kept, lost] = &tabs[..] else {
        unreachable!()
    };
    kept.get("/me").await.shows(200, &["Grace Hopper"]);
    lost.get("/me").await.shows(200, &["Grace Hopper"]);
    world.setup.clock.pass(MINUTE);
    for _ in 0..4 {
        kept.get("/me").await.shows(200, &["Grace Hopper"]);
        world.setup.clock.pass(11 * MINUTE);
    }
    kept.get("/me").await.shows(200, &["Grace Hopper"]);
    lost.get("/me").await.is_signed_out();
}

/// The browser keeps the cookie of one; no other is anybody's after the sign-out.
#[tokio::test]
async fn a_sign_out_ends_the_sessions_of_tabs_that_signed_in_at_the_same_time() {
    let world = World::new().await;
    let tabs = signed_in_at_once(&world, 5).await;
    for tab in &tabs[1..] {
        tab.get("/me").await.shows(200, &["Grace Hopper"]);
    }
    tabs[4].sign_out().await.redirects_to("/signed-out");
    for tab in &tabs {
        tab.get("/me").await.is_signed_out();
    }
    until("the revocations", async || {
        let requests = world.sandbox.requests().await;
        let revoked = requests.iter().filter(|line| *line == REVOKED).count();
        (revoked == 5).then_some(())
    })
    .await;
    assert_eq!(world.sandbox.live_grants().await, 0);
}

/// A tab waits for a grant that turns out to be gone; meanwhile the person has signed in again in another one.
#[tokio::test]
async fn a_late_answer_to_an_old_session_leaves_the_new_cookie() {
    let gate = Gate::closed();
    let held = gate.clone();
    let provider = Provider::start(move |request, _| {
        request.is_refresh().then(|| {
            Reply::json(400, r#"{"errorCode": 1071, "error": "invalid_grant"}"#).behind(&held)
        })
    })
    .await;
    let setup = provider.setup();
    let app = setup.start().await;
    let browser = Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    browser.get("/me").await.shows(200, &["Ann"]);
    let tokens = provider.count("POST /2.0/token");
    setup.clock.pass(Duration::from_secs(604_700));

    let old = {
        let tab = browser.clone();
        tokio::spawn(async move { tab.get("/me").await })
    };
    provider.arrived("POST /2.0/token", tokens + 1).await;
    let new = Browser::new(&app);
    new.sign_in_with_code("d").await.redirects_to("/me");
    browser.set_cookie("session", &new.session().unwrap());
    browser.get("/me").await.shows(200, &["Ann"]);
    gate.open();
    old.await.unwrap();
    browser.get("/me").await.shows(200, &["Ann"]);
}

/// What nobody can open any more, because the key was changed, must not stand before what can be given back.
#[tokio::test]
async fn revocations_that_do_not_open_hold_up_no_others() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use base64::Engine as _;
    let key = |byte| base64::engine::general_purpose::STANDARD.encode([byte; 32]);
    let works = Arc::new(AtomicBool::new(false));
    let is_up = Arc::clone(&works);
    let provider = Provider::start(move |request, _| {
        let is_revocation = request.line == "DELETE /2.0/token";
        (is_revocation && !is_up.load(Ordering::SeqCst)).then(|| Reply::json(503, "{}"))
    })
    .await;
    let setup = often(provider.setup()).set("server.rate_limit", "off");
    for (byte, sessions) in [(1, 101), (2, 1)] {
        let app = setup.clone().set("session.key", &key(byte)).start().await;
        for _ in 0..sessions {
            let browser = Browser::new(&app);
            browser.sign_in_with_code("c").await.redirects_to("/me");
            browser.sign_out().await.redirects_to("/signed-out");
        }
        app.stop().await;
    }
    works.store(true, Ordering::SeqCst);
    let tried = provider.count("DELETE /2.0/token");
    setup.clock.pass(3 * MINUTE);
    let app = setup.clone().set("session.key", &key(2)).start().await;
    provider.arrived("DELETE /2.0/token", tried + 1).await;
    app.stop().await;
}
