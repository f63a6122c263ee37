//! A pair that was refreshed only to be revoked, and whose token is refused at once, still lives.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use smartsheet_oauth_demo::web;

use crate::support::rows::{FailingRows, app_on, serve};
use crate::support::{Browser, HOUR, MINUTE, Provider, Reply, SECOND};

const REVOKE: &str = "DELETE /2.0/token";

#[tokio::test]
async fn a_token_that_was_issued_for_it_and_is_refused_is_tried_again() {
    let provider = Provider::start(|request, before| {
        let is_refused = request.line == REVOKE && before < 2;
        is_refused.then(|| Reply::error(401, 1003, "expired_token"))
    })
    .await;
    let mut setup = provider.setup();
    setup.sweep_every = SECOND / 50;
    let app = setup.start().await;
    let browser = Browser::new(&app);
    browser.sign_in_with_code("c").await.redirects_to("/me");
    browser.sign_out().await.redirects_to("/signed-out");
    let refresh = "POST /2.0/token";
    // The page does not wait for it longer than for anything else.
    provider.arrived(REVOKE, 2).await;
    let tried = [REVOKE, refresh, REVOKE];
    assert_eq!(provider.lines()[1..], tried);

    setup.clock.pass(2 * MINUTE);
    provider.arrived(REVOKE, 3).await;
    // With the token of the pair that lives.
    let last = provider.seen().pop().unwrap();
    assert!(last.head.contains("bearer access-secret-2"), "{last:?}");
    app.stop().await;
    assert_eq!(provider.count(REVOKE), 3);
    assert_eq!(provider.count(refresh), 2);
}

/// The row may hold the pair before it, as where the answer to a write got lost. Then the pair waits in a row of its own.
#[tokio::test]
async fn a_pair_that_was_refreshed_for_it_and_could_not_be_noted_is_tried_again() {
    let provider = Provider::start(|request, before| match (request.line.as_str(), before) {
        (REVOKE, 0) => Some(Reply::error(503, 4001, "maintenance")),
        (REVOKE, 1 | 2) => Some(Reply::error(401, 1003, "expired_token")),
        _ => None,
    })
    .await;
    let setup = provider.setup();
    let rows = Arc::new(FailingRows::default());
    let app = app_on(&setup, rows.clone());
    let browser = serve(web::router(Arc::clone(&app))).await;
    browser.sign_in_with_code("c").await.redirects_to("/me");
    browser.sign_out().await.redirects_to("/signed-out");
    provider.arrived(REVOKE, 1).await;

    setup.clock.pass(2 * MINUTE);
    rows.lost.store(1, Ordering::SeqCst);
    assert_eq!(app.sessions.revocations.attempt_due().await.unwrap(), 1);
    assert_eq!(provider.count(REVOKE), 3);

    setup.clock.pass(HOUR);
    assert_eq!(app.sessions.revocations.attempt_due().await.unwrap(), 2);
    let seen = provider.seen();
    let last = seen[seen.len() - 2..].iter();
    let is_of_the_new_pair = |head: &str| head.contains("bearer access-secret-2");
    assert!(
        last.clone()
            .any(|request| is_of_the_new_pair(&request.head)),
        "{last:?}"
    );
    assert_eq!(app.sessions.revocations.attempt_due().await.unwrap(), 0);
}
