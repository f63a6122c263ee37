//! `/readyz`: ready is who can write.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use smartsheet_oauth_demo::web;

use crate::support::rows::{FOREVER, FailingRows, app_on, serve};
use crate::support::{Provider, SECOND, World};

#[tokio::test]
async fn a_store_that_is_read_and_not_written_is_not_ready() {
    let provider = Provider::well_behaved().await;
    let setup = provider.setup();
    let rows = Arc::<FailingRows>::default();
    let browser = serve(web::router(app_on(&setup, Arc::clone(&rows) as _))).await;
    browser.sign_in_with_code("c").await.redirects_to("/me");
    assert_eq!(browser.get("/readyz").await.status, 200);

    rows.writes.store(FOREVER, Ordering::SeqCst);
    setup.clock.pass(SECOND);
    assert_eq!(browser.get("/me").await.status, 200);
    let answer = browser.get("/readyz").await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("takes no write"), "{answer:?}");
    assert_eq!(browser.get("/healthz").await.status, 200);

    rows.writes.store(0, Ordering::SeqCst);
    setup.clock.pass(SECOND);
    assert_eq!(browser.get("/readyz").await.status, 200);
}

/// However many ask, and at the same time.
#[tokio::test]
async fn one_write_a_second_answers_all_who_ask() {
    let provider = Provider::well_behaved().await;
    let setup = provider.setup();
    let rows = Arc::<FailingRows>::default();
    let browser = serve(web::router(app_on(&setup, Arc::clone(&rows) as _))).await;
    let ask = async |times: usize| {
        let asked = (0..times).map(|_| {
            let browser = browser.clone();
            tokio::spawn(async move { browser.get("/readyz").await.status })
        });
        let mut statuses = Vec::new();
        for asked in asked.collect::<Vec<_>>() {
            statuses.push(asked.await.unwrap());
        }
        statuses
    };
    // The next write fails, and those after it succeed.
    rows.writes.store(1, Ordering::SeqCst);
    assert_eq!(ask(20).await, [503; 20]);
    setup.clock.pass(SECOND / 2);
    assert_eq!(ask(5).await, [503; 5]);
    setup.clock.pass(SECOND / 2);
    rows.writes.store(0, Ordering::SeqCst);
    assert_eq!(ask(20).await, [200; 20]);
    // A failure is not seen before the second is over either.
    rows.writes.store(FOREVER, Ordering::SeqCst);
    assert_eq!(ask(5).await, [200; 5]);
    setup.clock.pass(SECOND);
    assert_eq!(ask(5).await, [503; 5]);
}

/// A real file: what is written changes nothing.
#[tokio::test]
async fn it_leaves_nothing_behind() {
    let world = World::new().await;
    let tables = || {
        let file = rusqlite::Connection::open(world.setup.data().join("sessions.db")).unwrap();
        let version: u32 = file
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap();
        let rows: u32 = file
            .query_row("SELECT count(*) FROM sessions", [], |row| row.get(0))
            .unwrap();
        (version, rows)
    };
    let before = tables();
    for _ in 0..3 {
        assert_eq!(world.browser().get("/readyz").await.status, 200);
        world.setup.clock.pass(SECOND);
    }
    assert_eq!(tables(), before);
}
