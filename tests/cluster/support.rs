//! What the tests are made of: databases, processes of the app, browsers, and two stand-ins for Smartsheet.

mod between;
mod browser;
mod caddy;
mod cluster;
mod disk;
mod pooler;
mod postgres;
mod process;
mod provider;
mod rows;
mod sandbox;

use std::time::{Duration, Instant};

pub(crate) use between::Between;
pub(crate) use browser::{Browser, Page, Planted};
pub(crate) use caddy::Caddy;
pub(crate) use cluster::{CLIENT_SECRET, Cluster, Kind, SIGNING_KEY, new_key};
pub(crate) use disk::Disk;
pub(crate) use pooler::Pooler;
pub(crate) use postgres::{Postgres, server_user};
pub(crate) use process::{Instance, Setup, free_address, signal};
pub(crate) use provider::{Hold, Provider};
pub(crate) use rows::{Table, key_of, open_rows, servers};
pub(crate) use sandbox::SandboxProcess;

/// How long anything may take that happens by itself. Long, because a busy machine is no failure.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Polls until `condition` holds.
#[track_caller]
pub(crate) fn until<F: Future<Output = bool>>(
    what: &str,
    mut condition: impl FnMut() -> F,
) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let started = Instant::now();
        while !condition().await {
            assert!(started.elapsed() < SOON, "{caller}: never happened: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Runs a test on each store: `on_sqlite` with every `cargo test`, `on_postgres` when PostgreSQL is there.
macro_rules! on_both_stores {
    ($($(#[$attribute:meta])* $name:ident),+ $(,)?) => {$(
        mod $name {
            use crate::support::Kind;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                super::$name(Kind::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs PostgreSQL; ./scripts/test runs it"]
            async fn on_postgres() {
                super::$name(Kind::Postgres).await;
            }
        }
    )+};
}
pub(crate) use on_both_stores;

/// The seed of a random test: printed, and settable by the environment.
pub(crate) fn seed(variable: &str) -> u64 {
    let given = std::env::var(variable).ok();
    let seed = given.map_or_else(rand::random, |text| text.parse().unwrap());
    println!("{variable}={seed}");
    seed
}
