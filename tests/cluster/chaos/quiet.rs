//! When all is quiet, everybody is where they think they are, nobody who left is back, and no grant is alive that nobody holds.

use std::sync::Arc;
use std::time::Instant;

use reqwest::Method;

use super::World;
use super::person::Person;
use super::tally::at_risk;
use super::trouble::{claimed_just_now, now, restart};
use crate::support::{Instance, Setup, until};

/// A session that no browser has come with ends after an hour.
const UNSEEN_MILLIS: i64 = 3_600_000;

/// As many revocations an instance looks for at once.
const BATCH: i64 = 100;

/// How the log says that a pair is lost.
const GIVEN_UP: [&str; 3] = [
    "could not be stored could not be revoked",
    "during a sign-out could not be revoked",
    "a pair that is to be revoked is lost",
];

const LOGINS: &str = "NOT transient AND NOT ended";

pub(super) async fn take_stock(
    world: &World,
    setup: &Setup,
    instances: &mut [Instance],
    everybody: &[Arc<Person>],
) {
    world.sandbox.clear("faults").await;
    world.sandbox.expire_access_tokens().await;
    for person in everybody {
        person.takes_stock(world).await;
    }
    let logins = world.table().count(LOGINS).await;
    world
        .tally
        .add("logins in the store at the end", to_usize(logins));

    for person in everybody {
        person.leaves(world).await;
    }
    // Now whatever is left is of browsers that never heard of it, and ends by itself.
    let too_long = now() + UNSEEN_MILLIS;
    let held_by_nobody = format!("{LOGINS} AND expires_at > {too_long}");
    let held_by_nobody = world.table().count(&held_by_nobody).await;
    world
        .tally
        .add("SESSIONS THAT NOBODY HOLDS", to_usize(held_by_nobody));
    let unseen = world.table().count(LOGINS).await;
    world
        .tally
        .add("sessions that no browser heard of", to_usize(unseen));

    give_everything_back(world, setup, instances).await;
    world.count_refreshes().await;
    let lost = instances.iter().map(|instance| {
        let log = instance.log();
        let count = |text: &str| log.matches(text).count();
        GIVEN_UP.map(count).iter().sum::<usize>()
    });
    world.tally.add(at_risk::GIVEN_UP, lost.sum::<usize>());
    let alive = world.sandbox.revoke_what_lives().await;
    world
        .tally
        .add("grants alive at the end", usize::try_from(alive).unwrap());
}

/// Sessions that no browser heard of end within an hour, and revocations wait for half a minute and longer. Here their time
/// comes by the columns that say when it comes; an instance looks for both when it starts.
async fn give_everything_back(world: &World, setup: &Setup, instances: &mut [Instance]) {
    let table = &world.table();
    let waiting = format!("revoke_at IS NOT NULL OR ({LOGINS})");
    for round in 0..50 {
        // What is being revoked right now is not begun a second time.
        until("nothing is being revoked", async || {
            table.count(&claimed_just_now()).await == 0
        })
        .await;
        if table.count(&waiting).await == 0 {
            return;
        }
        table
            .run(
                &format!("UPDATE sessions SET expires_at = 0 WHERE {LOGINS}"),
                &[],
            )
            .await;
        let due = "UPDATE sessions SET revoke_at = 0 WHERE revoke_at IS NOT NULL";
        table.run(due, &[]).await;
        let before = table.count("revoke_at = 0").await;
        let at = round % instances.len();
        restart(setup, &mut instances[at]).await;
        until("what is due is done", async || {
            table.count(LOGINS).await == 0
                && table.count("revoke_at = 0").await <= (before - BATCH).max(0)
        })
        .await;
    }
    panic!("there are always revocations that wait");
}

fn to_usize(count: i64) -> usize {
    usize::try_from(count).unwrap()
}

impl Person {
    /// A look at the profile when all is over, on every instance; and at the sessions that were left.
    async fn takes_stock(&self, world: &World) {
        for (at, address) in world.addresses.iter().enumerate() {
            if !self.state().signed_in {
                break;
            }
            let started = Instant::now();
            let page = self.browser.me(*address).await;
            assert!(
                page.status == 200 || page.status == 401,
                "when all is quiet: {page:?}"
            );
            self.judge(world, at, "/me", started, &page).await;
        }
        if self.state().site.has_arrived {
            self.check(world).await;
        }
        self.has_left_for_good(world).await;
    }

    async fn has_left_for_good(&self, world: &World) {
        let sites = std::mem::take(&mut self.state().left_sites);
        for site in sites {
            self.is_gone_from(world, &site).await;
        }
        let left = std::mem::take(&mut self.state().left);
        for browser in left {
            world.tally.count("sign-outs checked");
            if browser.me(world.addresses[0]).await.status != 401 {
                world.tally.count("REVIVED SESSIONS");
            }
        }
    }

    /// The last sign-out.
    async fn leaves(&self, world: &World) {
        let left = self.browser.apart();
        let page = self
            .request_by(world, &self.browser, 0, Method::POST, "/logout")
            .await;
        let status = page.map(|page| page.status.as_u16());
        assert_eq!(status, Some(303), "a sign-out when all is quiet");
        {
            let mut state = self.state();
            state.left.push(left);
            state.left_sites.push(self.at_site.apart());
        }
        self.has_left_for_good(world).await;
    }
}
