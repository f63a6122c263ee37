//! No lost update, and sign-out wins.

use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use reqwest::Method;
use smartsheet_oauth_demo::clock::Clock;
use smartsheet_oauth_demo::flow::FlowId;
use smartsheet_oauth_demo::oauth::{AccessToken, Token};
use smartsheet_oauth_demo::session::{Lifetimes, Login, Sealer, SessionData, Store};

use crate::support::{
    Browser, Cluster, Hold, Kind, Provider, new_key, on_both_stores, open_rows, until,
};

on_both_stores! {
    a_sign_in_under_way_and_a_refresh_both_survive,
    a_late_write_does_not_put_old_tokens_back,
    writes_at_once_all_survive,
    a_sign_in_of_another_tab_wins_over_the_refresh_of_the_old_pair,
    signing_out_during_a_refresh_revokes_both_pairs,
    signing_out_before_smartsheet_saw_the_refresh_leaves_no_session,
    a_late_write_does_not_revive_a_session,
}

async fn a_sign_in_under_way_and_a_refresh_both_survive(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let (one, two) = (cluster.start().await, cluster.start().await);
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    provider.expire();

    provider.hold_tokens(Hold::Processed);
    let refreshing = tokio::spawn({
        let (tab, at) = (browser.clone(), one.address);
        async move { tab.me(at).await }
    });
    provider.until(|book| book.pairs.len() == 2).await;
    // Tab two starts to sign in, while tab one waits for its new pair.
    let callback = browser.consent(two.address).await;
    provider.hold_tokens(Hold::No);
    assert_eq!(refreshing.await.unwrap().status, 200);
    // The refreshed pair survived …
    assert_eq!(browser.me(two.address).await.status, 200);
    assert_eq!(provider.book().refreshes, 1);
    // … and so did the sign-in.
    let page = browser.get(one.address, &callback).await;
    assert_eq!((page.status.as_u16(), page.location()), (303, Some("/me")));
    assert_eq!(browser.me(two.address).await.status, 200);
}

/// A page that was slow to learn the person's name writes it when the pair it used is long replaced.
async fn a_late_write_does_not_put_old_tokens_back(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let (one, two) = (cluster.start().await, cluster.start().await);
    let browser = Browser::new();
    browser.sign_in(one.address).await;

    provider.hold_calls(Hold::Processed);
    let slow = tokio::spawn({
        let (tab, at) = (browser.clone(), one.address);
        async move { tab.me(at).await }
    });
    provider.until(|book| book.calls == 1).await;
    let refreshed = browser.post(two.address, "/refresh").await;
    assert_eq!(refreshed.location(), Some("/me"));
    provider.hold_calls(Hold::No);
    assert_eq!(slow.await.unwrap().status, 200);

    assert_eq!(browser.me(one.address).await.status, 200);
    assert_eq!(browser.me(two.address).await.status, 200);
    assert_eq!(provider.book().refreshes, 1, "the new pair was still there");
}

/// Through the library: many tasks change one session, each a part of it.
async fn writes_at_once_all_survive(kind: Kind) {
    const WRITES: i64 = 40;
    let cluster = Cluster::new(kind).await;
    let key = new_key();
    let lifetimes = Lifetimes {
        idle: Duration::from_hours(1),
        total: Duration::from_hours(1),
    };
    let mut stores = Vec::new();
    for _ in 0..2 {
        let sealer = Sealer::from_base64(&key).unwrap();
        stores.push(Store::new(
            open_rows(&cluster.store).await,
            sealer,
            lifetimes,
            Clock::system(),
        ));
    }
    let now = Timestamp::now();
    let token = Token {
        access_token: AccessToken::new("kept"),
        refresh_token: None,
        expires_at: now,
    };
    let data = SessionData::new(Login::new(token.clone(), now), FlowId::random());
    let id = stores[0].create(data).await.unwrap().id;

    let writes = (0..WRITES).map(|number| {
        let store = stores[usize::try_from(number).unwrap() % 2].clone();
        async move {
            let step = Duration::from_millis(1);
            let written = store.update(id, |data| data.created_at += step);
            written.await.unwrap().unwrap();
        }
    });
    join_all(writes).await;
    let data = stores[1].read(id).await.unwrap().unwrap();
    let steps = data.created_at.as_millisecond() - now.as_millisecond();
    assert_eq!(steps, WRITES);
    assert_eq!(data.login.token, token);
}

/// The new sign-in is the one that counts; the pair that was issued for the old one is given back.
async fn a_sign_in_of_another_tab_wins_over_the_refresh_of_the_old_pair(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let (one, two) = (cluster.start().await, cluster.start().await);
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    let callback = browser.consent(two.address).await;
    provider.expire();

    provider.hold_tokens(Hold::Processed);
    let tab_one = tokio::spawn({
        let (tab, at) = (browser.clone(), one.address);
        async move { tab.send(Method::GET, at, "/me", "text/html").await }
    });
    provider.until(|book| book.pairs.len() == 2).await;
    let tab_two = tokio::spawn({
        let (tab, at) = (browser.clone(), two.address);
        async move { tab.get(at, &callback).await }
    });
    provider.until(|book| book.pairs.len() == 3).await;
    provider.hold_tokens(Hold::No);
    assert_eq!(tab_two.await.unwrap().location(), Some("/me"));
    let page = tab_one.await.unwrap().unwrap();
    assert!(page.status == 303 || page.status == 200, "{page:?}");

    assert_eq!(browser.me(one.address).await.status, 200);
    assert_eq!(browser.me(two.address).await.status, 200);
}

async fn signing_out_during_a_refresh_revokes_both_pairs(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let (one, two) = (cluster.start().await, cluster.start().await);
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    provider.expire();

    provider.hold_tokens(Hold::Processed);
    let tab = browser.clone();
    let at = one.address;
    let refreshing = tokio::spawn(async move { tab.get(at, "/me").await });
    provider.until(|book| book.pairs.len() == 2).await;
    let left = browser.post(two.address, "/logout").await;
    assert_eq!(
        (left.status.as_u16(), left.location()),
        (303, Some("/signed-out"))
    );
    provider.hold_tokens(Hold::No);

    refreshing.await.unwrap().asks_to_sign_in();
    until("both pairs are void", async || provider.alive() == 0).await;
    browser.get(one.address, "/me").await.asks_to_sign_in();
    let table = cluster.table().await;
    assert_eq!(table.logins().await, 0, "no session is left");
    table.close().await;
}

async fn signing_out_before_smartsheet_saw_the_refresh_leaves_no_session(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let (one, two) = (cluster.start().await, cluster.start().await);
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    provider.expire();

    provider.hold_tokens(Hold::Unprocessed);
    let tab = browser.clone();
    let at = one.address;
    let refreshing = tokio::spawn(async move { tab.get(at, "/me").await });
    provider.until(|book| book.refreshes == 1).await;
    let left = browser.post(two.address, "/logout").await;
    assert_eq!(left.status, 303);
    provider.hold_tokens(Hold::No);

    let page = refreshing.await.unwrap();
    assert!(page.status == 303 || page.status == 401, "{page:?}");
    until("nothing works any more", async || provider.alive() == 0).await;
    let table = cluster.table().await;
    assert_eq!(table.logins().await, 0, "no session is left");
    table.close().await;
}

async fn a_late_write_does_not_revive_a_session(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let (one, two) = (cluster.start().await, cluster.start().await);
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    let before = browser.cookie();

    // A page that will write the person's name …
    provider.hold_calls(Hold::Processed);
    let tab = browser.clone();
    let at = one.address;
    let slow = tokio::spawn(async move { tab.get(at, "/me").await });
    provider.until(|book| book.calls == 1).await;
    // … when the person has signed out.
    browser.post(two.address, "/logout").await;
    assert_eq!(browser.cookie(), None);
    provider.hold_calls(Hold::No);
    slow.await.unwrap();

    assert_ne!(browser.cookie(), before);
    let table = cluster.table().await;
    assert_eq!(table.logins().await, 0, "no session is left");
    table.close().await;
}
