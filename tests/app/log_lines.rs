//! What the log tells of a request: its reference, and no secret.

use std::sync::Arc;

use reqwest::Method;
use smartsheet_oauth_demo::web;

use crate::support::app::CLIENT_SECRET;
use crate::support::program::Program;
use crate::support::rows::{FailingRows, app_on, serve};
use crate::support::{Browser, DAY, MINUTE, Provider, SECOND, Setup, World, log};

#[tokio::test]
async fn request_ids() {
    let world = World::with(|setup| setup.set("server.trusted_proxies", "127.0.0.0/8")).await;
    let browser = world.browser();
    assert_eq!(
        browser
            .get_as("from-the-proxy_17", "/")
            .await
            .header("x-request-id"),
        "from-the-proxy_17"
    );
    assert_eq!(
        log::lines_with(&["from-the-proxy_17", "status=200"]).len(),
        1
    );
    let long = "a".repeat(65);
    for bad in ["", "has space", "<script>", "a;b", "ä", &long] {
        let id = browser
            .get_as(bad, "/")
            .await
            .header("x-request-id")
            .to_owned();
        assert!(
            id != bad && id.len() >= 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{id}"
        );
    }
    let (one, two) = (browser.get("/").await, browser.get("/").await);
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
}

/// Anybody could take another request's id, and make its lines look like their own. Their id is beside ours.
#[tokio::test]
async fn a_request_id_counts_from_a_trusted_proxy_alone() {
    let world = World::with(|setup| setup.set("server.trusted_proxies", "10.0.0.0/8")).await;
    let page = world.browser().get_as("id-of-somebody-else", "/me").await;
    let id = page.header("x-request-id");
    assert!(id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let lines = log::lines_with(&["theirs=id-of-somebody-else", " route="]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains(&format!("request id={id} ")), "{lines:?}");
    let spans = log::lines_with(&["id=id-of-somebody-else"]);
    assert_eq!(spans, [""; 0], "never as ours");
}

#[tokio::test]
async fn the_log_line_of_a_request_holds_neither_path_nor_query() {
    let world = World::new().await;
    let browser = world.browser();
    browser
        .get_as(
            "line-of-a-redirect",
            "/redirect?code=SECRET-CODE&state=SECRET-STATE",
        )
        .await;
    browser
        .get_as("line-of-a-404", "/nothing/SECRET-PATH?code=SECRET-CODE")
        .await;
    for id in ["line-of-a-redirect", "line-of-a-404"] {
        let lines = log::lines_with(&[id]);
        assert!(
            lines.iter().any(|line| line.contains("status=4")),
            "{lines:?}"
        );
        for line in lines.iter().filter(|line| line.contains("status=4")) {
            assert!(!line.contains("SECRET-"), "{line}");
        }
    }
}

/// A proxy asks every two seconds. Only what is amiss with that is worth a line.
#[tokio::test]
async fn probes_that_succeed_are_logged_at_debug_alone() {
    let rows = Arc::<FailingRows>::default();
    let setup = Setup::mounted();
    let app = app_on(&setup, rows.clone());
    let browser = serve(web::router(app)).await;
    let level = |id: &str| {
        let lines = log::lines_with(&[id, " route="]);
        assert_eq!(lines.len(), 1, "{lines:?}");
        let words = lines[0].split_whitespace();
        words.skip(1).take(1).collect::<String>()
    };
    browser.get_as("level-of-live", "/healthz").await;
    browser.get_as("level-of-ready", "/readyz").await;
    browser.get_as("level-of-a-page", "/").await;
    assert_eq!(level("level-of-live"), "DEBUG");
    assert_eq!(level("level-of-ready"), "DEBUG");
    assert_eq!(level("level-of-a-page"), "INFO");
    rows.fail(1);
    setup.clock.pass(SECOND);
    let unready = browser.get_as("level-of-unready", "/readyz").await;
    assert_eq!(unready.status, 503);
    assert_eq!(level("level-of-unready"), "WARN");
    let headers = [("x-request-id", "level-of-a-mistake")];
    let mistake = browser.send(Method::POST, "/healthz", &headers).await;
    assert_eq!(mistake.status, 405);
    assert_eq!(level("level-of-a-mistake"), "INFO");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_logged_is_chosen_by_rust_log() {
    for (chosen, has_probes, is_unreadable) in [
        ("", false, false),
        ("off, smartsheet_oauth_demo=debug,", true, false),
        ("debug,hyper=loud", false, true),
    ] {
        let program = Program::start("text", &[("RUST_LOG", chosen)]).await;
        let browser = program.browser();
        browser.get("/").await.shows(200, &["Sign in"]);
        assert_eq!(browser.get("/healthz").await.status, 200);
        let (lines, _folder) = program.stop();
        let has = |parts: &[&str]| {
            let mut lines = lines.iter();
            lines.any(|line| parts.iter().all(|part| line.contains(part)))
        };
        assert!(has(&["INFO", r#"route="/" "#]), "{chosen}: {lines:?}");
        let probes = has(&["DEBUG", r#"route="/healthz""#]);
        assert_eq!(probes, has_probes, "{chosen}: {lines:?}");
        assert_eq!(has(&["WARN", "RUST_LOG"]), is_unreadable, "{lines:?}");
    }
}

/// Lines wait for each other while there is more to do, and not one of them gets lost.
#[tokio::test(flavor = "multi_thread")]
async fn every_request_has_its_line_when_many_come_at_once() {
    const REQUESTS: usize = 500;
    let program = Program::start("text", &[]).await;
    let browser = program.browser();
    browser.get("/").await.shows(200, &["Sign in"]);
    let asked = (0..REQUESTS).map(|_| browser.get("/nothing-here"));
    for page in futures_util::future::join_all(asked).await {
        assert_eq!(page.status, 404);
    }
    let (lines, _folder) = program.stop();
    let requests = lines.iter().filter(|line| line.contains("status=404"));
    assert_eq!(requests.count(), REQUESTS, "{lines:?}");
    assert!(lines.last().unwrap().contains("stopped"), "{lines:?}");
}

/// At any level, whoever writes it: the log of this process is captured at `trace`.
#[tokio::test]
async fn the_log_holds_no_secret() {
    let provider = Provider::well_behaved().await;
    let setup = provider.setup();
    let browser = Browser::new(&setup.start().await);
    let state = browser.begin_with_state().await;
    let sign_in = browser.cookies().into_values().next().unwrap();
    let callback = format!("/redirect?code=code-for-the-log&state={state}");
    browser.get(&callback).await.redirects_to("/me");
    let session = browser.session().unwrap();
    browser.arrive().await;
    setup.clock.pass((7 * DAY).saturating_sub(2 * MINUTE));
    browser
        .get_as("walk-for-the-log", "/me")
        .await
        .shows(200, &["Ann"]);
    browser.sign_out().await.redirects_to("/signed-out");
    assert_eq!(provider.count("POST /2.0/token"), 2);
    assert!(!log::lines_with(&["walk-for-the-log", "token refreshed"]).is_empty());
    for secret in [
        "access-secret-",
        "refresh-secret-",
        CLIENT_SECRET,
        "code-for-the-log",
        &state,
        &sign_in,
        &session,
    ] {
        let lines = log::lines_with(&[secret]);
        // The tests' own client is in this process, too, and names the addresses that it asks for.
        let lines = lines
            .iter()
            .filter(|line| !line.contains("reqwest") && !line.contains("hyper"));
        assert_eq!(lines.collect::<Vec<_>>(), [""; 0]);
    }
}
