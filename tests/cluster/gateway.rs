//! Other sites' sessions on several instances: what one does counts at the others at once, and a database that hangs signs nobody out.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::header;
use reqwest::{Method, Response};
use url::Url;

use crate::support::{
    Cluster, Kind, Postgres, Provider, SIGNING_KEY, SandboxProcess, on_both_stores,
};

on_both_stores! {
    what_one_instance_does_counts_at_the_other,
    a_ticket_works_once_on_all_instances,
    a_person_is_asked_for_again_once,
}

const APP: &str = "localhost:8080";
const WIKI: &str = "wiki.localhost:3000";
const BOARD: &str = "board.localhost:3001";

/// A browser that has cookies for several hosts. Clones are tabs.
#[derive(Clone)]
struct Visitor {
    http: reqwest::Client,
    cookies: Arc<Mutex<BTreeMap<(String, String), String>>>,
}

fn with_sites(cluster: Cluster) -> Cluster {
    cluster
        .set("GATEWAY_SITES", format!("http://{WIKI} http://{BOARD}"))
        .set("GATEWAY_SIGNING_KEY", SIGNING_KEY)
}

impl Visitor {
    fn new() -> Self {
        Self {
            http: test_support::http_client(),
            cookies: Arc::default(),
        }
    }

    async fn send(&self, method: Method, at: SocketAddr, host: &str, path: &str) -> Response {
        let request = self.http.request(method, format!("http://{at}{path}"));
        let cookies: Vec<String> = {
            let cookies = self.cookies.lock().unwrap();
            let own = cookies.iter().filter(|((of, _), _)| of == host);
            own.map(|((_, name), value)| format!("{name}={value}"))
                .collect()
        };
        let request = request
            .header(header::HOST, host)
            .header(header::ACCEPT, "text/html")
            .header(header::COOKIE, cookies.join("; "));
        let answer = request.send().await.unwrap();
        for set in answer.headers().get_all(header::SET_COOKIE) {
            let (pair, rest) = set.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let key = (host.to_owned(), name.to_owned());
            let mut cookies = self.cookies.lock().unwrap();
            cookies.insert(key.clone(), value.to_owned());
            if rest.contains("Max-Age=0") {
                cookies.remove(&key);
            }
        }
        answer
    }

    /// Goes from `path` on as long as it is led on within the app and the sites. Says where it is led out, or to a page.
    async fn walk(&self, at: SocketAddr, host: &str, path: &str) -> String {
        let (mut host, mut path) = (host.to_owned(), path.to_owned());
        for _ in 0..8 {
            let answer = self.send(Method::GET, at, &host, &path).await;
            assert_eq!(answer.status(), 303, "{host} {path}");
            let location = answer.headers()[header::LOCATION].to_str().unwrap();
            let next = Url::parse(&format!("http://{host}{path}")).unwrap();
            let next = next.join(location).unwrap();
            host = String::from(&next[url::Position::BeforeHost..url::Position::AfterPort]);
            let is_ours = [APP, WIKI, BOARD].contains(&host.as_str());
            let is_last = host != APP && !next.path().starts_with("/auth/");
            path = String::from(&next[url::Position::BeforePath..]);
            if !is_ours || is_last {
                return next.into();
            }
        }
        panic!("no end: {host}{path}");
    }

    /// Signs in at the wiki, at the sandbox or a provider.
    async fn sign_in(&self, at: SocketAddr) {
        let authorize = self.walk(at, WIKI, "/auth/sign-in?return_to=/page").await;
        let mut url: Url = authorize.parse().unwrap();
        url.query_pairs_mut()
            .append_pair("sandbox_decision", "allow")
            .append_pair("sandbox_user", "full");
        let consent = self.http.get(url).send().await.unwrap();
        let back: Url = consent.headers()[header::LOCATION]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        let callback = &back[url::Position::BeforePath..];
        assert_eq!(
            self.walk(at, APP, callback).await,
            format!("http://{WIKI}/page")
        );
    }

    async fn check(&self, at: SocketAddr, site: &str) -> u16 {
        let answer = self.send(Method::GET, at, site, "/auth/check").await;
        answer.status().as_u16()
    }
}

async fn what_one_instance_does_counts_at_the_other(kind: Kind) {
    let sandbox = SandboxProcess::start();
    let cluster = with_sites(Cluster::new(kind).await.with_sandbox(&sandbox));
    let (one, two) = tokio::join!(cluster.start(), cluster.start());
    let person = Visitor::new();
    person.sign_in(one.address).await;
    let arrived = person.walk(two.address, BOARD, "/auth/sign-in").await;
    assert_eq!(arrived, format!("http://{BOARD}/"));
    for at in [one.address, two.address] {
        for site in [WIKI, BOARD] {
            assert_eq!(person.check(at, site).await, 200);
        }
    }
    let answer = person
        .send(Method::POST, two.address, BOARD, "/auth/sign-out")
        .await;
    assert_eq!(answer.status(), 303);
    for at in [one.address, two.address] {
        for site in [WIKI, BOARD, APP] {
            assert_eq!(person.check(at, site).await, 401, "{site}");
        }
    }
}

async fn a_ticket_works_once_on_all_instances(kind: Kind) {
    let sandbox = SandboxProcess::start();
    let cluster = with_sites(Cluster::new(kind).await.with_sandbox(&sandbox));
    let (one, two) = tokio::join!(cluster.start(), cluster.start());
    let person = Visitor::new();
    person.sign_in(one.address).await;
    for _ in 0..5 {
        let sign_in = person
            .send(Method::GET, one.address, BOARD, "/auth/sign-in")
            .await;
        let grant: Url = sign_in.headers()[header::LOCATION]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        let grant = &grant[url::Position::BeforePath..];
        let granted = person.send(Method::GET, two.address, APP, grant).await;
        let arrive: Url = granted.headers()[header::LOCATION]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        let arrive = &arrive[url::Position::BeforePath..];
        let racing = (0..8).map(async |number| {
            let at = if number % 2 == 0 {
                one.address
            } else {
                two.address
            };
            // Each with the cookies as they were before.
            let tab = Visitor {
                cookies: Arc::new(Mutex::new(person.cookies.lock().unwrap().clone())),
                ..person.clone()
            };
            tab.send(Method::GET, at, BOARD, arrive)
                .await
                .status()
                .as_u16()
        });
        let mut statuses = join_all(racing).await;
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 400, 400, 400, 400, 400, 400, 400]);
    }
}

async fn a_person_is_asked_for_again_once(kind: Kind) {
    let provider = Provider::start().await;
    let cluster = with_sites(Cluster::new(kind).await.with_provider(&provider));
    let cluster = cluster.set("GATEWAY_RECHECK", "2s");
    let (one, two) = tokio::join!(cluster.start(), cluster.start());
    let person = Visitor::new();
    person.sign_in(one.address).await;
    let before = provider.book().calls;
    // The clock of a process can't be moved.
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let checks = (0..40).map(async |number| {
        let at = if number % 2 == 0 {
            one.address
        } else {
            two.address
        };
        person.check(at, WIKI).await
    });
    assert_eq!(join_all(checks).await, [200; 40]);
    crate::support::until("it is asked", async || provider.book().calls > before).await;
    assert_eq!(provider.book().calls, before + 1);
}

/// The database freezes: 503 in time, never 401.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs PostgreSQL; ./scripts/test runs it"]
async fn a_database_that_hangs_signs_nobody_out_of_a_site() {
    let sandbox = SandboxProcess::start();
    let server = Postgres::start_new().await;
    let cluster = with_sites(
        Cluster::on(Arc::clone(&server))
            .await
            .with_sandbox(&sandbox),
    );
    let one = cluster.start().await;
    let person = Visitor::new();
    person.sign_in(one.address).await;
    server.freeze();
    let started = Instant::now();
    for path in ["/auth/check", "/auth/forward", "/auth/envoy/page"] {
        let answer = person.send(Method::GET, one.address, WIKI, path).await;
        assert_eq!(answer.status(), 503, "{path}");
    }
    assert!(started.elapsed() < Duration::from_secs(25));
    server.thaw();
    crate::support::until("it is back", async || {
        person.check(one.address, WIKI).await == 200
    })
    .await;
}
