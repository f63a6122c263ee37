//! `check`: the effective settings with their origins, no secrets, and whether it all works.

use std::fs;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::app::NOBODY;
use crate::support::binary::{Ended, hangs_up, run};

/// The line of `check` for a setting.
pub(crate) fn shown<'a>(ended: &'a Ended, name: &str) -> &'a str {
    let line = ended
        .stdout
        .lines()
        .find(|line| line.trim_start().starts_with(&format!("{name} ")));
    line.unwrap_or_else(|| panic!("no {name} in {ended:?}"))
}

/// Whoever reads may have enough before the end, as in `check | head`.
#[test]
fn a_reader_that_leaves_is_no_error() {
    let folder = TempDir::new().unwrap();
    let mut check = Command::new(env!("CARGO_BIN_EXE_smartsheet-oauth-demo"))
        .arg("check")
        .current_dir(folder.path())
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(check.stdout.take());
    let ended = check.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(ended.stderr, b"", "{ended:?}");
}

#[test]
fn default_then_file_then_environment_then_flag() {
    let folder = TempDir::new().unwrap();
    let listen = |file: bool, environment: bool, flag: bool| {
        let text = if file {
            "[server]\nlisten = \"127.0.0.1:1001\"\n"
        } else {
            ""
        };
        fs::write(folder.path().join("config.toml"), text).unwrap();
        let environment: &[(&str, &str)] = if environment {
            &[("SERVER_LISTEN", "127.0.0.1:1002")]
        } else {
            &[]
        };
        let flags: &[&str] = if flag {
            &["--set", "server.listen=127.0.0.1:1003"]
        } else {
            &[]
        };
        let ended = run(folder.path(), &[&["check"], flags].concat(), environment);
        let line = shown(&ended, "server.listen")
            .split_whitespace()
            .skip(1)
            .collect::<Vec<_>>();
        line.join(" ")
    };
    assert_eq!(listen(false, false, false), "127.0.0.1:8080 (default)");
    assert_eq!(listen(true, false, false), "127.0.0.1:1001 (config.toml)");
    assert_eq!(
        listen(true, true, false),
        "127.0.0.1:1002 (environment SERVER_LISTEN)"
    );
    assert_eq!(listen(true, true, true), "127.0.0.1:1003 (command line)");
    assert_eq!(listen(false, false, true), "127.0.0.1:1003 (command line)");
}

#[test]
fn another_file_by_config() {
    let folder = TempDir::new().unwrap();
    fs::write(
        folder.path().join("config.toml"),
        "[log]\nformat = \"json\"\n",
    )
    .unwrap();
    fs::write(
        folder.path().join("other.toml"),
        "[session]\nlifetime = \"30d\"\n",
    )
    .unwrap();
    // Everywhere: before and after the command.
    for args in [
        &["--config", "other.toml", "check"],
        &["check", "--config", "other.toml"],
    ] {
        let ended = run(folder.path(), args, &[]);
        assert!(
            shown(&ended, "session.lifetime").contains("30d  (other.toml)"),
            "{ended:?}"
        );
        assert!(
            shown(&ended, "log.format").contains("text  (default)"),
            "{ended:?}"
        );
    }
}

#[test]
fn check_finds_the_defaults_sound() {
    let folder = TempDir::new().unwrap();
    let ended = run(folder.path(), &["check"], &[]);
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );
    assert!(
        ended.stdout.contains("http://localhost:8080/redirect"),
        "{ended:?}"
    );
    assert!(!ended.stdout.contains("WRONG"), "{ended:?}");
    let secret = ended
        .stdout
        .lines()
        .find(|line| line.contains("smartsheet.client_secret "));
    assert!(secret.unwrap().contains("made up"), "{ended:?}");
    for name in [
        "server.listen",
        "server.base_url",
        "server.metrics_listen",
        "server.trusted_proxies",
        "server.rate_limit",
        "server.max_connections",
        "server.drain_time",
        "server.stop_timeout",
        "smartsheet.region",
        "smartsheet.client_id",
        "smartsheet.client_secret",
        "smartsheet.client_secret_file",
        "smartsheet.scopes",
        "smartsheet.client_authentication",
        "smartsheet.authorize_url",
        "smartsheet.api_url",
        "session.store",
        "session.store_file",
        "session.key",
        "session.key_file",
        "session.idle_timeout",
        "session.lifetime",
        "session.refresh_margin",
        "session.refresh_lease",
        "flow.record",
        "flow.max_size",
        "log.format",
    ] {
        assert!(shown(&ended, name).contains("(default)"), "{name}");
    }
    assert!(
        shown(&ended, "smartsheet.region").contains("sandbox"),
        "{ended:?}"
    );
    // Another site than the app's own host, as Smartsheet is.
    assert!(
        shown(&ended, "smartsheet.authorize_url")
            .contains("http://127.0.0.1:8080/sandbox/b/authorize")
    );
}

#[test]
fn check_prints_no_secret() {
    let folder = TempDir::new().unwrap();
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    fs::write(folder.path().join("secret.txt"), "hunter2-in-a-file").unwrap();
    let api = format!("{NOBODY}/2.0");
    let database = hangs_up();
    let store = format!("postgres://ann:hunter2-of-ann@{database}/sessions?password=hunter2-again");
    let shown_store = format!("postgres://ann:***@{database}/sessions ");
    let common = [
        ("SMARTSHEET_CLIENT_ID", "the-id"),
        ("SMARTSHEET_API_URL", api.as_str()),
        ("SMARTSHEET_AUTHORIZE_URL", api.as_str()),
        ("SESSION_KEY", key),
    ];
    fs::write(folder.path().join("store.txt"), format!("{store}\n")).unwrap();
    for secrets in [
        [
            ("SMARTSHEET_CLIENT_SECRET", "hunter2-of-the-app"),
            ("SESSION_STORE", store.as_str()),
        ],
        [
            ("SMARTSHEET_CLIENT_SECRET_FILE", "secret.txt"),
            ("SESSION_STORE_FILE", "store.txt"),
        ],
    ] {
        let ended = run(folder.path(), &["check"], &[&common[..], &secrets].concat());
        assert_eq!(ended.code, Some(1), "{ended:?}");
        for text in [&ended.stdout, &ended.stderr] {
            assert!(!text.contains("hunter2") && !text.contains(key), "{text}");
        }
        assert!(shown(&ended, "session.key").contains("set"), "{ended:?}");
        assert!(
            shown(&ended, "smartsheet.client_id").contains("the-id"),
            "{ended:?}"
        );
        assert!(
            shown(&ended, "session.store").contains(&shown_store),
            "{ended:?}"
        );
        assert!(
            shown(&ended, "session.store").contains(secrets[1].0),
            "{ended:?}"
        );
        // Neither the store nor the host answers.
        assert_eq!(ended.stdout.matches("WRONG").count(), 3, "{ended:?}");
    }
}

#[test]
fn check_exits_1_when_the_store_does_not_open() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("data"), "a file").unwrap();
    let ended = run(folder.path(), &["check"], &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("WRONG  session store"), "{ended:?}");
}

#[test]
fn check_exits_2_on_bad_settings() {
    let folder = TempDir::new().unwrap();
    let ended = run(folder.path(), &["check"], &[("SESSION_LIFETIME", "long")]);
    ended.is_refused(&["session.lifetime", "SESSION_LIFETIME"]);
}

#[tokio::test]
async fn check_asks_the_hosts_that_are_configured() {
    let provider = crate::support::Provider::well_behaved().await;
    let folder = TempDir::new().unwrap();
    let (authorize, api) = (
        format!("{}/b/authorize", provider.base()),
        format!("{}/2.0", provider.base()),
    );
    let ended = tokio::task::spawn_blocking(move || {
        let environment = [
            ("SMARTSHEET_CLIENT_ID", "x"),
            ("SMARTSHEET_CLIENT_SECRET", "y"),
            ("SMARTSHEET_AUTHORIZE_URL", authorize.as_str()),
            ("SMARTSHEET_API_URL", api.as_str()),
        ];
        run(folder.path(), &["check"], &environment)
    });
    let ended = ended.await.unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        ended.stdout.matches("answers (HTTP").count(),
        2,
        "{ended:?}"
    );
    assert_eq!(provider.lines(), ["GET /b/authorize", "GET /2.0"]);
}

/// The callback and the cookie would be anybody's to read.
#[test]
fn a_public_address_without_https_is_warned_about() {
    let folder = TempDir::new().unwrap();
    let warned = |base_url: &str| {
        let environment = [
            ("SERVER_BASE_URL", base_url),
            ("SESSION_STORE", "memory"),
            ("SMARTSHEET_CLIENT_ID", "the-id"),
            ("SMARTSHEET_CLIENT_SECRET", "the-secret"),
            ("SMARTSHEET_AUTHORIZE_URL", NOBODY),
            ("SMARTSHEET_API_URL", NOBODY),
        ];
        run(folder.path(), &["check"], &environment)
            .stdout
            .contains("without https")
    };
    assert!(warned("http://demo.example.com"));
    assert!(!warned("https://demo.example.com"));
    assert!(!warned("http://localhost:8080"));
}

/// A value, and what is said of it: nothing where it is as it should be.
#[test]
fn values_that_work_against_each_other_are_warned_about() {
    let folder = TempDir::new().unwrap();
    for (setting, value, warning) in [
        (
            "SESSION_REFRESH_LEASE",
            "14s",
            "a refresh may take 15 seconds",
        ),
        ("SESSION_REFRESH_LEASE", "15s", ""),
        ("SESSION_REFRESH_MARGIN", "7d", "tokens live 7 days"),
        ("SESSION_REFRESH_MARGIN", "167h", ""),
        ("SESSION_IDLE_TIMEOUT", "91d", "no session lasts longer"),
        ("SESSION_IDLE_TIMEOUT", "90d", ""),
        ("GATEWAY_ALLOW", "@example.com", "gateway.sites is not"),
    ] {
        let environment = [("SESSION_STORE", "memory"), (setting, value)];
        let ended = run(folder.path(), &["check"], &environment);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let lines = ended.stdout.lines().map(str::trim_start);
        let notes: Vec<&str> = lines.filter(|line| line.starts_with("note ")).collect();
        match warning {
            "" => assert!(notes.is_empty(), "{setting}={value}: {notes:?}"),
            warning => assert!(
                notes.len() == 1 && notes[0].contains(warning),
                "{setting}={value}: {notes:?}"
            ),
        }
    }
}
