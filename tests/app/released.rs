//! A database that the program of before wrote: who was signed in still is, and nobody else.
//!
//! `released-0.1` has the files of commit b339b9f, written with the clock and the provider of these tests: Ann is signed in with the
//! first pair, and somebody else has signed out.

use std::fs;

use crate::refresh::bearers;
use crate::support::{Browser, HOUR, Page, Provider, TestApp};

const SESSIONS: &[u8] = include_bytes!("released-0.1/sessions.db");
const FLOW: &[u8] = include_bytes!("released-0.1/flow.db");
const KEY: &[u8] = include_bytes!("released-0.1/session.key");

const ANN: &str = "fDnIfu127dcQyDZ5G3HRxQ";
const SIGNED_OUT: &str = "jEs3N2DBVUHn7vaqVMEC_w";

/// The app of today on the files of then.
async fn on_the_files_of_before() -> (Provider, TestApp) {
    let provider = Provider::well_behaved().await;
    let setup = provider.setup();
    fs::create_dir_all(setup.data()).unwrap();
    for (name, content) in [
        ("sessions.db", SESSIONS),
        ("flow.db", FLOW),
        ("session.key", KEY),
    ] {
        fs::write(setup.data().join(name), content).unwrap();
    }
    setup.clock.pass(HOUR);
    let app = setup.start().await;
    (provider, app)
}

async fn with_cookie(app: &TestApp, session: &str, path: &str) -> (Browser, Page) {
    let browser = Browser::new(app);
    browser.set_cookie("session", session);
    let page = browser.get(path).await;
    (browser, page)
}

#[tokio::test]
async fn who_was_signed_in_still_is() {
    let (provider, app) = on_the_files_of_before().await;
    let (browser, page) = with_cookie(&app, ANN, "/me").await;
    page.shows(200, &["Ann"]);
    // With the pair of then, which is refreshed as one of today.
    assert_eq!(bearers(&provider), ["access-secret-1"]);
    let refreshed = browser
        .send(
            reqwest::Method::POST,
            "/refresh",
            &[("accept", "text/html"), ("sec-fetch-site", "same-origin")],
        )
        .await;
    refreshed.redirects_to("/me");
    browser.get("/me").await.shows(200, &["Last refreshed"]);
    // The messages of then, too.
    let flow = browser.get("/flow").await;
    flow.shows(200, &["Exchange the code for tokens", "Refresh"]);
    browser.sign_out().await;
    browser.get("/me").await.is_signed_out();
}

#[tokio::test]
async fn who_had_signed_out_stays_so() {
    let (_provider, app) = on_the_files_of_before().await;
    let (_, page) = with_cookie(&app, SIGNED_OUT, "/me").await;
    page.is_signed_out();
}
