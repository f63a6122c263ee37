//! A pair that was refreshed only to be revoked, and whose token is refused at once, still lives.

use crate::support::{Browser, MINUTE, Provider, Reply, SECOND};

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
    browser.sign_out().await.redirects_to("/");
    let refresh = "POST /2.0/token";
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
