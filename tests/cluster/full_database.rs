//! PostgreSQL whose disk is full. Its log of changes is elsewhere, as in most places: the server lives, and tables can't grow.

use tempfile::TempDir;

use crate::support::{Browser, Cluster, Disk, Postgres, Provider, until};

/// Who signs in is told to come back later. Whoever is signed in stays so, refreshes, and can leave. When there is room again, all
/// is as it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_full_database_refuses_sign_ins_and_loses_nobody() {
    let folder = TempDir::new().unwrap();
    let Some(disk) = Disk::mount(folder.path().join("small"), 32) else {
        return;
    };
    let server = Postgres::start_new().await;
    let provider = Provider::start().await;
    let store = server.database_on(&disk).await;
    let cluster = Cluster::on(server.clone())
        .await
        .by(store)
        .with_provider(&provider);
    let one = cluster.start().await;
    let mut people = Vec::new();
    for _ in 0..12 {
        let browser = Browser::new();
        browser.sign_in(one.address).await;
        assert_eq!(browser.me(one.address).await.status, 200);
        people.push(browser);
    }

    // What there is room for within the tables is used up first, by whoever still gets in.
    let mut refused = 0;
    while refused < 20 {
        disk.fill();
        let browser = Browser::new();
        let page = match browser.try_consent(one.address).await {
            Ok(callback) => browser.get(one.address, &callback).await,
            Err(_) => browser.get(one.address, "/login").await,
        };
        if page.location() == Some("/me") {
            people.push(browser);
            refused = 0;
        } else {
            assert_eq!(page.status, 503, "{page:?}");
            refused += 1;
        }
    }
    assert!(one.log().contains("No space left on device"));

    // Nobody holds a grant that a refused sign-in was given: it is given back at once.
    until("what could not be stored to be given back", async || {
        provider.alive() == people.len()
    })
    .await;

    let (leaving, staying) = people.split_at(people.len() / 2);
    for browser in leaving {
        assert_eq!(browser.me(one.address).await.status, 200);
        let thief = browser.apart();
        let page = browser.post(one.address, "/logout").await;
        assert_eq!(page.status, 303, "{page:?}");
        assert_eq!(thief.me(one.address).await.status, 401);
        disk.fill();
    }
    until("their tokens to be void", async || {
        provider.alive() == staying.len()
    })
    .await;
    // Whoever stays may be refused a refresh, or, while a new pair waits for room, a page. Nobody is signed out by it.
    for browser in staying {
        let page = browser.post(one.address, "/refresh").await;
        assert!([303, 503].contains(&page.status.as_u16()), "{page:?}");
        let page = browser.me(one.address).await;
        assert!([200, 503].contains(&page.status.as_u16()), "{page:?}");
    }

    disk.free();
    let browser = Browser::new();
    until("it to be over", async || {
        let callback = browser.try_consent(one.address).await;
        let Ok(callback) = callback else { return false };
        browser.get(one.address, &callback).await.location() == Some("/me")
    })
    .await;
    for browser in staying {
        until("everybody to be served", async || {
            browser.me(one.address).await.status == 200
        })
        .await;
        let page = browser.post(one.address, "/refresh").await;
        assert_eq!(page.location(), Some("/me"), "{page:?}");
        assert_eq!(browser.post(one.address, "/logout").await.status, 303);
    }
    until("one to be left", async || provider.alive() == 1).await;
}
