//! Two instances on one PostgreSQL are restarted in turn under load, and a balancer that obeys `/readyz` loses no request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use tokio::task::JoinHandle;

use crate::support::{Browser, Cluster, Instance, Kind, SandboxProcess, free_address, until};

/// How often the balancer asks each instance whether it is ready.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// How many people visit all the time, and how many sign in and out.
const VISITORS: usize = 6;
const COMERS_AND_GOERS: usize = 2;

/// How often each instance is restarted.
const ROUNDS: usize = 2;

/// What a stop may take by default, and what a busy machine may add.
const STOP_WITHIN: Duration = Duration::from_secs(12);

/// Sends requests to the instances that say they are ready, in turn. It sends each once: what fails is lost.
struct Balancer {
    instances: Vec<(SocketAddr, AtomicBool)>,
    turn: AtomicUsize,
}

impl Balancer {
    fn new(addresses: &[SocketAddr]) -> Arc<Self> {
        let instances = addresses.iter().map(|at| (*at, AtomicBool::new(false)));
        Arc::new(Self {
            instances: instances.collect(),
            turn: AtomicUsize::new(0),
        })
    }

    fn next(&self) -> SocketAddr {
        let turn = self.turn.fetch_add(1, Ordering::SeqCst);
        let ready: Vec<_> = self
            .instances
            .iter()
            .filter(|(_, ready)| ready.load(Ordering::SeqCst))
            .collect();
        assert!(!ready.is_empty(), "no instance is ready");
        ready[turn % ready.len()].0
    }

    fn is_ready(&self, at: SocketAddr) -> bool {
        let mut instances = self.instances.iter();
        instances.any(|(known, ready)| *known == at && ready.load(Ordering::SeqCst))
    }

    /// Asks an instance whether it is ready, for ever.
    async fn ask(self: Arc<Self>, index: usize) {
        let browser = Browser::new();
        let (at, ready) = &self.instances[index];
        loop {
            let answer = browser.send(Method::GET, *at, "/readyz", "*/*").await;
            let is_ready = answer.is_ok_and(|answer| answer.status == 200);
            ready.store(is_ready, Ordering::SeqCst);
            tokio::time::sleep(ASK_EVERY).await;
        }
    }
}

/// A request through the balancer, which must be answered with `status`.
async fn ask(
    balancer: &Balancer,
    browser: &Browser,
    method: Method,
    path: &str,
    status: StatusCode,
) {
    let at = balancer.next();
    let answer = browser.send(method.clone(), at, path, "text/html").await;
    let page = answer.unwrap_or_else(|error| panic!("{method} {path} at {at} is lost: {error:?}"));
    assert_eq!(page.status, status, "{method} {path} at {at}: {page:?}");
}

/// Sends requests until `done`, and counts them.
type Load = JoinHandle<usize>;

fn visitor(balancer: Arc<Balancer>, browser: Browser, done: Arc<AtomicBool>) -> Load {
    tokio::spawn(async move {
        let mut sent = 0;
        while !done.load(Ordering::SeqCst) {
            ask(&balancer, &browser, Method::GET, "/me", StatusCode::OK).await;
            ask(&balancer, &browser, Method::GET, "/", StatusCode::OK).await;
            sent += 2;
            if sent % 20 == 0 {
                let path = "/refresh";
                ask(
                    &balancer,
                    &browser,
                    Method::POST,
                    path,
                    StatusCode::SEE_OTHER,
                )
                .await;
            }
        }
        sent
    })
}

fn comer_and_goer(balancer: Arc<Balancer>, done: Arc<AtomicBool>) -> Load {
    tokio::spawn(async move {
        let mut sent = 0;
        while !done.load(Ordering::SeqCst) {
            let browser = Browser::new();
            let callback = browser.try_consent(balancer.next()).await.unwrap();
            ask(
                &balancer,
                &browser,
                Method::GET,
                &callback,
                StatusCode::SEE_OTHER,
            )
            .await;
            ask(&balancer, &browser, Method::GET, "/me", StatusCode::OK).await;
            ask(
                &balancer,
                &browser,
                Method::POST,
                "/logout",
                StatusCode::SEE_OTHER,
            )
            .await;
            sent += 4;
        }
        sent
    })
}

/// Starts an instance at `at` with the default times for a stop, and waits until the balancer sends it requests.
async fn start(cluster: &Cluster, balancer: &Balancer, at: SocketAddr) -> Instance {
    let instance = cluster.setup.launch(at).serving().await.unwrap();
    until("the balancer sees that it is ready", async || {
        balancer.is_ready(at)
    })
    .await;
    instance
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn no_request_is_lost() {
    let sandbox = SandboxProcess::start();
    let cluster = Cluster::new(Kind::Postgres)
        .await
        .with_sandbox(&sandbox)
        .set("SERVER_DRAIN_TIME", "")
        .set("RUST_LOG", "warn");
    let addresses = [free_address(), free_address()];
    let balancer = Balancer::new(&addresses);
    let asking: Vec<_> = (0..addresses.len())
        .map(|index| tokio::spawn(Arc::clone(&balancer).ask(index)))
        .collect();
    let mut instances = Vec::new();
    for at in addresses {
        instances.push(start(&cluster, &balancer, at).await);
    }

    let done = Arc::new(AtomicBool::new(false));
    let mut load: Vec<Load> = Vec::new();
    for _ in 0..VISITORS {
        let browser = Browser::new();
        browser.sign_in(balancer.next()).await;
        load.push(visitor(Arc::clone(&balancer), browser, Arc::clone(&done)));
    }
    for _ in 0..COMERS_AND_GOERS {
        load.push(comer_and_goer(Arc::clone(&balancer), Arc::clone(&done)));
    }

    for _ in 0..ROUNDS {
        for (index, at) in addresses.into_iter().enumerate() {
            let stopping = Instant::now();
            instances[index].terminate();
            let status = instances[index].ended().await;
            let took = stopping.elapsed();
            println!("{at} stopped within {took:?}");
            assert!(status.success(), "{status}");
            assert!(took < STOP_WITHIN, "{took:?}");
            instances[index] = start(&cluster, &balancer, at).await;
        }
    }
    done.store(true, Ordering::SeqCst);
    let mut sent = 0;
    for load in load {
        sent += load.await.unwrap();
    }
    println!("{sent} requests, none of them lost");
    assert!(sent > 200, "{sent}");
    asking.iter().for_each(JoinHandle::abort);
}
