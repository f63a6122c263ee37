//! Port 0, and two programs in one folder.

use std::net::SocketAddr;
use std::path::Path;

use tempfile::TempDir;

use crate::support::Browser;
use crate::support::binary::{Running, run};

/// The program on a port that the system chooses, with what it logged.
fn serve(folder: &Path, environment: &[(&str, &str)]) -> (Running, SocketAddr, Vec<String>) {
    let port_0 = [
        ("SERVER_LISTEN", "127.0.0.1:0"),
        ("SERVER_DRAIN_TIME", "0s"),
    ];
    let environment = [&port_0[..], environment].concat();
    let running = Running::start(folder, &[], &environment);
    let log = running.logged("sandbox mode").expect("it starts");
    let address = log.iter().find_map(|line| {
        let rest = line.split("address=").nth(1)?;
        rest.split_whitespace().next()?.parse().ok()
    });
    (running, address.unwrap(), log)
}

/// The line says where to open it, and that is where it is; the sandbox is there, too.
#[tokio::test(flavor = "multi_thread")]
async fn with_port_0_everything_follows_the_real_one() {
    let folder = TempDir::new().unwrap();
    let (running, address, log) = serve(folder.path(), &[]);
    assert_ne!(address.port(), 0);
    let base = format!("http://localhost:{}", address.port());
    for part in [format!("open {base}"), format!("{base}/redirect")] {
        assert!(
            log.iter().any(|line| line.contains(&part)),
            "no {part}: {log:?}"
        );
    }
    let browser = Browser::at(address);
    let authorize = browser.begin("/login").await;
    let expected = format!("http://127.0.0.1:{}/sandbox/b/authorize", address.port());
    assert!(authorize.as_str().starts_with(&expected), "{authorize}");
    let http = test_support::http_client();
    let mut consent = authorize.clone();
    consent
        .query_pairs_mut()
        .append_pair("sandbox_decision", "allow")
        .append_pair("sandbox_user", "full");
    let answer = http.get(consent).send().await.unwrap();
    let callback = answer.headers()["location"].to_str().unwrap().to_owned();
    let path = callback.strip_prefix(&base).expect("the real port");
    browser.get(path).await.redirects_to("/me");
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    drop(running);
}

/// What is set stays as it is set.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_does_not_follow() {
    let folder = TempDir::new().unwrap();
    let base_url = [("SERVER_BASE_URL", "http://localhost:8080")];
    let (_running, address, log) = serve(folder.path(), &base_url);
    let says = log
        .iter()
        .any(|line| line.contains("open http://localhost:8080"));
    assert!(says, "{log:?}");
    let browser = Browser::at(address);
    browser.sign_in("full").await.redirects_to("/me");
}

#[test]
fn a_second_program_in_one_folder_says_so() {
    let folder = TempDir::new().unwrap();
    let (first, ..) = serve(folder.path(), &[]);
    let again = [("SERVER_LISTEN", "127.0.0.1:0")];
    let ended = run(folder.path(), &[], &again);
    ended.is_refused(&[
        "session.store",
        "another instance",
        "sqlite://data/sessions.db",
        "SESSION_STORE=sqlite://data-2/sessions.db",
    ]);
    assert!(!ended.stderr.contains("locked"), "{ended:?}");
    // As it says.
    let elsewhere = [("SESSION_STORE", "sqlite://data-2/sessions.db")];
    let (second, ..) = serve(folder.path(), &elsewhere);
    assert_eq!(second.signal("TERM").0, Some(0));
    assert_eq!(first.signal("TERM").0, Some(0));
}
