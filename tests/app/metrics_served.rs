//! Where the figures are served: at an address of their own, to whoever asks in proper form, until the very end.

use std::net::{SocketAddr, TcpListener};

use reqwest::Method;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::metrics::measured;
use crate::support::binary::{Running, run};
use crate::support::exposition::{get, scrape};
use crate::support::{Browser, DAY, Gate, PATIENCE, Page, Provider, Reply, Setup, World, until};
use test_support::http_client;

async fn ask(address: SocketAddr, method: Method, path: &str) -> Page {
    let request = http_client().request(method, format!("http://{address}{path}"));
    Page::read(request.send().await.unwrap()).await
}

#[tokio::test]
async fn one_path_by_one_method_and_nothing_that_is_kept() {
    let world = World::with(measured).await;
    let address = world.app.metrics.unwrap();
    let page = get(address, "/metrics").await;
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let head = ask(address, Method::HEAD, "/metrics").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let mut pages = vec![page, head];
    for path in ["/", "/metrics/", "/me", "/login", "/healthz", "/readyz"] {
        let page = get(address, path).await;
        assert_eq!(page.status, 404, "{path}: {page:?}");
        pages.push(page);
    }
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let page = ask(address, method, "/metrics").await;
        assert_eq!((page.status, page.header("allow")), (405, "GET,HEAD"));
        pages.push(page);
    }
    for page in pages {
        assert_eq!(page.header("cache-control"), "no-store", "{page:?}");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert!(page.set_cookies().is_empty(), "{page:?}");
    }
    // Nobody finds them at the app's own address.
    let public = world.browser().get("/metrics").await;
    public.is_error(404, &[]);
    assert!(!public.body.contains("oauth_demo_"), "{public:?}");
    // And looking at the figures is no request of a visitor.
    let figures = scrape(address).await;
    let routes = figures.values_of("route");
    assert_eq!(Vec::from_iter(routes), ["(none)"]);
}

#[tokio::test]
async fn without_the_setting_there_are_none() {
    let world = World::new().await;
    assert_eq!(world.app.metrics, None);
    world.browser().get("/metrics").await.is_error(404, &[]);
}

/// More clients than there is room for, none of which says what it wants.
#[tokio::test]
async fn slow_clients_hold_up_nobody() {
    let world = World::with(|setup| {
        let mut setup = measured(setup);
        // Nobody is turned away for being late.
        setup.connections.header_timeout = DAY;
        setup
    })
    .await;
    let address = world.app.metrics.unwrap();
    let mut slow = Vec::new();
    for _ in 0..40 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\n")
            .await
            .unwrap();
        slow.push(stream);
    }
    let scraped = tokio::time::timeout(PATIENCE, scrape(address)).await;
    assert!(scraped.is_ok(), "no answer beside slow clients");
    // They had no place of the app's.
    world.browser().get("/").await.shows(200, &[]);
}

/// A sign-in holds up the stop: meanwhile the app's own address is closed, and the figures tell what goes on.
#[tokio::test]
async fn the_stop_can_be_watched_to_its_end() {
    let gate = Gate::closed();
    let behind = gate.clone();
    let provider = Provider::start(move |seen, _| {
        (seen.line == "POST /2.0/token").then(|| Reply::pair(1).behind(&behind))
    })
    .await;
    let app = measured(provider.setup()).start().await;
    let (address, metrics) = (app.address, app.metrics.unwrap());
    let browser = Browser::new(&app);
    let before = scrape(metrics).await;
    assert_eq!(before.value("oauth_demo_ready", &[]), Some(1.0));
    let state = browser.begin_with_state().await;
    let signing_in = tokio::spawn(async move {
        let callback = format!("/redirect?code=c&state={state}");
        browser.get(&callback).await
    });
    provider.arrived("POST /2.0/token", 1).await;

    let mut stopping = app.begin_to_stop();
    until("the app's own address is closed", async || {
        TcpStream::connect(address).await.err()
    })
    .await;
    let during = scrape(metrics).await;
    assert_eq!(during.value("oauth_demo_ready", &[]), Some(0.0));
    let outcome = |figures: &crate::support::exposition::Exposition| {
        figures.value("oauth_demo_sign_ins_total", &[("outcome", "succeeded")])
    };
    assert_eq!(outcome(&during), Some(0.0));
    assert!(!stopping.is_finished());

    gate.open();
    signing_in.await.unwrap().redirects_to("/me");
    let ended = tokio::time::timeout(PATIENCE, &mut stopping).await;
    ended.expect("it stops").unwrap().unwrap();
    until("the figures are gone, too", async || {
        TcpStream::connect(metrics).await.err()
    })
    .await;
}

#[test]
fn an_address_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = TempDir::new().unwrap();
    let ended = run(
        folder.path(),
        &["--set", "server.listen=127.0.0.1:0"],
        &[("SERVER_METRICS_LISTEN", &address)],
    );
    ended.is_refused(&[
        "server.metrics_listen (",
        "SERVER_METRICS_LISTEN",
        &address,
        "in use",
        "free port",
    ]);
    // It left nothing behind, either.
    assert!(!folder.path().join("data").exists());
}

#[test]
fn the_address_of_the_app_itself() {
    let folder = TempDir::new().unwrap();
    for (listen, metrics) in [
        ("127.0.0.1:8123", "127.0.0.1:8123"),
        ("0.0.0.0:8123", "127.0.0.1:8123"),
        ("127.0.0.1:8123", "0.0.0.0:8123"),
    ] {
        let environment = [
            ("SERVER_LISTEN", listen),
            ("SERVER_METRICS_LISTEN", metrics),
        ];
        run(folder.path(), &[], &environment).is_refused(&[
            "server.metrics_listen (",
            metrics,
            &format!("server.listen is {listen}"),
            "expected another port",
        ]);
    }
    for (listen, metrics) in [
        ("127.0.0.1:8123", "127.0.0.1:8124"),
        ("127.0.0.1:8123", "127.0.0.2:8123"),
        ("127.0.0.1:0", "127.0.0.1:0"),
    ] {
        let setup = Setup::mounted()
            .set("server.listen", listen)
            .set("server.metrics_listen", metrics);
        let settings = setup.settings();
        assert_eq!(settings.server.metrics_listen, metrics.parse().ok());
        let warnings = settings.warnings();
        assert!(
            !warnings.iter().any(|text| text.contains("metrics")),
            "{warnings:?}"
        );
    }
}

/// The program itself: the log says where the figures are.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_where_they_are() {
    let folder = TempDir::new().unwrap();
    let environment = [
        ("SERVER_LISTEN", "127.0.0.1:0"),
        ("SERVER_METRICS_LISTEN", "127.0.0.1:0"),
        ("SERVER_DRAIN_TIME", "0s"),
    ];
    let running = Running::start(folder.path(), &[], &environment);
    let line = running.logged("metrics at").unwrap().pop().unwrap();
    let (_, url) = line.split_once("http://").unwrap();
    let (address, path) = url.split_once('/').unwrap();
    assert!(path.starts_with("metrics"), "{line}");
    let figures = scrape(address.parse().unwrap()).await;
    assert_eq!(figures.value("oauth_demo_ready", &[]), Some(1.0));
    let (code, log) = running.signal("TERM");
    assert_eq!(code, Some(0), "{log:?}");
}
