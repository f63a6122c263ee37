//! A new key signs nobody out.

use crate::support::{Browser, Cluster, Instance, Kind, Provider, new_key, on_both_stores};

on_both_stores! {
    the_new_key_seals_what_is_written_and_the_old_one_opens_what_is_not,
    instances_change_keys_one_after_the_other,
    a_lost_key_signs_out_and_says_so,
}

async fn with_keys(cluster: &Cluster, keys: &[&str]) -> Instance {
    let setup = cluster.setup.clone().set("SESSION_KEY", keys.join(","));
    setup.start().await
}

async fn the_new_key_seals_what_is_written_and_the_old_one_opens_what_is_not(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let (old, new) = (new_key(), new_key());
    let one = with_keys(&cluster, &[&old]).await;
    let (visitor, absent) = (Browser::new(), Browser::new());
    visitor.sign_in(one.address).await;
    absent.sign_in(one.address).await;
    assert_eq!(visitor.me(one.address).await.status, 200);
    assert_eq!(absent.me(one.address).await.status, 200);
    drop(one);

    let one = with_keys(&cluster, &[&new, &old]).await;
    assert_eq!(visitor.me(one.address).await.status, 200);
    assert_eq!(
        visitor.post(one.address, "/refresh").await.location(),
        Some("/me")
    );
    assert_eq!(
        absent.me(one.address).await.status,
        200,
        "reading is not enough to be sealed anew"
    );
    drop(one);

    let one = with_keys(&cluster, &[&new]).await;
    assert_eq!(visitor.me(one.address).await.status, 200);
    absent.get(one.address, "/me").await.asks_to_sign_in();
    assert_eq!(one.log().matches("sealed with another key").count(), 1);
    drop(one);

    // The row that did not open was left alone.
    let one = with_keys(&cluster, &[&new, &old]).await;
    assert_eq!(absent.me(one.address).await.status, 200);
}

/// The recipe for several instances: first every instance learns to open with the new key, then each seals with it.
async fn instances_change_keys_one_after_the_other(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let (old, new) = (new_key(), new_key());
    let steps: [&[&str]; 4] = [&[&old], &[&old, &new], &[&new, &old], &[&new]];
    let mut one = with_keys(&cluster, steps[0]).await;
    let mut two = with_keys(&cluster, steps[0]).await;
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    let check = async |one: &Instance, two: &Instance| {
        for instance in [one, two, one] {
            // A write by each, read by the other.
            let page = browser.post(instance.address, "/refresh").await;
            assert_eq!(page.location(), Some("/me"), "{page:?}");
            assert_eq!(browser.me(one.address).await.status, 200);
            assert_eq!(browser.me(two.address).await.status, 200);
        }
    };
    for keys in &steps[1..] {
        one = with_keys(&cluster, keys).await;
        check(&one, &two).await;
        two = with_keys(&cluster, keys).await;
        check(&one, &two).await;
    }
}

async fn a_lost_key_signs_out_and_says_so(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = Cluster::new(kind).await.with_provider(&provider);
    let one = with_keys(&cluster, &[&new_key()]).await;
    let people = [Browser::new(), Browser::new(), Browser::new()];
    for browser in &people {
        browser.sign_in(one.address).await;
    }
    drop(one);
    let one = with_keys(&cluster, &[&new_key()]).await;
    for browser in &people {
        browser.get(one.address, "/me").await.asks_to_sign_in();
        assert_eq!(browser.get(one.address, "/").await.status, 200);
    }
    let log = one.log();
    assert_eq!(log.matches("does not open").count(), 1, "{log}");
    people[0].sign_in(one.address).await;
    assert_eq!(people[0].me(one.address).await.status, 200);
}
