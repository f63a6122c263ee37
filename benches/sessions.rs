//! What sessions cost, as ratios within one run: these machines are noisy, and a ratio of two things measured in turns is
//! not.
//!
//! ```text
//! cargo bench --bench sessions            # everything; about 3 minutes
//! cargo bench --bench sessions -- quick   # a tenth of the rows and rounds
//! POSTGRES_URL=postgres://… cargo bench --bench sessions   # the memory that PostgreSQL takes here, too
//! ```

#![allow(clippy::disallowed_methods, reason = "no clock is moved here")]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use jiff::Timestamp;
use rand::{Rng as _, RngExt as _};
use rusqlite::Connection;
use smartsheet_oauth_demo::clock::Clock;
use smartsheet_oauth_demo::config::Settings;
use smartsheet_oauth_demo::flow::FlowId;
use smartsheet_oauth_demo::oauth::{AccessToken, RefreshToken, Token};
use smartsheet_oauth_demo::postgres::{Address, Servers, Wait, migrate};
use smartsheet_oauth_demo::sandbox::{self, Sandbox};
use smartsheet_oauth_demo::session::{
    Id, Lifetimes, Login, MIGRATIONS, MemoryRows, Person, PostgresRows, RowKey, Rows, Sealer,
    SessionData, SqliteRows, Store,
};
use smartsheet_oauth_demo::start::{Instance, Overrides};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

#[tokio::main]
async fn main() {
    let asked = |word: &str| std::env::args().any(|argument| argument == word);
    // `cargo test --all-targets` starts benchmarks, too, but has no use for figures of an unoptimised build.
    if !asked("--bench") {
        return;
    }
    let quick = asked("quick");
    let scale = if quick { 10 } else { 1 };
    sealing(200_000 / scale);
    reading_by_size([1_000, 100_000 / scale, 1_000_000 / scale], 30_000 / scale).await;
    pages(20_000 / scale).await;
    stampede(1_000).await;
    memory(10_000).await;
}

/// A session as it is in life: signed in, with a name and tokens of Smartsheet's length.
fn session() -> SessionData {
    let now = Timestamp::now();
    let random = || hex::encode(rand::rng().random::<[u8; 18]>());
    let token = Token {
        access_token: AccessToken::new(random()),
        refresh_token: Some(RefreshToken::new(random())),
        expires_at: now + Duration::from_hours(7 * 24),
    };
    let mut login = Login::new(token, now);
    login.person = Some(Person {
        name: "Grace Hopper".to_owned(),
        email: "grace.hopper@example.com".to_owned(),
        ..Person::default()
    });
    SessionData::new(login, FlowId::random())
}

fn store(rows: Arc<dyn Rows>) -> Store {
    let sealer = Sealer::from_base64(&Sealer::new_key()).unwrap();
    let lifetimes = Lifetimes {
        idle: Duration::from_hours(7 * 24),
        total: Duration::from_hours(90 * 24),
    };
    Store::new(rows, sealer, lifetimes, Clock::system())
}

fn sealing(rounds: usize) {
    let sealer = Sealer::from_base64(&Sealer::new_key()).unwrap();
    let content = serde_json::to_vec(&session()).unwrap();
    let row = RowKey([7; 32]);
    let started = Instant::now();
    for _ in 0..rounds {
        black_box(sealer.seal(&row.0, 1, black_box(&content)).unwrap());
    }
    let seal = started.elapsed() / u32::try_from(rounds).unwrap();
    let to_open = sealer.seal(&row.0, 1, &content).unwrap();
    let started = Instant::now();
    for _ in 0..rounds {
        black_box(sealer.open(&row.0, 1, black_box(&to_open)).unwrap());
    }
    let open = started.elapsed() / u32::try_from(rounds).unwrap();
    let started = Instant::now();
    for _ in 0..rounds {
        black_box(serde_json::from_slice::<SessionData>(black_box(&content)).unwrap());
    }
    let parse = started.elapsed() / u32::try_from(rounds).unwrap();
    println!(
        "sealing a session of {} bytes: {seal:?}, opening {open:?}; its JSON alone {parse:?}",
        content.len()
    );
}

/// Reads sessions from SQLite files of three sizes, in turns.
async fn reading_by_size(sizes: [usize; 3], rounds: usize) {
    const KNOWN: usize = 500;
    let folder = tempfile::tempdir().unwrap();
    let mut stores = Vec::new();
    for size in sizes {
        let file = folder.path().join(format!("{size}.db"));
        let store = store(Arc::new(SqliteRows::open(&file).await.unwrap()));
        fill(&file, size - KNOWN);
        let mut ids = Vec::new();
        for _ in 0..KNOWN {
            ids.push(store.create(session()).await.unwrap().id);
        }
        stores.push((store, ids));
    }
    let mut times = vec![Vec::with_capacity(rounds); stores.len()];
    for _ in 0..rounds {
        for ((store, ids), times) in stores.iter().zip(&mut times) {
            let id = ids[rand::rng().random_range(0..ids.len())];
            let started = Instant::now();
            black_box(store.read(id).await.unwrap().unwrap());
            times.push(started.elapsed());
        }
    }
    let medians: Vec<Duration> = times.into_iter().map(median).collect();
    println!("reading a session from SQLite, median of {rounds}:");
    for (size, median) in sizes.iter().zip(&medians) {
        println!(
            "  {size:>9} stored: {median:?}, ratio {:.2}",
            ratio(*median, medians[0])
        );
    }
    println!("  (aim: the last within 1.5 of the first)");
}

/// Rows of the usual size that nobody reads, written faster than the app would: without waiting for the disk.
fn fill(file: &Path, count: usize) {
    let mut connection = Connection::open(file).unwrap();
    connection
        .pragma_update(None, "synchronous", "OFF")
        .unwrap();
    let transaction = connection.transaction().unwrap();
    let (mut key, mut sealed) = ([0; 32], [0; 420]);
    let sql = "INSERT INTO sessions (key, version, sealed, expires_at, transient) VALUES (?1, 1, ?2, ?3, 0)";
    for _ in 0..count {
        rand::rng().fill_bytes(&mut key);
        rand::rng().fill_bytes(&mut sealed);
        let mut insert = transaction.prepare_cached(sql).unwrap();
        insert.execute((key, sealed.as_slice(), i64::MAX)).unwrap();
    }
    transaction.commit().unwrap();
}

/// An app on SQLite with its sandbox mounted and listening, and a signed-in browser's cookie.
struct World {
    routes: Router,
    base: String,
    cookie: String,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new(margin: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", sandbox.local_addr().unwrap());
        let flags = [
            ("server.listen", "127.0.0.1:0".to_owned()),
            ("smartsheet.region", "us".to_owned()),
            ("smartsheet.client_id", "bench".to_owned()),
            ("smartsheet.client_secret", "secret".to_owned()),
            ("smartsheet.authorize_url", format!("{base}/b/authorize")),
            ("smartsheet.api_url", format!("{base}/2.0")),
            (
                "session.store",
                format!("sqlite://{}/sessions.db", folder.path().display()),
            ),
            ("session.refresh_margin", margin.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        let settings = Settings::load(None, &|_| None, &flags).unwrap();
        let options = sandbox::Options {
            apps: vec![sandbox::RegisteredApp {
                name: "Bench".to_owned(),
                client_id: "bench".to_owned(),
                client_secret: "secret".to_owned(),
                redirect_urls: vec![settings.redirect_url().to_string()],
            }],
            ..sandbox::Options::default()
        };
        let stand_in = Sandbox::open(options).await.unwrap();
        tokio::spawn(sandbox::serve(stand_in, sandbox, std::future::pending()));
        let server = Instance::start(&settings, Overrides::default())
            .await
            .unwrap();
        let mut world = Self {
            routes: server.routes(),
            base,
            cookie: String::new(),
            _folder: folder,
        };
        world.sign_in().await;
        world
    }

    async fn sign_in(&mut self) {
        let login = self.get("/login").await;
        self.cookie = cookie(&login);
        let url = login.headers()[header::LOCATION].to_str().unwrap();
        let browser = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let url = format!("{url}&sandbox_decision=allow&sandbox_user=full");
        let answer = browser.get(url).send().await.unwrap();
        let callback = answer.headers()["location"].to_str().unwrap();
        let (_, query) = callback.split_once('?').unwrap();
        let done = self.get(&format!("/redirect?{query}")).await;
        assert_eq!(done.status(), StatusCode::SEE_OTHER);
        self.cookie = cookie(&done);
        assert_eq!(self.get("/me").await.status(), StatusCode::OK);
    }

    async fn get(&self, path: &str) -> axum::response::Response {
        self.get_as(path, &self.cookie).await
    }

    async fn get_as(&self, path: &str, cookie: &str) -> axum::response::Response {
        let mut request = Request::builder().uri(path);
        if !cookie.is_empty() {
            request = request.header(header::COOKIE, cookie);
        }
        let request = request.body(Body::empty()).unwrap();
        self.routes.clone().oneshot(request).await.unwrap()
    }

    async fn expire_tokens(&self) {
        let expire = reqwest::Client::new()
            .post(format!("{}/control/expire", self.base))
            .header("content-type", "application/json")
            .body(r#"{"what": "access_tokens"}"#);
        assert!(expire.send().await.unwrap().status().is_success());
    }
}

fn cookie(answer: &axum::response::Response) -> String {
    let set = answer.headers()[header::SET_COOKIE].to_str().unwrap();
    set.split(';').next().unwrap().to_owned()
}

/// The start page with a session against the same without one.
async fn pages(rounds: usize) {
    let world = World::new("5m").await;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        for (cookie, times) in [(world.cookie.as_str(), &mut with), ("", &mut without)] {
            let started = Instant::now();
            let answer = world.get_as("/", cookie).await;
            black_box(to_bytes(answer.into_body(), usize::MAX).await.unwrap());
            times.push(started.elapsed());
        }
    }
    let (with, without) = (median(with), median(without));
    println!(
        "the start page with a session: {with:?}, without: {without:?}, ratio {:.2}",
        ratio(with, without)
    );
}

/// Many requests at once on a session whose token has expired, against the same on a fresh one.
async fn stampede(count: usize) {
    let world = Arc::new(World::new("5m").await);
    let mut fresh = Vec::new();
    let mut expired = Vec::new();
    let mut token_round_trip = Vec::new();
    for _ in 0..10 {
        fresh.push(all_at_once(&world, count).await);
        world.expire_tokens().await;
        expired.push(all_at_once(&world, count).await);
        world.expire_tokens().await;
        let started = Instant::now();
        assert_eq!(world.get("/me").await.status(), StatusCode::OK);
        token_round_trip.push(started.elapsed());
    }
    let (fresh, expired, one) = (median(fresh), median(expired), median(token_round_trip));
    println!(
        "{count} requests to /me at once: fresh {fresh:?}, expired {expired:?}, ratio {:.2}; one request with a refresh \
         {one:?}\n  (aim: within one token round trip plus 2 times)",
        ratio(expired, fresh)
    );
}

async fn all_at_once(world: &Arc<World>, count: usize) -> Duration {
    let started = Instant::now();
    let mut requests = JoinSet::new();
    for _ in 0..count {
        let world = Arc::clone(world);
        requests.spawn(async move { world.get("/me").await.status() });
    }
    while let Some(status) = requests.join_next().await {
        assert_eq!(status.unwrap(), StatusCode::OK);
    }
    started.elapsed()
}

async fn memory(count: usize) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sessions.db");
    let sqlite = SqliteRows::open(&file).await.unwrap();
    let mut stores: Vec<(&str, Arc<dyn Rows>)> = vec![
        ("memory", Arc::new(MemoryRows::default())),
        ("SQLite", Arc::new(sqlite)),
    ];
    if let Ok(url) = std::env::var("POSTGRES_URL") {
        let servers = Servers::new(&Address::parse(&url).unwrap(), "bench");
        migrate(&servers, &MIGRATIONS, None).await.unwrap();
        let rows = PostgresRows::new(&servers, Wait::StandbyDisk, 10);
        stores.push(("PostgreSQL", Arc::new(rows)));
    }
    for (name, rows) in stores {
        let store = store(rows);
        let before = resident();
        let mut ids: Vec<Id> = Vec::with_capacity(count);
        for _ in 0..count {
            ids.push(store.create(session()).await.unwrap().id);
        }
        println!(
            "{count} sessions in {name}: {} KiB of memory",
            resident().saturating_sub(before)
        );
    }
    let size = std::fs::metadata(&file).unwrap().len() / 1024;
    println!("  and {size} KiB on disk");
}

/// Resident memory of this process in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse().unwrap()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}
