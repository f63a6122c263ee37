//! SQLite on a disk that is full, or a file that may not be written.

use std::ffi::OsString;
use std::process::Command;

use crate::support::{Browser, Cluster, Hold, Instance, Kind, Provider, server_user, until};

/// Starts the app with a log that is not on the full disk: another process writes it.
const LOG_ELSEWHERE: &str = r#"trap '' XFSZ; exec "$0" 2> >(exec cat >&2)"#;
/// Starts the app with a log that is on the full disk.
const LOG_ON_IT: &str = r#"trap '' XFSZ; exec "$0""#;

/// By default the signal of a size limit ends a process; on a full disk there is no signal, so it is ignored.
fn wrapped(command: &str) -> Vec<OsString> {
    ["bash", "-c", command].map(Into::into).to_vec()
}

/// Files can't grow beyond `size` from now on, which is what a full disk does. `unlimited` takes that back.
fn limit_files(instance: &Instance, size: &str) {
    let set = Command::new("prlimit")
        .args([
            "--pid",
            &instance.pid().to_string(),
            &format!("--fsize={size}:unlimited"),
        ])
        .status();
    assert!(set.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_said_and_got_over() {
    let provider = Provider::start().await;
    let mut cluster = Cluster::new(Kind::Sqlite).await.with_provider(&provider);
    cluster.setup.wrapper = wrapped(LOG_ELSEWHERE);
    let one = cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    assert_eq!(browser.me(one.address).await.status, 200);

    limit_files(&one, "4096");
    until("a write has failed", async || {
        browser.get(one.address, "/login").await.status == 503
    })
    .await;
    for _ in 0..3 {
        assert_eq!(
            browser.me(one.address).await.status,
            200,
            "reading needs no room"
        );
        assert_eq!(browser.get(one.address, "/").await.status, 200);
        assert_eq!(browser.get(one.address, "/healthz").await.status, 200);
        for page in [
            browser.get(one.address, "/login").await,
            Browser::new().get(one.address, "/login").await,
            browser.post(one.address, "/refresh").await,
            browser.post(one.address, "/logout").await,
        ] {
            assert_eq!(page.status, 503, "{page:?}");
            assert!(page.header("retry-after").is_some(), "{page:?}");
        }
    }
    let log = one.log();
    assert!(log.contains("the session store"), "{log}");
    assert_eq!(
        provider.book().refreshes,
        0,
        "nothing is refreshed that could not be stored"
    );

    limit_files(&one, "unlimited");
    assert_eq!(
        browser.post(one.address, "/refresh").await.location(),
        Some("/me")
    );
    assert_eq!(browser.me(one.address).await.status, 200);
    until("sign-ins begin again", async || {
        browser.get(one.address, "/login").await.status == 303
    })
    .await;
    Browser::new().sign_in(one.address).await;
    drop(one);
    let again = cluster.start().await;
    assert_eq!(browser.me(again.address).await.status, 200);
}

/// The disk is full when Smartsheet's answer comes: storing is tried until there is room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pair_waits_for_room_on_the_disk() {
    let provider = Provider::start().await;
    let mut cluster = Cluster::new(Kind::Sqlite).await.with_provider(&provider);
    cluster.setup.wrapper = wrapped(LOG_ELSEWHERE);
    let one = cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    provider.expire();

    provider.hold_tokens(Hold::Processed);
    let (tab, at) = (browser.clone(), one.address);
    let asked = tokio::spawn(async move { tab.me(at).await });
    provider.until(|book| book.pairs.len() == 2).await;
    limit_files(&one, "4096");
    provider.hold_tokens(Hold::No);
    until("a write has failed", async || {
        browser.get(one.address, "/login").await.status == 503
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    limit_files(&one, "unlimited");
    // Nobody is kept waiting for the disk; the pair is stored all the same.
    let page = asked.await.unwrap();
    assert!(page.status == 200 || page.status == 503, "{page:?}");
    until("the pair is stored", async || {
        browser.me(one.address).await.status == 200
    })
    .await;
    assert_eq!(provider.book().refreshes, 1);
}

/// Nobody can be told any more, and the pages go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_can_not_be_written_stops_nothing() {
    let provider = Provider::start().await;
    let mut cluster = Cluster::new(Kind::Sqlite).await.with_provider(&provider);
    cluster.setup.wrapper = wrapped(LOG_ON_IT);
    let one = cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    limit_files(&one, "1");
    until("a write has failed", async || {
        browser.get(one.address, "/login").await.status == 503
    })
    .await;
    for _ in 0..3 {
        assert_eq!(browser.me(one.address).await.status, 200);
        assert_eq!(browser.get(one.address, "/login").await.status, 503);
    }
    limit_files(&one, "unlimited");
    assert_eq!(
        browser.post(one.address, "/refresh").await.location(),
        Some("/me")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_may_not_be_written_is_named_at_the_start() {
    let provider = Provider::start().await;
    let mut cluster = Cluster::new(Kind::Sqlite).await.with_provider(&provider);
    let one = cluster.start().await;
    let browser = Browser::new();
    browser.sign_in(one.address).await;
    drop(one);
    let folder = cluster.folder();
    let read_only = |on: bool| {
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            let mut permissions = entry.metadata().unwrap().permissions();
            permissions.set_readonly(on);
            std::fs::set_permissions(entry.path(), permissions).unwrap();
        }
    };
    read_only(true);
    // Root may write everything, so then the app runs as somebody else.
    if let Some((user, group)) = server_user() {
        let arguments = [
            format!("--reuid={user}"),
            format!("--regid={group}"),
            "--clear-groups".into(),
            "--".into(),
        ];
        cluster.setup.wrapper = ["setpriv".into()]
            .into_iter()
            .chain(arguments.map(Into::into))
            .collect();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&folder, open).unwrap();
    }
    let address = crate::support::free_address().to_string();
    let output = cluster
        .setup
        .command()
        .env("SERVER_LISTEN", address)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(lines.len(), 1, "{said}");
    assert!(
        lines[0].contains("session.store") && lines[0].contains("sessions.db"),
        "{said}"
    );

    read_only(false);
    cluster.setup.wrapper.clear();
    let one = cluster.start().await;
    assert_eq!(browser.me(one.address).await.status, 200);
}
