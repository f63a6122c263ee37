//! What goes wrong around the app: instances are killed and stopped, Smartsheet fails, the database is restarted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use super::person::Person;
use super::tally::at_risk;
use super::{INSTANCES, World};
use crate::support::{Instance, Setup, Table};

/// `session.refresh_lease` of the instances.
pub(super) const LEASE: Duration = Duration::from_secs(4);

/// Revocations that were claimed in the last two seconds and are not done: each puts off the next try by some half minutes.
pub(super) fn claimed_just_now() -> String {
    let now = now();
    format!("revoke_at > {now} AND (revoke_at - {now}) % 30000 > 28000")
}

/// In milliseconds since 1970.
pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Starts an instance where one was before, whose port may need a moment.
pub(super) async fn start(setup: &Setup, address: SocketAddr) -> Instance {
    for _ in 0..100 {
        match setup.launch(address).serving().await {
            Ok(instance) => return instance,
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
    panic!("the instance at {address} does not start");
}

/// Stops an instance in good order, and starts it anew.
pub(super) async fn restart(setup: &Setup, instance: &mut Instance) {
    instance.terminate();
    let status = instance.ended().await;
    assert!(status.success(), "a stop in good order: {status}");
    *instance = start(setup, instance.address).await;
}

pub(super) async fn kill_now_and_then(
    setup: &Setup,
    instances: &mut [Instance],
    everybody: &[Arc<Person>],
    world: &World,
    seed: u64,
) {
    let mut random = StdRng::seed_from_u64(seed ^ 0xdead);
    while !world.is_over() {
        tokio::time::sleep(Duration::from_millis(random.random_range(1_000..4_000))).await;
        let victim = random.random_range(0..INSTANCES);
        if random.random_bool(0.7) && world.may_kill {
            instances[victim].kill();
            world.tally.count("instances killed");
            excuse(world, everybody, victim).await;
        } else {
            instances[victim].terminate();
            world.tally.count("instances stopped");
            let status = instances[victim].ended().await;
            assert!(status.success(), "a stop in good order: {status}");
            // What was not over in time is as good as killed.
            if instances[victim].log().contains("were still under way") {
                world.tally.count("instances that stopped too late");
                excuse(world, everybody, victim).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(100..1_500))).await;
        instances[victim] = start(setup, world.addresses[victim]).await;
    }
}

/// Whoever was waiting for this instance may have lost the pair that it was about to store.
async fn excuse(world: &World, everybody: &[Arc<Person>], instance: usize) {
    for person in everybody {
        person.excuse(world, instance);
    }
    count_revocations_at_risk(world).await;
}

/// A revocation that was under way at the killed instance may have asked for a fresh pair that is lost now.
async fn count_revocations_at_risk(world: &World) {
    /// As many are under way at once when revocations are looked for.
    const AT_ONCE: i64 = 4;
    let condition = claimed_just_now();
    let table = world.table();
    let looked = table.try_count(&condition);
    let looked = tokio::time::timeout(Duration::from_secs(1), looked).await;
    let count = looked.ok().and_then(Result::ok).unwrap_or(AT_ONCE);
    world
        .tally
        .add(at_risk::REVOCATIONS, usize::try_from(count).unwrap());
}

/// Tokens expire again and again, and now and then Smartsheet fails or is slow.
pub(super) async fn trouble_smartsheet(world: &World, seed: u64) {
    const FAULTS: [&str; 8] = [
        "rate_limit",
        "maintenance",
        "server_error",
        "timeout",
        "unavailable_html",
        "malformed",
        "reset",
        "slow",
    ];
    let mut random = StdRng::seed_from_u64(seed ^ 0xface);
    while !world.is_over() {
        tokio::time::sleep(Duration::from_millis(random.random_range(300..1_200))).await;
        world.count_refreshes().await;
        // Between the two, nobody knows whether it has happened yet.
        *world.last_expiry.lock().unwrap() = Instant::now() + Duration::from_mins(1);
        world.sandbox.expire_access_tokens().await;
        *world.last_expiry.lock().unwrap() = Instant::now();
        world.tally.count("expiries");
        for _ in 0..random.random_range(0..3) {
            let path = ["/2.0/token", "/2.0/token", "/2.0/users/me"][random.random_range(0..3)];
            let order = json!({
                "path": path,
                "fault": FAULTS[random.random_range(0..FAULTS.len())],
                "times": random.random_range(1..6),
                "delay_ms": random.random_range(0..200),
            });
            world.sandbox.control("faults", &order).await;
            if path == "/2.0/users/me" {
                *world.last_profile_fault.lock().unwrap() = Instant::now();
            }
            world.tally.count("faults ordered");
        }
    }
}

/// Once, in the middle, without a word to its clients: it is restarted, or another one takes its place.
pub(super) async fn restart_database(world: &World, seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds) / 2).await;
    let started = Instant::now();
    *world.away.lock().unwrap() = Some((started, None));
    world.server.stop();
    match &world.standby {
        None => {
            world.server.start();
            world.server.ready().await;
        }
        Some(standby) => {
            standby.ask("SELECT pg_promote()").await;
            *world.table.lock().unwrap() = Table::open(&standby.url("t0")).await;
        }
    }
    *world.away.lock().unwrap() = Some((started, Some(Instant::now())));
    world.tally.count("database restarts");
    world
        .tally
        .note(format!("the database was away for {:?}", started.elapsed()));
}

impl World {
    /// Adds what Smartsheet saw since the last time. A request between the two calls is not counted.
    pub(super) async fn count_refreshes(&self) {
        let (granted, refused) = self.sandbox.judged_refreshes().await;
        self.sandbox.clear("requests").await;
        self.tally.add("refreshes granted", granted);
        self.tally.add("refreshes refused as used", refused);
    }

    /// Whether a sign-in that began at `started` may not have heard who signed in. So many visits use up every fault.
    pub(super) fn may_not_know_who_signed_in(&self, started: Instant) -> bool {
        const USED_UP_WITHIN: Duration = Duration::from_secs(3);
        let fault = *self.last_profile_fault.lock().unwrap();
        let expiry = *self.last_expiry.lock().unwrap();
        started < fault + USED_UP_WITHIN
            || started < expiry
            || self.database_was_away_since(started)
    }

    /// Whether the database was away at some time since `started`, or a lease that it could not take back was in force.
    pub(super) fn database_was_away_since(&self, started: Instant) -> bool {
        let away = *self.away.lock().unwrap();
        away.is_some_and(|(_, until)| until.is_none_or(|until| started < until + LEASE))
    }
}
