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

pub(crate) use between::Between;
pub(crate) use browser::{Browser, Page, Planted};
pub(crate) use caddy::Caddy;
pub(crate) use cluster::{CLIENT_SECRET, Cluster, Kind, SIGNING_KEY, new_key};
pub(crate) use disk::Disk;
pub(crate) use pooler::Pooler;
pub(crate) use postgres::{Postgres, server_user};
pub(crate) use process::{Instance, Setup};
pub(crate) use provider::{Hold, Provider};
pub(crate) use rows::{Table, key_of, open_rows, servers};
pub(crate) use sandbox::SandboxProcess;
pub(crate) use test_support::{PATIENCE, free_address, signal};

/// Polls until `condition` holds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    test_support::until(what, async || condition().await.then_some(())).await;
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
