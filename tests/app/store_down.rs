//! The session store fails: pages that need it say so and lose nothing, the others work.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use reqwest::Method;
use smartsheet_oauth_demo::web;

use crate::support::rows::{FOREVER, FailingRows, app_on, serve};
use crate::support::{Browser, DAY, MINUTE, Page, Provider, SECOND, Seen, Setup, World, until};

/// An app on rows that fail when told to, and a browser on it.
async fn app(provider: &Provider) -> (Setup, Arc<FailingRows>, Browser) {
    let setup = provider.setup();
    let rows = Arc::<FailingRows>::default();
    let app = app_on(&setup, Arc::clone(&rows) as _);
    let browser = serve(web::router(app)).await;
    (setup, rows, browser)
}

#[track_caller]
fn says_so(page: &Page) {
    page.is_error(
        503,
        &["Your session can’t be read right now", "Nothing is lost"],
    );
    let wait: u64 = page.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait));
}

#[tokio::test]
async fn pages_that_need_it_say_so_and_the_others_work() {
    let provider = Provider::well_behaved().await;
    let (setup, rows, browser) = app(&provider).await;
    browser.sign_in_with_code("c").await.redirects_to("/me");
    let state = browser.begin_with_state().await;
    let callback = format!("/redirect?code=d&state={state}");
    let session = browser.session();

    rows.fail(FOREVER);
    for path in ["/me", "/login", &callback] {
        says_so(&browser.get(path).await);
        let problem = browser.json(path).await;
        problem.is_problem(503, "store-unavailable");
        assert!(!problem.header("retry-after").is_empty());
        assert!(!problem.body.contains("pulled the plug"), "{problem:?}");
    }
    says_so(&browser.sign_out().await);
    browser
        .get("/")
        .await
        .shows(200, &["Sign in with Smartsheet"]);
    assert_eq!(browser.get("/healthz").await.status, 200);
    assert_eq!(browser.get("/static/style.css").await.status, 200);
    assert_eq!(browser.get("/readyz").await.status, 503);
    assert_eq!(browser.get("/nothing").await.status, 404);
    let cross = [("origin", "https://evil.example")];
    assert_eq!(
        browser.send(Method::POST, "/logout", &cross).await.status,
        403
    );
    assert_eq!(browser.session(), session, "the cookie was kept");
    assert_eq!(provider.lines(), ["POST /2.0/token"]);

    rows.fail(0);
    setup.clock.pass(SECOND);
    assert_eq!(browser.get("/readyz").await.status, 200);
    browser.get("/me").await.shows(200, &["Ann"]);
    browser.get(&callback).await.redirects_to("/me");
}

#[tokio::test]
async fn what_can_be_read_is_shown_though_nothing_can_be_written() {
    let provider = Provider::well_behaved().await;
    let (setup, rows, browser) = app(&provider).await;
    browser.sign_in_with_code("c").await.redirects_to("/me");
    browser.arrive().await;
    // So long after the last visit that this one would be noted.
    setup.clock.pass(DAY);
    rows.writes.store(FOREVER, Ordering::SeqCst);
    browser.get("/me").await.shows(200, &["Ann"]);
    browser.get("/").await.shows(200, &["Ann"]);
    says_so(&browser.get("/login").await);
    says_so(&browser.sign_out().await);
    browser.get("/me").await.shows(200, &["Ann"]);
    assert_eq!(provider.count("DELETE /2.0/token"), 0);
}

#[tokio::test]
async fn a_pair_that_can_not_be_stored_at_sign_in_is_given_back() {
    let rows = Arc::<FailingRows>::default();
    let plug = Arc::clone(&rows);
    let provider = Provider::start(move |request, _| {
        if request.line == "POST /2.0/token" {
            plug.writes.store(FOREVER, Ordering::SeqCst);
        }
        None
    })
    .await;
    let app = app_on(&provider.setup(), Arc::clone(&rows) as _);
    let browser = serve(web::router(app)).await;
    says_so(&browser.sign_in_with_code("c").await);
    let seen = provider.seen();
    assert_eq!(provider.lines(), ["POST /2.0/token", "DELETE /2.0/token"]);
    assert!(
        seen[1]
            .head
            .contains("authorization: bearer access-secret-1\r\n")
    );
    rows.fail(0);
    browser.get("/me").await.is_signed_out();
}

/// Does something to the rows at the moment when the refreshed pair is on its way, and opens the profile.
async fn refreshed_while(
    trouble: impl Fn(&FailingRows) + Send + Sync + 'static,
) -> (Provider, Arc<FailingRows>, Browser, Page) {
    let rows = Arc::<FailingRows>::default();
    let plug = Arc::clone(&rows);
    let provider = Provider::start(move |request: &Seen, before| {
        if request.is_refresh() && before == 1 {
            trouble(&plug);
        }
        None
    })
    .await;
    let setup = provider.setup();
    let app = app_on(&setup, Arc::clone(&rows) as _);
    let browser = serve(web::router(app)).await;
    browser.sign_in_with_code("c").await.redirects_to("/me");
    browser.get("/me").await.shows(200, &["Ann"]);
    setup.clock.pass((7 * DAY).saturating_sub(MINUTE));
    let page = browser.get("/me").await;
    (provider, rows, browser, page)
}

/// Asserts that the second pair is in force, and that nothing was revoked or asked for again.
async fn has_the_second_pair(provider: &Provider, browser: &Browser) {
    browser.get("/me").await.shows(200, &["Ann"]);
    let last = provider.seen().pop().unwrap();
    assert!(last.head.contains("bearer access-secret-2\r\n"), "{last:?}");
    assert_eq!(provider.count("POST /2.0/token"), 2);
    assert_eq!(provider.count("DELETE /2.0/token"), 0);
}

#[tokio::test]
async fn a_refreshed_pair_is_stored_in_the_end() {
    let trouble = |rows: &FailingRows| rows.writes.store(2, Ordering::SeqCst);
    let (provider, _, browser, page) = refreshed_while(trouble).await;
    page.shows(200, &["Ann"]);
    has_the_second_pair(&provider, &browser).await;
}

#[tokio::test]
async fn a_refreshed_pair_is_not_used_before_it_is_stored() {
    let trouble = |rows: &FailingRows| rows.writes.store(FOREVER, Ordering::SeqCst);
    let (provider, rows, browser, page) = refreshed_while(trouble).await;
    // The visitor does not wait for ever, but the pair does: it exists nowhere else.
    says_so(&page);
    assert_eq!(provider.count("GET /2.0/users/me"), 1);
    rows.fail(0);
    let stored = until("the pair in the store", async || {
        Some(browser.get("/me").await).filter(|page| page.status != 503)
    });
    stored.await.shows(200, &["Ann"]);
    has_the_second_pair(&provider, &browser).await;
}

/// The database did it, but the connection broke before it could say so.
#[tokio::test]
async fn a_refreshed_pair_that_was_stored_without_an_answer_is_kept() {
    let trouble = |rows: &FailingRows| rows.lost.store(1, Ordering::SeqCst);
    let (provider, _, browser, page) = refreshed_while(trouble).await;
    page.shows(200, &["Ann"]);
    has_the_second_pair(&provider, &browser).await;
}

/// The same on a real file: the table is away, then back.
#[tokio::test]
async fn a_database_without_its_table() {
    let world = World::new().await;
    let browser = world.signed_in("full").await;
    let file = crate::sealed::open(&world.setup);
    let rename = "ALTER TABLE sessions RENAME TO elsewhere";
    file.execute(rename, []).unwrap();
    // What the last second said does not count any more.
    world.setup.clock.pass(MINUTE / 60);
    says_so(&browser.get("/me").await);
    says_so(&browser.get("/login").await);
    browser
        .get("/")
        .await
        .shows(200, &["Sign in with Smartsheet"]);
    let rename = "ALTER TABLE elsewhere RENAME TO sessions";
    file.execute(rename, []).unwrap();
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
}
