//! The name of the database leads to another server, as managed services have it after a failover.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use super::FOUND_WITHIN;
use crate::support::{Browser, Cluster, Postgres, Provider, until};

/// What the name leads to is asked anew for each connection: nobody has to restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_name_that_leads_elsewhere_is_followed() {
    let primary = Postgres::start_new().await;
    let cluster = Cluster::on(Arc::clone(&primary)).await;
    let standby = primary.standby().await;
    primary.wait_for_standby().await;
    // The two at one port, as on two machines.
    let here = forward("127.0.0.1:0", primary.port).await;
    let there = forward(&format!("127.0.0.2:{}", here.port()), standby.port).await;

    let hosts = cluster.folder().join("hosts");
    let lead_to = |address: SocketAddr| {
        let lines = format!("127.0.0.1 localhost\n{} database.test\n", address.ip());
        std::fs::write(&hosts, lines).unwrap();
    };
    lead_to(here);
    let database = cluster.store.rsplit_once('/').unwrap().1.to_owned();
    let provider = Provider::start().await;
    let mut cluster = cluster
        .by(format!(
            "postgres://app@database.test:{}/{database}?sslmode=disable",
            here.port()
        ))
        .with_provider(&provider);
    let Some(wrapper) = with_hosts(&hosts) else {
        return;
    };
    cluster.setup.wrapper = wrapper;
    let one = cluster.start().await;
    let before = Browser::new();
    before.sign_in(one.address).await;

    primary.stop();
    standby.ask("SELECT pg_promote()").await;
    lead_to(there);
    let led = Instant::now();
    until("the other server to be found", async || {
        before.me(one.address).await.status == 200
    })
    .await;
    assert!(led.elapsed() < FOUND_WITHIN, "{:?}", led.elapsed());
    Browser::new().sign_in(one.address).await;
}

/// Hands connections to `listen` on to `port` of this machine.
async fn forward(listen: &str, port: u16) -> SocketAddr {
    let listener = TcpListener::bind(listen).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                if let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await {
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                }
            });
        }
    });
    address
}

/// What starts a program for which `hosts` is `/etc/hosts`; `None`, with words, where that takes rights that nobody has here.
fn with_hosts(hosts: &Path) -> Option<Vec<OsString>> {
    let script = format!(
        "mount --bind '{}' /etc/hosts && exec \"$0\" \"$@\"",
        hosts.display()
    );
    let words = ["unshare", "--mount", "sh", "-c", &script];
    let tried = Command::new(words[0])
        .args(&words[1..])
        .arg("true")
        .output();
    if tried.is_ok_and(|tried| tried.status.success()) {
        return Some(words.iter().map(OsString::from).collect());
    }
    println!("skipped: /etc/hosts can't be another file here; run the tests as root");
    None
}
