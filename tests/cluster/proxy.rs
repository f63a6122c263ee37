//! What compose.yaml brings up, without its containers: the shipped proxy in front of two instances on one PostgreSQL, whose
//! secrets are the files that `make-keys` made.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::{Method, header};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::support::{
    Browser, CLIENT_SECRET, Caddy, Cluster, Instance, Postgres, SandboxProcess, free_address, until,
};

/// How many people there are, each at an address of this machine: the proxy chooses an instance by the address.
const PEOPLE: u8 = 16;

/// How long each waits before the next request: what is tested is not how much the machine can do.
const PAUSE: Duration = Duration::from_millis(150);

/// Everything that is up.
struct Service {
    // Dropped in this order: the processes before the folders that they use.
    proxy: Caddy,
    instances: [Instance; 2],
    cluster: Cluster,
    _sandbox: SandboxProcess,
    _secrets: TempDir,
}

impl Service {
    async fn start() -> Self {
        let secrets = TempDir::new().unwrap();
        let sandbox = SandboxProcess::start();
        let cluster = cluster(&secrets).await.with_sandbox(&sandbox);
        let addresses = [free_address(), free_address()];
        let instances = [
            cluster.setup.launch(addresses[0]).serving().await.unwrap(),
            cluster.setup.launch(addresses[1]).serving().await.unwrap(),
        ];
        let service = Self {
            proxy: Caddy::start(addresses),
            cluster,
            instances,
            _sandbox: sandbox,
            _secrets: secrets,
        };
        service.answers_with(200).await;
        service
    }

    /// Waits until the proxy answers with this status.
    async fn answers_with(&self, status: u16) {
        let browser = Browser::new();
        let at = self.proxy.address;
        until("the proxy answers", async || {
            let answer = browser.send(Method::GET, at, "/readyz", "*/*").await;
            answer.is_ok_and(|answer| answer.status == status)
        })
        .await;
    }

    /// Stops instance number `index` as `docker compose stop` does, and starts it again.
    async fn restart(&mut self, index: usize) {
        let instance = &mut self.instances[index];
        let at = instance.address;
        instance.terminate();
        let status = instance.ended().await;
        assert!(status.success(), "{status}");
        self.instances[index] = self.cluster.setup.launch(at).serving().await.unwrap();
    }

    /// The lines of both instances about the request of this id.
    fn lines_about(&self, id: &str) -> Vec<String> {
        let logs = self.instances.iter().map(Instance::log);
        let lines = logs.flat_map(|log| log.lines().map(str::to_owned).collect::<Vec<_>>());
        lines.filter(|line| line.contains(id)).collect()
    }
}

/// Instances whose secrets are in files, those of `make-keys` among them.
async fn cluster(secrets: &TempDir) -> Cluster {
    let folder = secrets.path();
    let make_keys = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/make-keys");
    let mut made = Vec::new();
    for _ in 0..2 {
        let ended = Command::new(make_keys).args([folder, folder]).status();
        assert!(ended.unwrap().success());
        made.push(["session_key", "session_store", "password"].map(|name| read(secrets, name)));
    }
    assert_eq!(made[0], made[1], "what is there stays");

    // The database asks for the password, as that of the container does.
    let rules = folder.join("pg_hba.conf");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(
        &rules,
        "host all app 127.0.0.1/32 trust\nhost smartsheet smartsheet 127.0.0.1/32 scram-sha-256\n",
    )
    .unwrap();
    let rules = format!("hba_file={}", rules.display());
    let postgres = Postgres::with_settings(&[&rules]).await;
    let mut connection = PgConnection::connect(&postgres.url("postgres"))
        .await
        .unwrap();
    let password = read(secrets, "password");
    for statement in [
        format!(
            "CREATE ROLE smartsheet LOGIN PASSWORD '{}'",
            password.trim()
        ),
        "CREATE DATABASE smartsheet OWNER smartsheet".to_owned(),
    ] {
        let statement = sqlx::query(AssertSqlSafe(statement));
        statement.execute(&mut connection).await.unwrap();
    }
    let store = read(secrets, "session_store");
    let here = format!("@127.0.0.1:{}/", postgres.port);
    let file = |name: &str, content: &str| {
        let file = folder.join(name);
        fs::write(&file, content).unwrap();
        file.display().to_string()
    };
    let store = file("store-here", &store.replace("@postgres/", &here));
    let secret = file("app-secret", CLIENT_SECRET);
    let key = folder.join("session_key").display().to_string();
    Cluster::on(postgres)
        .await
        .set("SESSION_STORE", "")
        .set("SESSION_STORE_FILE", store)
        .set("SESSION_KEY", "")
        .set("SESSION_KEY_FILE", key)
        .set("SMARTSHEET_CLIENT_SECRET", "")
        .set("SMARTSHEET_CLIENT_SECRET_FILE", secret)
        .set("SERVER_TRUSTED_PROXIES", "127.0.0.1")
        .set("SERVER_DRAIN_TIME", "")
        .set("LOG_FORMAT", "json")
}

fn read(secrets: &TempDir, name: &str) -> String {
    fs::read_to_string(secrets.path().join(name)).unwrap()
}

fn address(number: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 1, number).into()
}

/// Visits until `done`, and counts. What is not answered as it should is lost.
fn visitor(at: SocketAddr, browser: Browser, done: Arc<AtomicBool>) -> JoinHandle<usize> {
    tokio::spawn(async move {
        let mut sent = 0;
        while !done.load(Ordering::SeqCst) {
            let refresh = sent % 20 == 18;
            let (method, path, status) = match sent % 2 {
                _ if refresh => (Method::POST, "/refresh", 303),
                0 => (Method::GET, "/me", 200),
                _ => (Method::GET, "/", 200),
            };
            let page = browser.send(method, at, path, "text/html").await.unwrap();
            assert_eq!(page.status, status, "{path}: {page:?}");
            sent += 1;
            tokio::time::sleep(PAUSE).await;
        }
        sent
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and Caddy; ./scripts/test runs it"]
async fn people_are_known_by_their_address_and_by_no_other() {
    let service = Service::start().await;
    let at = service.proxy.address;
    let mut signed_in = Vec::new();
    for number in 1..=PEOPLE {
        let browser = Browser::at(Some(address(number)));
        browser.sign_in(at).await;
        let page = browser.get(at, "/me").await;
        assert_eq!(page.status, 200, "{page:?}");
        assert_eq!(page.header("server"), None, "{page:?}");
        signed_in.push(browser);
    }
    // Both have something to do, and know whom for.
    for instance in &service.instances {
        assert!(
            instance.log().contains(r#""route":"/me""#),
            "{}",
            instance.log()
        );
    }

    let liar = test_support::http_client_builder()
        .local_address(address(200))
        .build()
        .unwrap();
    let asked = liar
        .get(format!("http://{at}/login"))
        .header("x-request-id", "a-forged-address")
        .header("x-forwarded-for", "203.0.113.66")
        .header(header::FORWARDED, "for=203.0.113.66")
        .send();
    let answer = asked.await.unwrap();
    // The proxy's own, in place of the client's.
    let id = answer.headers()["x-request-id"].to_str().unwrap();
    assert_eq!(id.len(), 36, "{id}");
    let lines = service.lines_about(id);
    assert!(!lines.is_empty());
    assert!(!lines.concat().contains("a-forged-address"), "{lines:?}");
    for line in lines.iter().filter(|line| line.contains("client")) {
        assert!(line.contains("127.0.1.200"), "{line}");
    }
    assert!(!lines.concat().contains("203.0.113.66"), "{lines:?}");

    // What is too long, the app says, and nothing shorter is refused on the way.
    for (length, status) in [(65_000, 404), (66_000, 413), (200_000, 413)] {
        let sent = liar
            .post(format!("http://{at}/nothing"))
            .body(vec![b'x'; length]);
        assert_eq!(sent.send().await.unwrap().status(), status, "{length}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL and Caddy; ./scripts/test runs it"]
async fn an_instance_that_stops_or_dies_is_missed_by_nobody() {
    let mut service = Service::start().await;
    let at = service.proxy.address;
    let mut people = Vec::new();
    for number in 1..=PEOPLE {
        let browser = Browser::at(Some(address(number)));
        browser.sign_in(at).await;
        people.push(browser);
    }
    let done = Arc::new(AtomicBool::new(false));
    let visitors: Vec<_> = people
        .iter()
        .map(|browser| visitor(at, browser.clone(), Arc::clone(&done)))
        .collect();
    for index in [0, 1] {
        service.restart(index).await;
        // The proxy saw that it was about to stop, while it still answered.
        let instance = service.instances[index].address.to_string();
        let log = service.proxy.log();
        let mut lines = log.lines();
        assert!(
            lines.any(|line| line.contains(&instance) && line.contains(r#""status_code":503"#)),
            "{log}"
        );
        // Until the proxy has seen it, the other is the only one.
        let log = service.instances[index].log();
        let before = log.matches(r#""route":"/me""#).count();
        until("the proxy sends it requests", async || {
            let log = service.instances[index].log();
            log.matches(r#""route":"/me""#).count() > before
        })
        .await;
    }
    done.store(true, Ordering::SeqCst);
    let mut sent = 0;
    for visitor in visitors {
        sent += visitor.await.unwrap();
    }
    println!("{sent} requests, none of them lost");
    assert!(sent > 200, "{sent}");

    // What can't be connected to is passed over before the proxy has looked again.
    service.instances[0].kill();
    for person in &people {
        let page = person.get(at, "/me").await;
        assert_eq!(page.status, 200, "{page:?}");
    }

    service.instances[1].kill();
    let callback = "/redirect?code=a-code-that-nobody-took&state=a-state-that-nobody-took";
    let page = people[0].get(at, callback).await;
    assert!(matches!(page.status.as_u16(), 502 | 503), "{page:?}");
    assert_eq!(page.header("retry-after"), Some("5"), "{page:?}");
    assert!(page.body.contains("does not answer"), "{page:?}");
    service.answers_with(503).await;
    people[0].get(at, callback).await;
    let log = service.proxy.log();
    assert!(log.contains("connection refused"), "{log}");
    assert!(!log.contains("that-nobody-took"), "{log}");
}
