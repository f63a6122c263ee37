//! How often the database is asked.

use std::sync::Arc;

use smartsheet_oauth_demo::postgres::{Address, Connection, Servers, Statement, Wait};

use crate::support::{Between, Browser, Cluster, Postgres, Provider};

/// What a sign-in asks of the database: as many round trips as there are statements, whatever each of them needs to be set up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_transaction_takes_one_round_trip() {
    let server = Postgres::start_new().await;
    let cluster = Cluster::on(Arc::clone(&server)).await;
    for parameters in ["", "?pooler=transaction"] {
        let between = Between::start(server.port, None).await;
        let url = format!("{}{parameters}", between.through(&cluster.store));
        let servers = Servers::new(&Address::parse(&url).unwrap(), "tests");
        let mut connection = Connection::new(&servers, Wait::StandbyDisk);
        let insert = || Statement::new("INSERT INTO counted VALUES ($1)").bind(1);
        let table = Statement::new("CREATE TABLE IF NOT EXISTS counted (number BIGINT)");
        connection.execute(table).await.unwrap();
        // A prepared statement is prepared the first time.
        connection.execute(insert()).await.unwrap();
        let before = between.rounds();
        for _ in 0..10 {
            connection.execute(insert()).await.unwrap();
        }
        assert_eq!(between.rounds() - before, 10, "{parameters}");
    }
}

/// The same of a whole sign-in: `/login`, the callback, `/me`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_sign_in_takes_no_more_round_trips_by_transaction() {
    const SIGN_INS: usize = 20;
    /// What goes on beside them: instances show themselves, and sweep.
    const BESIDE: usize = 15;
    let server = Postgres::start_new().await;
    let provider = Provider::start().await;
    let cluster = Cluster::on(Arc::clone(&server)).await;
    let cluster = cluster.with_provider(&provider);
    let mut counts = Vec::new();
    for parameters in ["", "?pooler=transaction"] {
        let between = Between::start(server.port, None).await;
        let url = format!("{}{parameters}", between.through(&cluster.store));
        let setup = cluster.setup.clone().set("SESSION_STORE", url);
        let instance = setup.start().await;
        let sign_in = async || {
            let browser = Browser::new();
            browser.sign_in(instance.address).await;
            assert_eq!(browser.me(instance.address).await.status, 200);
        };
        // Each connection prepares its statements once.
        for _ in 0..3 * SIGN_INS {
            sign_in().await;
        }
        let before = between.rounds();
        for _ in 0..SIGN_INS {
            sign_in().await;
        }
        counts.push(between.rounds() - before);
    }
    println!("round trips of {SIGN_INS} sign-ins, by session and by transaction: {counts:?}");
    assert!(counts[1] <= counts[0] + BESIDE, "{counts:?}");
}
