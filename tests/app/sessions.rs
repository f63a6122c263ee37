//! Sessions as a browser sees them: the cookie, new ids, two tabs, restarts, and how long they last.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::sealed::rows;
use crate::support::{
    Browser, DAY, Gate, HOUR, MINUTE, Page, Provider, Reply, SECOND, Setup, World, until,
};

#[tokio::test]
async fn the_cookie_under_http() {
    let provider = Provider::well_behaved().await;
    let browser = Browser::new(&provider.setup().start().await);
    let login = browser.get("/login").await;
    assert_eq!(login.set_cookies().len(), 1);
    let state = test_support::parameter(&login.location().parse().unwrap(), "state").unwrap();
    let callback = browser
        .get(&format!("/redirect?code=c&state={state}"))
        .await;
    let parts = |cookie: &str| {
        let (pair, attributes) = cookie.split_once("; ").unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        let mut attributes: Vec<String> = attributes.split("; ").map(str::to_owned).collect();
        attributes.sort_unstable();
        (name.to_owned(), value.to_owned(), attributes.join("; "))
    };
    // A sign-in under way: sealed, for ten minutes, gone with the callback.
    let (sign_in, value, attributes) = parts(&login.set_cookies()[0]);
    assert!(sign_in.starts_with("sign-in-"), "{sign_in}");
    assert_eq!(attributes, "HttpOnly; Max-Age=600; Path=/; SameSite=Lax");
    assert!(!value.contains(&state) && !sign_in.contains(&state[..8]));
    let cookies = callback.set_cookies();
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    let (name, value, attributes) = parts(&cookies[1]);
    assert_eq!((name, value.as_str()), (sign_in, ""));
    assert_eq!(attributes, "HttpOnly; Max-Age=0; Path=/; SameSite=Lax");
    let (name, value, attributes) = parts(&cookies[0]);
    assert_eq!(name, "session");
    // 90 days: the session's own lifetime.
    assert_eq!(
        attributes,
        "HttpOnly; Max-Age=7776000; Path=/; SameSite=Lax"
    );
    // A bare pointer: 128 bits and nothing else.
    assert_eq!(URL_SAFE_NO_PAD.decode(value).unwrap().len(), 16);
}

#[tokio::test]
async fn the_cookie_under_https() {
    let provider = Provider::well_behaved().await;
    let setup = provider
        .setup()
        .set("server.base_url", "https://demo.example.com");
    let app = setup.start().await;
    let browser = Browser::new(&app);
    let login = browser.get("/login").await;
    let state = test_support::parameter(&login.location().parse().unwrap(), "state").unwrap();
    let callback = browser
        .get(&format!("/redirect?code=c&state={state}"))
        .await;
    callback.redirects_to("/me");
    let removal = browser.sign_out().await;
    let all = [&login, &callback, &removal].map(Page::set_cookies);
    let all = all.concat();
    assert_eq!(all.len(), 5, "{all:?}");
    for cookies in all.chunks(1) {
        let mut parts = cookies[0].split("; ");
        let pair = parts.next().unwrap();
        let names = ["__Host-session=", "__Host-sign-in-", "__Host-signed-out="];
        assert!(names.iter().any(|name| pair.starts_with(name)), "{pair}");
        let attributes: Vec<&str> = parts.collect();
        // Without any of the first two, browsers refuse a `__Host-` cookie, a removal included.
        for attribute in ["Secure", "Path=/", "HttpOnly"] {
            assert!(
                attributes.contains(&attribute),
                "{attribute} of {cookies:?}"
            );
        }
        assert!(!cookies[0].contains("Domain"), "{cookies:?}");
    }
    for page in [login, callback] {
        assert!(page.set_cookies()[0].contains("; SameSite=Lax"), "{page:?}");
    }
    assert!(browser.session().is_none());
    // A cookie without the prefix is another site's, or was set over http.
    let forged = Browser::new(&app);
    forged.sign_in_with_code("c").await.redirects_to("/me");
    let id = forged.cookies()["__Host-session"].clone();
    let other = Browser::new(&app);
    other.set_cookie("session", &id);
    other.get("/me").await.is_signed_out();
    forged.get("/me").await.shows(200, &["Ann"]);
}

#[tokio::test]
async fn visitors_who_sign_in_nowhere_get_no_cookie() {
    let world = World::new().await;
    let browser = world.browser();
    for path in [
        "/",
        "/me",
        "/nothing",
        "/healthz",
        "/static/style.css",
        "/redirect?code=c&state=s",
    ] {
        browser.get(path).await;
    }
    assert!(browser.session().is_none());
    world.app.stop().await;
    assert_eq!(rows(&world.setup).len(), 0);
}

#[tokio::test]
async fn the_id_changes_at_sign_in_and_the_old_one_is_dead() {
    let world = World::new().await;
    let browser = world.browser();
    let authorize = browser.begin("/login").await;
    // Whoever planted or saw the cookies before the sign-in. There is no id yet.
    let thief = browser.copy_to(&world.app);
    let callback = browser.consent(&authorize, "allow", "full").await;
    browser.get(&callback).await.redirects_to("/me");
    let first = browser.session().unwrap();
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    assert_eq!(thief.session(), None);
    thief.get("/me").await.is_signed_out();

    // The same when somebody who is signed in signs in again.
    let thief = browser.copy_to(&world.app);
    browser.sign_in("minimal").await.redirects_to("/me");
    assert_ne!(browser.session().unwrap(), first);
    browser.get("/me").await.shows(200, &["sam@example.com"]);
    thief.get("/me").await.is_signed_out();
    world.app.stop().await;
    assert_eq!(rows(&world.setup).len(), 1);
}

#[tokio::test]
async fn an_id_that_a_browser_brings_is_never_taken_over() {
    let world = World::new().await;
    for planted in ["AAAAAAAAAAAAAAAAAAAAAA", "not-an-id", "", "0"] {
        let browser = world.browser();
        browser.set_cookie("session", planted);
        browser.sign_in("full").await.redirects_to("/me");
        assert_ne!(browser.session().unwrap(), planted);
    }
}

#[tokio::test]
async fn two_tabs_sign_in_and_both_arrive() {
    let world = World::new().await;
    let browser = world.browser();
    let one = browser.begin("/login?return_to=/me?tab=1").await;
    let two = browser.begin("/login?return_to=/me?tab=2").await;
    let one = browser.consent(&one, "allow", "full").await;
    let two = browser.consent(&two, "allow", "full").await;
    // The later one first, for once.
    browser.get(&two).await.redirects_to("/me?tab=2");
    browser.get(&one).await.redirects_to("/me?tab=1");
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    browser.get(&one).await.redirects_to("/me?tab=1");
    browser.get(&two).await.redirects_to("/me?tab=2");
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
}

#[tokio::test]
async fn two_tabs_whose_exchanges_run_at_the_same_time_both_arrive() {
    let gate = Gate::closed();
    let held = gate.clone();
    let provider = Provider::start(move |request, n| {
        (request.line == "POST /2.0/token").then(|| Reply::pair(n + 1).behind(&held))
    })
    .await;
    let app = provider.setup().start().await;
    let browser = Browser::new(&app);
    let mut tabs = Vec::new();
    for code in ["one", "two"] {
        let state = browser.begin_with_state().await;
        // Each with the cookie of before: neither has seen the other's answer.
        let tab = browser.copy_to(&app);
        tabs.push((tab, format!("/redirect?code={code}&state={state}")));
    }
    let arriving: Vec<_> = tabs
        .iter()
        .map(|(tab, callback)| {
            let (tab, callback) = (tab.clone(), callback.clone());
            tokio::spawn(async move { tab.get(&callback).await })
        })
        .collect();
    provider.arrived("POST /2.0/token", 2).await;
    gate.open();
    for arrived in arriving {
        arrived.await.unwrap().redirects_to("/me");
    }
    // Whichever cookie the browser keeps, it is signed in.
    for (tab, _) in tabs {
        tab.get("/me").await.shows(200, &["Ann"]);
    }
}

/// Sign-ins under way are the browser's to keep, so they cost the server nothing; and its cookies stay few.
#[tokio::test]
async fn a_tab_that_reloads_the_login_for_ever_grows_nothing() {
    let provider = Provider::well_behaved().await;
    let setup = provider.setup();
    let app = setup.start().await;
    let browser = Browser::new(&app);
    let long = format!("/login?return_to=/{}", "x".repeat(1000));
    for _ in 0..30 {
        browser.begin("/login").await;
        assert!(browser.cookies().len() <= 20);
    }
    assert_eq!(browser.cookies().len(), 20);
    for _ in 0..20 {
        browser.begin(&long).await;
        let bytes: usize = browser
            .cookies()
            .iter()
            .map(|(n, v)| n.len() + v.len())
            .sum();
        assert!(bytes < 8 * 1024, "{bytes}");
    }
    assert_eq!(crate::sealed::all_rows(&setup), 0);
    // The newest still works.
    browser.sign_in_with_code("c").await.redirects_to("/me");
}

#[tokio::test]
async fn a_restart_signs_nobody_out() {
    let setup = Setup::mounted();
    let app = setup.start().await;
    let browser = Browser::new(&app);
    browser.sign_in("full").await.redirects_to("/me");
    let waiting = Browser::new(&app);
    let authorize = waiting.begin("/login").await;
    app.stop().await;

    // App and sandbox are both new, on the same folder.
    let app = setup.start().await;
    let browser = browser.copy_to(&app);
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    // Who was about to consent arrives, too.
    let waiting = waiting.copy_to(&app);
    let callback = waiting.consent(&authorize, "allow", "minimal").await;
    waiting.get(&callback).await.redirects_to("/me");

    // The refresh token outlives the restart as well.
    setup.clock.pass((7 * DAY).saturating_sub(MINUTE));
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    let requests = app.mounted_sandbox().requests().await;
    assert!(
        requests.contains(&"POST /2.0/token refresh_token 200".to_owned()),
        "{requests:?}"
    );
    browser.sign_out().await.redirects_to("/signed-out");
    app.stop().await;
    browser
        .copy_to(&setup.start().await)
        .get("/me")
        .await
        .is_signed_out();
}

#[tokio::test]
async fn in_memory_a_restart_signs_everybody_out() {
    let provider = Provider::well_behaved().await;
    let setup = provider.setup().set("session.store", "memory");
    let app = setup.start().await;
    let browser = Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    browser.get("/me").await.shows(200, &["Ann"]);
    app.stop().await;
    browser
        .copy_to(&setup.start().await)
        .get("/me")
        .await
        .is_signed_out();
}

#[tokio::test]
async fn a_session_ends_when_nobody_visits_for_the_idle_time() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    for _ in 0..3 {
        world.setup.clock.pass((7 * DAY).saturating_sub(MINUTE));
        browser.get("/me").await.shows(200, &["Grace Hopper"]);
    }
    world.setup.clock.pass(7 * DAY + SECOND);
    world.sandbox.forget().await;
    browser.get("/me").await.is_signed_out();
    browser
        .get("/")
        .await
        .shows(200, &["Sign in with Smartsheet"]);
    assert_eq!(world.sandbox.requests().await, [""; 0]);
}

/// The idle time counts from the last visit, however short after the one before it was. A minute is allowed for not
/// writing on every visit.
#[tokio::test]
async fn every_visit_counts() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    world.setup.clock.pass(2 * HOUR);
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    world.setup.clock.pass((7 * DAY).saturating_sub(2 * MINUTE));
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
}

#[tokio::test]
async fn the_idle_time_is_a_setting() {
    let world = World::with(|setup| setup.set("session.idle_timeout", "1h")).await;
    let browser = world.signed_in("full").await;
    world.setup.clock.pass(HOUR.saturating_sub(SECOND));
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    world.setup.clock.pass(HOUR + SECOND);
    browser.get("/me").await.is_signed_out();
}

#[tokio::test]
async fn a_session_ends_after_its_lifetime_however_often_it_is_visited() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    for _ in 0..15 {
        world.setup.clock.pass((6 * DAY).saturating_sub(SECOND));
        browser.get("/me").await.shows(200, &["Grace Hopper"]);
    }
    world.setup.clock.pass(16 * SECOND);
    browser.get("/me").await.is_signed_out();
    // A new sign-in starts a new lifetime.
    browser.sign_in("full").await.redirects_to("/me");
    browser.arrive().await;
    world.setup.clock.pass(6 * DAY);
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
}

#[tokio::test]
async fn expired_sessions_are_swept() {
    let world = World::new().await;
    let old = world.signed_in("full").await;
    world.setup.clock.pass(7 * DAY + SECOND);
    let young = world.signed_in("minimal").await;
    assert_eq!(rows(&world.setup).len(), 2);
    world.app.stop().await;

    // It sweeps every minute, and at once when it starts.
    let app = world.setup.start().await;
    until("the sweep", async || {
        (rows(&world.setup).len() == 1).then_some(())
    })
    .await;
    young
        .copy_to(&app)
        .get("/me")
        .await
        .shows(200, &["sam@example.com"]);
    old.copy_to(&app).get("/me").await.is_signed_out();
}
