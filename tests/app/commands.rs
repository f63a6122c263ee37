//! The binary's commands: what they print, how they exit, and what `serve` does when it is told to stop or killed.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use tempfile::TempDir;

use crate::support::binary::{Running, run};
use crate::support::{Browser, Page};
use test_support::free_address;

/// `serve` in `folder` on a free port, with what it logged on start.
fn serve_and_log(folder: &Path) -> (Running, SocketAddr, Vec<String>) {
    for _ in 0..20 {
        let address = free_address().to_string();
        let running = Running::start(folder, &[], &[("SERVER_LISTEN", &address)]);
        // Its last words before it serves. Without them another process was faster at taking the port.
        if let Some(log) = running.logged("sandbox mode") {
            return (running, address.parse().unwrap(), log);
        }
    }
    panic!("no free port");
}

fn serve(folder: &Path) -> (Running, SocketAddr) {
    let (running, address, _) = serve_and_log(folder);
    (running, address)
}

async fn health_of(address: SocketAddr) -> Page {
    Browser::at(address).get("/healthz").await
}

#[test]
fn the_sandbox_alone_has_no_settings() {
    let folder = TempDir::new().unwrap();
    let set = ["sandbox", "--set", "server.listen=127.0.0.1:0"];
    let ended = run(folder.path(), &set, &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--set server.listen: "), "{ended:?}");
    assert!(ended.stderr.contains("sandbox --help"), "{ended:?}");
    let ended = run(folder.path(), &["sandbox", "--rate-limit", "0"], &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--rate-limit"), "{ended:?}");
}

#[test]
fn version_and_help() {
    let folder = TempDir::new().unwrap();
    let ended = run(folder.path(), &["--version"], &[]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(
        ended.stdout.trim(),
        concat!("smartsheet-oauth-demo ", env!("CARGO_PKG_VERSION"))
    );
    for command in [&[][..], &["serve"], &["sandbox"], &["check"], &["health"]] {
        let ended = run(folder.path(), &[command, &["--help"]].concat(), &[]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        assert!(ended.stdout.contains("--config"), "{command:?}: {ended:?}");
        let ended = run(folder.path(), &[command, &["--version"]].concat(), &[]);
        assert_eq!(ended.code, Some(0), "{command:?}: {ended:?}");
    }
    let help = run(folder.path(), &["--help"], &[]).stdout;
    for command in ["serve", "sandbox", "check", "health"] {
        assert!(help.contains(command), "{help}");
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "asking for help leaves nothing behind"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_says_where_it_is_answers_health_and_stops_on_sigterm() {
    let folder = TempDir::new().unwrap();
    let (running, address) = serve(folder.path());
    let text = address.to_string();
    let health = |listen: &str| run(folder.path(), &["health"], &[("SERVER_LISTEN", listen)]).code;
    assert_eq!(health(&text), Some(0));
    assert_eq!(health(&format!("0.0.0.0:{}", address.port())), Some(0));
    assert_eq!(health("127.0.0.1:1"), Some(1));
    // A connection that stays open must not hold up the stop.
    let browser = Browser::at(address);
    assert_eq!(browser.get("/readyz").await.status, 200);
    let (code, log) = running.signal("TERM");
    assert_eq!(code, Some(0), "{log:?}");
    assert!(log.last().unwrap().contains("stopped"), "{log:?}");
}

/// Every time: the sessions' file is closed, and what was under way has been waited for.
#[test]
fn it_stops_in_good_order_with_nobody_connected() {
    let folder = TempDir::new().unwrap();
    for _ in 0..8 {
        let (running, address) = serve(folder.path());
        // Once it answers, it listens for signals, too.
        let listen = address.to_string();
        let health = run(folder.path(), &["health"], &[("SERVER_LISTEN", &listen)]);
        assert_eq!(health.code, Some(0), "{health:?}");
        let (code, log) = running.signal("TERM");
        assert_eq!(code, Some(0), "{log:?}");
        assert!(log.last().unwrap().contains("stopped"), "{log:?}");
        assert!(!folder.path().join("data/sessions.db-wal").exists());
    }
}

#[test]
fn what_serve_says_on_start() {
    let folder = TempDir::new().unwrap();
    let (running, address, log) = serve_and_log(folder.path());
    let (address, log) = (address.to_string(), log.join("\n"));
    for part in [
        address.as_str(),
        "http://localhost:8080",
        "sandbox",
        "http://localhost:8080/redirect",
    ] {
        assert!(log.contains(part), "no {part} in {log}");
    }
    // The port differs from the one browsers are told.
    assert!(running.logged("server.base_url").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_stops_it_too() {
    let folder = TempDir::new().unwrap();
    let (running, address) = serve(folder.path());
    assert_eq!(health_of(address).await.status, 200);
    assert_eq!(running.signal("INT").0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_json_is_json_from_the_first_line_to_the_last() {
    let folder = TempDir::new().unwrap();
    fs::write(
        folder.path().join("config.toml"),
        "[server]\ntrusted_proxies = \"127.0.0.1\"\n[log]\nformat = \"json\"\n",
    )
    .unwrap();
    let (running, address) = serve(folder.path());
    let browser = Browser::at(address);
    browser.get_as("in-the-json-log", "/nothing").await;
    let line = running.logged("in-the-json-log").unwrap().pop().unwrap();
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&event["status"], &event["id"]),
        (&404.into(), &"in-the-json-log".into())
    );
    let (_, log) = running.signal("TERM");
    for line in log {
        assert!(
            serde_json::from_str::<serde_json::Value>(&line).is_ok(),
            "{line}"
        );
    }
}

/// What was acknowledged survives a kill: the session, and the sandbox's grants.
#[tokio::test(flavor = "multi_thread")]
async fn killed_and_started_again_everybody_is_still_signed_in() {
    let folder = TempDir::new().unwrap();
    let (running, address) = serve(folder.path());
    let browser = Browser::at(address);
    browser.sign_in("full").await.redirects_to("/me");
    let (code, _) = running.signal("KILL");
    assert_eq!(code, None);
    let (_running, address) = serve(folder.path());
    let again = Browser::at(address);
    for (name, value) in browser.cookies() {
        again.set_cookie(&name, &value);
    }
    again.get("/me").await.shows(200, &["Grace Hopper"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_alone() {
    let folder = TempDir::new().unwrap();
    let args = [
        "sandbox",
        "--listen",
        "127.0.0.1:0",
        "--client-id",
        "one",
        "--client-secret",
        "s",
    ];
    let args = [
        &args[..],
        &[
            "--redirect-url",
            "http://localhost:8080/redirect",
            "--seed",
            "7",
        ],
    ]
    .concat();
    let running = Running::start(folder.path(), &args, &[]);
    let line = running.next_line();
    let address = line.strip_prefix("listening on http://").unwrap();
    let address: SocketAddr = address.parse().unwrap();
    assert!(address.ip().is_loopback() && address.port() != 0);
    let browser = Browser::at(address);
    let page = browser
        .get("/b/authorize?response_type=code&client_id=one&state=s")
        .await;
    assert_eq!(page.status, 200);
    assert_eq!(browser.get("/2.0/users/me").await.status, 401);
    assert_eq!(running.signal("TERM").0, Some(0));
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "alone it keeps nothing"
    );
}
