//! People who click while the primary is killed and the standby promoted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;

use super::{PEOPLE, World};
use crate::support::Browser;

/// What somebody knows who goes on clicking.
#[derive(Default, Debug, Clone, Copy)]
pub(super) struct Known {
    /// Whether the app said last that they are signed in: `None` while it is about to say.
    pub(super) signed_in: Option<bool>,
    /// How often it said that it could not.
    unavailable: usize,
    /// How often it asked to sign in somebody who was signed in.
    pub(super) lost: usize,
}

/// Signs in, refreshes, looks and signs out, on one instance and the other, until it is over.
async fn live(world: &World, number: usize, browser: &Browser, over: &AtomicBool) -> Known {
    let mut known = Known {
        signed_in: Some(false),
        ..Known::default()
    };
    let mut round = number;
    while !over.load(Ordering::SeqCst) {
        round += 1;
        let at = world.at(round);
        if known.signed_in != Some(true) {
            let Ok(callback) = browser.try_consent(at).await else {
                known.unavailable += 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            known.signed_in = None;
            match browser.get(at, &callback).await {
                page if page.location() == Some("/me") => known.signed_in = Some(true),
                page => assert!(page.status == 503 || page.status == 303, "{page:?}"),
            }
            continue;
        }
        let (method, path) = match round % 7 {
            // A few stay signed in for good.
            0 if number >= PEOPLE / 3 => (Method::POST, "/logout"),
            1 | 3 | 5 => (Method::POST, "/refresh"),
            _ => (Method::GET, "/me"),
        };
        let page = browser.send(method, at, path, "text/html").await.unwrap();
        let asks_to_sign_in =
            page.status == 401 || page.location().is_some_and(|to| to.starts_with("/login"));
        match (page.status.as_u16(), path) {
            _ if asks_to_sign_in => {
                known.lost += 1;
                known.signed_in = Some(false);
            }
            (503, _) => {
                known.unavailable += 1;
                if path == "/logout" {
                    known.signed_in = None;
                }
            }
            (303, "/logout") => known.signed_in = Some(false),
            (303, "/refresh") => assert_eq!(page.location(), Some("/me"), "{page:?}"),
            (200, "/me") => {}
            _ => panic!("{path}: {page:?}"),
        }
    }
    known
}

/// The primary is killed while people click, and the standby promoted. How it went for each of them.
pub(super) async fn fail_over_under_load(world: &World) -> Vec<(Browser, Known)> {
    let people: Vec<Browser> = (0..PEOPLE).map(|_| Browser::new()).collect();
    let over = AtomicBool::new(false);
    let lives = people
        .iter()
        .enumerate()
        .map(|(number, browser)| live(world, number, browser, &over));
    let trouble = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let died = Instant::now();
        let promoted = world.fail_over().await;
        let found = world.until_found(promoted).await;
        let without = died.elapsed();
        tokio::time::sleep(Duration::from_secs(2)).await;
        over.store(true, Ordering::SeqCst);
        (found, without)
    };
    let (known, (found, without)) = tokio::join!(join_all(lives), trouble);
    let sum = |count: fn(&Known) -> usize| known.iter().map(count).sum::<usize>();
    println!(
        "without an answer for {} ms, of which {} after the promotion; pages that said 503: {}; logins lost: {}",
        without.as_millis(),
        found.as_millis(),
        sum(|known| known.unavailable),
        sum(|known| known.lost),
    );
    people.into_iter().zip(known).collect()
}
