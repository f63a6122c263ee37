//! Everything at once: three instances on one PostgreSQL, dozens of browsers, tokens that expire again and again, a
//! Smartsheet that fails, instances that are killed, a database that is restarted, and attackers. Nobody may lose a login but
//! through an instance that was killed between Smartsheet's answer and the commit, nobody may see another's page or wait for
//! an attacker, and at the end no grant may be alive that nobody holds.
//!
//! `CHAOS_SECONDS` says for how long (60, at most 500), `CHAOS_SEED` with which random numbers. With `CHAOS_KILLS=off`
//! instances are stopped in good order only, so that nothing of a kill excuses anything. In a second run the database's server is
//! lost and a standby takes its place. `CHAOS_LOG` filters what they log, and
//! `CHAOS_LOGS` names a folder in which it is kept.

mod attackers;
mod cookies;
mod judge;
mod person;
mod quiet;
mod sites;
mod state;
mod tally;
mod trouble;
mod users;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::support::{Cluster, Postgres, SIGNING_KEY, SandboxProcess, Table, free_address, seed};
use attackers::{Attackers, PROXY};
use cookies::Bait;
use person::{Habit, Person};
use tally::Tally;
use trouble::{LEASE, kill_now_and_then, restart_database, start, trouble_smartsheet};
use users::User;

const PEOPLE: usize = 40;
const INSTANCES: usize = 3;

/// How many connections an instance has room for. People and attackers together need less.
const CONNECTIONS: usize = 400;

/// Codes live for ten minutes. Older ones can't be told from grants.
const MOST_SECONDS: u64 = 500;

/// What everybody shares.
struct World {
    sandbox: SandboxProcess,
    server: Arc<Postgres>,
    /// What takes the server's place, in the run in which it is lost for good.
    standby: Option<Arc<Postgres>>,
    /// Of the server that is in use.
    table: Mutex<Table>,
    addresses: Vec<SocketAddr>,
    may_kill: bool,
    tally: Tally,
    over: AtomicBool,
    last_expiry: Mutex<Instant>,
    /// When `users/me` was told last to fail.
    last_profile_fault: Mutex<Instant>,
    /// Since when the database was away, and until when.
    away: Mutex<Option<(Instant, Option<Instant>)>>,
    /// What attackers put into other people's browsers, the latest first.
    bait: Mutex<VecDeque<Bait>>,
}

impl World {
    fn table(&self) -> Table {
        self.table.lock().unwrap().clone()
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn nobody_loses_a_login() {
    let server = Postgres::start_new().await;
    let cluster = Cluster::on(Arc::clone(&server)).await;
    run(cluster, server, None).await;
}

/// The same, and the database is not restarted: its server is lost, and a synchronous standby takes its place.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn nobody_loses_a_login_when_a_standby_takes_over() {
    let server = Postgres::start_new().await;
    let cluster = Cluster::on(Arc::clone(&server)).await;
    let standby = server.standby().await;
    server.wait_for_standby().await;
    let both = server.url_with(&standby, "t0");
    run(cluster.by(both), server, Some(standby)).await;
}

/// Two runs at once would be slow, and slow answers count.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

async fn run(cluster: Cluster, server: Arc<Postgres>, standby: Option<Arc<Postgres>>) {
    let _alone = ONE_AT_A_TIME.lock().await;
    let seconds = std::env::var("CHAOS_SECONDS").map_or(60, |text| text.parse().unwrap());
    assert!(seconds <= MOST_SECONDS, "CHAOS_SECONDS={seconds}");
    let seed = seed("CHAOS_SEED");
    let sandbox = SandboxProcess::start();
    let cluster = cluster.with_sandbox(&sandbox);
    let log = std::env::var("CHAOS_LOG").unwrap_or_else(|_| "warn".to_owned());
    let cluster = cluster
        .set("SESSION_REFRESH_LEASE", format!("{}s", LEASE.as_secs()))
        .set("SERVER_MAX_CONNECTIONS", CONNECTIONS.to_string())
        .set("SERVER_TRUSTED_PROXIES", PROXY.to_string())
        .set("GATEWAY_SITES", format!("http://{}", sites::SITE))
        .set("GATEWAY_SIGNING_KEY", SIGNING_KEY)
        // Who a person is is asked again and again behind the checks of their site.
        .set("GATEWAY_RECHECK", "2s")
        .set("RUST_LOG", log);
    let addresses: Vec<SocketAddr> = (0..INSTANCES).map(|_| free_address()).collect();
    let mut instances = Vec::new();
    for address in &addresses {
        instances.push(start(&cluster.setup, *address).await);
    }
    let world = Arc::new(World {
        sandbox,
        server,
        standby,
        table: Mutex::new(cluster.table().await),
        addresses,
        may_kill: std::env::var("CHAOS_KILLS").map_or(true, |kills| kills != "off"),
        tally: Tally::default(),
        over: AtomicBool::new(false),
        last_expiry: Mutex::new(Instant::now()),
        last_profile_fault: Mutex::new(Instant::now()),
        away: Mutex::default(),
        bait: Mutex::default(),
    });

    let people: Vec<Arc<Person>> = (0..PEOPLE)
        .map(|number| {
            let (habit, user) = (habit(number), User::of_person(number));
            let seed = seed ^ (number as u64 + 1);
            Arc::new(Person::new(seed, habit, user, None))
        })
        .collect();
    let attackers = Attackers::new(seed);
    let everybody: Vec<Arc<Person>> = (people.iter().cloned())
        .chain(attackers.accounts())
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
    let killer = kill_now_and_then(&cluster.setup, &mut instances, &everybody, &world, seed);
    let (ended, (), (), (), (), ()) = tokio::join!(
        lives,
        attackers.attack(&world),
        clock,
        killer,
        trouble_smartsheet(&world, seed),
        restart_database(&world, seconds)
    );
    for life in ended {
        life.unwrap();
    }

    quiet::take_stock(&world, &cluster.setup, &mut instances, &everybody).await;
    println!("{}", world.tally.summary(seed, seconds));
    world.table().close().await;
    for instance in &instances {
        if let Ok(folder) = std::env::var("CHAOS_LOGS") {
            let file = format!("{folder}/{}.log", instance.address.port());
            std::fs::write(file, instance.log()).unwrap();
        }
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
