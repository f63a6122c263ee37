//! The figures: what people do is counted, each thing once and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use reqwest::Method;
use serde_json::json;
use smartsheet_oauth_demo::flow::FlowId;
use smartsheet_oauth_demo::metrics::Metrics;
use smartsheet_oauth_demo::oauth::{AccessToken, Token};
use smartsheet_oauth_demo::session::{Lifetimes, Login, Sealer, SessionData, Store};

use crate::support::exposition::{Exposition, get, scrape, scrape_counted};
use crate::support::rows::{FOREVER, FailingRows, app_on, serve};
use crate::support::secrets::Secrets;
use crate::support::{Browser, DAY, MINUTE, Page, Provider, SECOND, Setup, World, until};
use test_support::TestClock;

const REQUESTS: &str = "oauth_demo_http_request_duration_seconds";
const SIGN_INS: &str = "oauth_demo_sign_ins_total";
const REFRESHES: &str = "oauth_demo_token_refreshes_total";
const CALLS: &str = "oauth_demo_smartsheet_call_duration_seconds";
const STORE: &str = "oauth_demo_store_operation_duration_seconds";
const SESSIONS: &str = "oauth_demo_sessions";

/// With metrics, and a count of the sessions as often as a test wants to look.
pub(crate) fn measured(mut setup: Setup) -> Setup {
    setup.sweep_every = SECOND / 50;
    setup.set("server.metrics_listen", "127.0.0.1:0")
}

#[track_caller]
fn are<const N: usize>(counted: &BTreeMap<String, u64>, expected: [(&str, u64); N]) {
    let expected = expected.map(|(labels, count)| (labels.to_owned(), count));
    assert_eq!(*counted, BTreeMap::from(expected));
}

async fn press(browser: &Browser, path: &str) -> Page {
    let headers = [
        ("accept", "text/html"),
        ("origin", "null"),
        ("sec-fetch-site", "same-origin"),
    ];
    browser.send(Method::POST, path, &headers).await
}

/// Everything that has a figure, once or a few times.
async fn visits(world: &World) {
    let ann = world.browser();
    ann.get("/").await.shows(200, &[]);
    ann.sign_in("full").await.redirects_to("/me");
    ann.get("/me").await.shows(200, &["Grace Hopper"]);
    ann.get("/me").await.shows(200, &["Grace Hopper"]);
    press(&ann, "/refresh").await.redirects_to("/me");
    let fault = |path, fault| world.sandbox.fault(path, fault, 1, json!({}));
    fault("/2.0/token", "reset").await;
    press(&ann, "/refresh").await.is_error(502, &[]);
    ann.sign_out().await.redirects_to("/signed-out");

    let bob = world.browser();
    let authorize = bob.begin("/login").await;
    let denied = bob.consent(&authorize, "deny", "full").await;
    bob.get(&denied).await.is_error(403, &[]);
    let forged = "/redirect?code=MadeUpCode1234&state=MadeUpState1234";
    bob.get(forged).await.is_error(400, &[]);
    bob.get("/redirect?code=a&code=b").await.is_error(400, &[]);
    fault("/2.0/token", "malformed").await;
    bob.sign_in("full").await.is_error(502, &[]);

    for path in ["/nothing/MadeUpPath1234?code=MadeUpCode1234", "/metrics"] {
        assert_eq!(bob.get(path).await.status, 404);
    }
    let brew = Method::from_bytes(b"MadeUpMethod1234").unwrap();
    assert_eq!(bob.send(brew, "/me", &[]).await.status, 405);
    assert_eq!(bob.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn what_people_do_is_counted_once() {
    let world = World::with(measured).await;
    let address = world.app.metrics.unwrap();
    let before = scrape_counted(address).await;
    for outcome in before.values_of("outcome") {
        for name in [SIGN_INS, REFRESHES] {
            let count = before.value(name, &[("outcome", outcome)]);
            assert!(count.is_none_or(|count| count == 0.0), "{name} {outcome}");
        }
    }
    are(&before.counted(&format!("{REQUESTS}_count")), []);

    visits(&world).await;
    let after = scrape(address).await;
    are(
        &after.counted(&format!("{REQUESTS}_count")),
        [
            ("GET / 200", 1),
            ("GET /login 303", 3),
            ("GET /me 200", 2),
            ("GET /readyz 200", 1),
            ("GET /redirect 303", 1),
            ("GET /redirect 400", 2),
            ("GET /redirect 403", 1),
            ("GET /redirect 502", 1),
            ("GET (none) 404", 2),
            ("POST /logout 303", 1),
            ("POST /refresh 303", 1),
            ("POST /refresh 502", 1),
            ("other /me 405", 1),
        ],
    );
    are(
        &after.counted(SIGN_INS),
        [
            ("started", 3),
            ("succeeded", 1),
            ("denied", 1),
            ("unknown_state", 1),
            ("unreadable", 1),
            ("smartsheet_failed", 1),
        ],
    );
    are(&after.counted(REFRESHES), [("granted", 1), ("failed", 1)]);
    are(
        &after.counted(&format!("{CALLS}_count")),
        [
            ("token_exchange 200", 2),
            ("token_refresh 200", 1),
            ("token_refresh unreachable", 1),
            ("token_revocation 200", 1),
            ("users_me 200", 2),
        ],
    );
    // Calls take time, and a page that makes one takes longer than it.
    let took = |name: &str, labels: &[(&str, &str)]| {
        let sum = after.value(&format!("{name}_sum"), labels);
        sum.filter(|seconds| (0.0..20.0).contains(seconds)).unwrap()
    };
    let call = took(CALLS, &[("endpoint", "users_me"), ("outcome", "200")]);
    let page = took(
        REQUESTS,
        &[("method", "GET"), ("route", "/me"), ("status", "200")],
    );
    assert!(0.0 < call && call < page, "{call} {page}");
    let store = after.counted(&format!("{STORE}_count"));
    for operation in ["find", "apply", "expired", "due", "trim", "count"] {
        assert!(store.contains_key(&format!("{operation} ok")), "{store:?}");
    }
    assert!(!store.keys().any(|key| key.contains("error")), "{store:?}");
    tells_of_the_process(&after);
}

fn tells_of_the_process(figures: &Exposition) {
    let version = env!("CARGO_PKG_VERSION");
    let build = figures.value("oauth_demo_build_info", &[("version", version)]);
    assert_eq!(build, Some(1.0));
    assert_eq!(figures.value("oauth_demo_ready", &[]), Some(1.0));
    if cfg!(target_os = "linux") {
        let memory = figures.value("process_resident_memory_bytes", &[]).unwrap();
        assert!(memory > 1e6, "{memory}");
        let started = figures.value("process_start_time_seconds", &[]).unwrap();
        assert!(started > 1.7e9, "{started}");
        for name in ["open_fds", "max_fds", "threads", "virtual_memory_bytes"] {
            let value = figures.value(&format!("process_{name}"), &[]);
            assert!(value.unwrap() > 0.0, "{name}");
        }
        let cpu = figures.value("process_cpu_seconds_total", &[]);
        assert!(cpu.is_some());
    }
}

/// What each label may say. So no visitor makes a series, and nothing that belongs to somebody can be in one.
#[tokio::test]
async fn labels_say_what_is_known_beforehand_and_nobody_s_secret() {
    let provider = Provider::well_behaved().await;
    let app = measured(provider.setup()).start().await;
    let browser = Browser::new(&app);
    let mut secrets = Secrets::default();
    let state = browser.begin_with_state().await;
    secrets.add(&state);
    secrets.add(browser.cookies().into_values().next().unwrap());
    let callback = format!("/redirect?code=TheCodeOfAnn1234&state={state}");
    browser.get(&callback).await.redirects_to("/me");
    secrets.add_cookie(browser.session().unwrap());
    browser.get("/me").await.shows(200, &["Ann"]);
    browser.get("/me/MadeUpPath1234?q=MadeUpQuery1234").await;
    browser.get("/static/MadeUpFile1234").await;
    let brew = Method::from_bytes(b"MadeUpMethod1234").unwrap();
    let headers = [
        ("x-request-id", "MadeUpId1234"),
        ("x-forwarded-for", "198.51.100.77"),
        ("host", "made-up-host-1234.example"),
    ];
    browser.send(brew, "/", &headers).await;
    for secret in [
        "TheCodeOfAnn1234",
        "access-secret-1",
        "refresh-secret-1",
        "ann@example.com",
        "48569348493401200",
    ] {
        secrets.add(secret);
    }
    let page = get(app.metrics.unwrap(), "/metrics").await;
    assert_eq!(secrets.in_text(&page.body), [""; 0]);
    for made_up in [
        "MadeUp",
        "made-up",
        "198.51.100.77",
        "127.0.0.1",
        "localhost",
    ] {
        assert!(!page.body.contains(made_up), "{made_up} in {}", page.body);
    }
    let figures = Exposition::read(&page.body).unwrap();
    let routes = figures.values_of("route");
    let known = [
        "(none)",
        "/",
        "/login",
        "/me",
        "/redirect",
        "/static/{file}",
    ];
    assert_eq!(Vec::from_iter(routes), known);
    assert_eq!(
        Vec::from_iter(figures.values_of("method")),
        ["GET", "other"]
    );
    browser.sign_out().await.redirects_to("/signed-out");
}

#[tokio::test]
async fn live_sessions_go_up_and_down() {
    let world = World::with(measured).await;
    let address = world.app.metrics.unwrap();
    let are_counted = async |signed_in: f64, used: f64| {
        until("the sessions are counted", async || {
            let figures = scrape(address).await;
            let kind = |kind| figures.value(SESSIONS, &[("kind", kind)]);
            let counted = (kind("signed_in"), kind("used_state"));
            (counted == (Some(signed_in), Some(used))).then_some(())
        })
        .await;
    };
    are_counted(0.0, 0.0).await;
    let (ann, bob) = (world.browser(), world.browser());
    // A sign-in under way costs the server nothing.
    ann.begin("/login").await;
    ann.sign_in("full").await.redirects_to("/me");
    bob.sign_in("full").await.redirects_to("/me");
    for browser in [&ann, &bob] {
        browser.get("/me").await.shows(200, &["Grace Hopper"]);
    }
    are_counted(2.0, 2.0).await;
    ann.sign_out().await.redirects_to("/signed-out");
    are_counted(1.0, 2.0).await;
    world.setup.clock.pass(8 * DAY);
    are_counted(0.0, 0.0).await;
}

/// Those of an earlier run are there before the next time that it is counted.
#[tokio::test]
async fn sessions_are_counted_on_start() {
    let mut world = World::with(measured).await;
    world.browser().sign_in("full").await.redirects_to("/me");
    world.app.stop().await;
    world.setup.sweep_every = DAY;
    world.app = world.setup.start().await;
    until("the session is counted", async || {
        let figures = scrape(world.app.metrics.unwrap()).await;
        let count = figures.value(SESSIONS, &[("kind", "signed_in")]);
        (count == Some(1.0)).then_some(())
    })
    .await;
}

/// A store on `rows`, and what its figures say now.
fn store_on(
    rows: &Arc<FailingRows>,
    clock: &TestClock,
) -> (Store, impl Fn() -> BTreeMap<String, u64>) {
    let metrics = Metrics::new().unwrap();
    let lifetimes = Lifetimes {
        idle: 7 * DAY,
        total: 90 * DAY,
    };
    let sealer = Sealer::from_base64(&Sealer::new_key()).unwrap();
    let store = Store::new(rows.clone(), sealer, lifetimes, clock.for_app()).measured(&metrics);
    let counted = move || {
        let figures = Exposition::read(&metrics.text().unwrap()).unwrap();
        figures.counted(&format!("{STORE}_count"))
    };
    (store, counted)
}

/// A session with somebody signed in.
fn signed_in(clock: &TestClock) -> SessionData {
    let now = clock.now();
    let token = Token {
        access_token: AccessToken::new("a"),
        refresh_token: None,
        expires_at: now,
    };
    SessionData::new(Login::new(token, now), FlowId::random())
}

#[tokio::test]
async fn operations_of_the_store_are_counted_once_by_outcome() {
    let (rows, clock) = (Arc::<FailingRows>::default(), TestClock::new());
    let (store, counted) = store_on(&rows, &clock);
    are(&counted(), []);
    let id = store.create(signed_in(&clock)).await.unwrap().id;
    are(&counted(), [("apply ok", 1)]);
    clock.pass(MINUTE);
    store.visit(id).await.unwrap().unwrap();
    are(&counted(), [("apply ok", 2), ("find ok", 1)]);
    assert_eq!(store.end(id).await.unwrap().len(), 1);
    store.sweep().await.unwrap();
    store.count().await.unwrap();
    store.ping().await.unwrap();
    let done = [
        ("apply ok", 3),
        ("find ok", 2),
        ("delete_expired ok", 1),
        ("expired ok", 1),
        ("trim ok", 1),
        ("count ok", 1),
        ("ping ok", 1),
    ];
    are(&counted(), done);

    rows.fail(FOREVER);
    assert!(store.create(signed_in(&clock)).await.is_err());
    assert!(store.read(id).await.is_err());
    assert!(store.ping().await.is_err());
    assert!(store.sweep().await.is_err());
    assert!(store.count().await.is_err());
    let mut failed = BTreeMap::from(done.map(|(labels, count)| (labels.to_owned(), count)));
    for operation in ["apply", "find", "ping", "delete_expired", "count"] {
        failed.insert(format!("{operation} error"), 1);
    }
    assert_eq!(counted(), failed);
}

/// The app's own store is one that is measured, however the app was put together.
#[tokio::test]
async fn a_database_that_fails_shows() {
    let rows = Arc::<FailingRows>::default();
    let setup = Setup::mounted();
    let app = app_on(&setup, rows.clone());
    let browser = serve(smartsheet_oauth_demo::web::router(Arc::clone(&app))).await;
    rows.writes.store(1, Ordering::SeqCst);
    assert_eq!(browser.get("/readyz").await.status, 503);
    setup.clock.pass(SECOND);
    assert_eq!(browser.get("/readyz").await.status, 200);
    let figures = Exposition::read(&app.metrics.text().unwrap()).unwrap();
    let counted = figures.counted(&format!("{STORE}_count"));
    let store = [("apply error", 1), ("apply ok", 2), ("ping ok", 2)];
    are(&counted, store);
    let requests = figures.counted(&format!("{REQUESTS}_count"));
    are(&requests, [("GET /readyz 200", 1), ("GET /readyz 503", 1)]);
}
