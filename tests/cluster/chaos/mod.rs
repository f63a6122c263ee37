//! Everything at once: three instances on one PostgreSQL, dozens of browsers, tokens that expire again and again, a
//! Smartsheet that fails, instances that are killed, a database that is restarted. Nobody may lose a login but through
//! an instance that was killed between Smartsheet's answer and the commit.
//!
//! `CHAOS_SECONDS` says for how long (60), `CHAOS_SEED` with which random numbers.

mod person;
mod tally;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use crate::support::{Cluster, Instance, Postgres, SandboxProcess, Setup, free_address, seed};
use person::{Habit, Person};
use tally::Tally;

const PEOPLE: usize = 40;
const INSTANCES: usize = 3;

/// What everybody shares.
struct World {
    sandbox: SandboxProcess,
    server: Arc<Postgres>,
    addresses: Vec<SocketAddr>,
    tally: Tally,
    over: AtomicBool,
    last_expiry: Mutex<Instant>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn nobody_loses_a_login() {
    let seconds = std::env::var("CHAOS_SECONDS").map_or(60, |text| text.parse().unwrap());
    let seed = seed("CHAOS_SEED");
    let server = Postgres::start_new().await;
    let sandbox = SandboxProcess::start();
    let cluster = Cluster::on(Arc::clone(&server))
        .await
        .with_sandbox(&sandbox);
    let cluster = cluster.set("SESSION_REFRESH_LEASE", "4s").set(
        "RUST_LOG",
        std::env::var("CHAOS_LOG").unwrap_or_else(|_| "warn".to_owned()),
    );
    let addresses: Vec<SocketAddr> = (0..INSTANCES).map(|_| free_address()).collect();
    let mut instances = Vec::new();
    for address in &addresses {
        instances.push(start(&cluster.setup, *address).await);
    }
    let world = Arc::new(World {
        sandbox,
        server,
        addresses,
        tally: Tally::default(),
        over: AtomicBool::new(false),
        last_expiry: Mutex::new(Instant::now()),
    });

    let people: Vec<Arc<Person>> = (0..PEOPLE)
        .map(|number| Arc::new(Person::new(seed ^ (number as u64 + 1), habit(number))))
        .collect();
    let lives = people.iter().map(|person| {
        let (person, world) = (Arc::clone(person), Arc::clone(&world));
        tokio::spawn(async move { person.live(&world).await })
    });
    let lives = join_all(lives.collect::<Vec<_>>());
    let clock = async {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        world.over.store(true, Ordering::SeqCst);
    };
    let killer = kill_now_and_then(&cluster.setup, &mut instances, &people, &world, seed);
    let (ended, (), (), (), ()) = tokio::join!(
        lives,
        clock,
        killer,
        trouble_smartsheet(&world, seed),
        restart_database(&world, seconds)
    );
    for life in ended {
        life.unwrap();
    }

    // When all is quiet, everybody is where they think they are, and nobody who left is back.
    world.sandbox.clear("faults").await;
    world.sandbox.expire_access_tokens().await;
    for person in &people {
        person.takes_stock(&world).await;
    }
    world.count_refreshes().await;
    let table = cluster.table().await;
    println!(
        "{}",
        world.tally.summary(seed, seconds, table.logins().await)
    );
    table.close().await;
    for instance in &instances {
        for line in instance
            .log()
            .lines()
            .filter(|line| line.contains("status=500"))
        {
            println!("{line}");
        }
    }
    world.tally.verdict();
}

fn habit(number: usize) -> Habit {
    match number % 5 {
        0 => Habit::Impatient,
        1 => Habit::ManyTabs,
        _ => Habit::Calm,
    }
}

/// Starts an instance where one was before, whose port may need a moment.
async fn start(setup: &Setup, address: SocketAddr) -> Instance {
    for _ in 0..100 {
        match setup.launch(address).serving().await {
            Ok(instance) => return instance,
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
    panic!("the instance at {address} does not start");
}

async fn kill_now_and_then(
    setup: &Setup,
    instances: &mut [Instance],
    people: &[Arc<Person>],
    world: &World,
    seed: u64,
) {
    let mut random = StdRng::seed_from_u64(seed ^ 0xdead);
    while !world.over.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(random.random_range(1_000..4_000))).await;
        let victim = random.random_range(0..INSTANCES);
        if random.random_bool(0.7) {
            instances[victim].kill();
            world.tally.count("instances killed");
            // Whoever was waiting for this instance may have lost the pair that it was about to store.
            for person in people {
                person.excuse(victim);
            }
        } else {
            instances[victim].terminate();
            world.tally.count("instances stopped");
            let status = instances[victim].ended().await;
            assert!(status.success(), "a stop in good order: {status}");
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(100..1_500))).await;
        instances[victim] = start(setup, world.addresses[victim]).await;
    }
}

/// Tokens expire again and again, and now and then Smartsheet fails or is slow.
async fn trouble_smartsheet(world: &World, seed: u64) {
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
    while !world.over.load(Ordering::SeqCst) {
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
                "delay_ms": random.random_range(0..400),
            });
            world.sandbox.control("faults", &order).await;
            world.tally.count("faults ordered");
        }
    }
}

/// Once, in the middle, without a word to its clients.
async fn restart_database(world: &World, seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds) / 2).await;
    let started = Instant::now();
    world.server.stop();
    world.server.start();
    world.server.ready().await;
    world.tally.count("database restarts");
    world
        .tally
        .note(format!("the database was away for {:?}", started.elapsed()));
}

impl World {
    /// Adds what Smartsheet saw since the last time. A request between the two calls is not counted.
    async fn count_refreshes(&self) {
        let (granted, refused) = self.sandbox.judged_refreshes().await;
        self.sandbox.clear("requests").await;
        self.tally.add("refreshes granted", granted);
        self.tally.add("refreshes refused as used", refused);
    }
}
