//! Mistakes in the settings, as whoever makes them sees them: exit status 2 and one line that says what would be right.

use std::fs;

use smartsheet_oauth_demo::config::Settings;
use tempfile::TempDir;

use crate::support::binary::{Ended, run, run_with_bytes};

/// Runs the binary with `file` as its config.toml.
pub(crate) fn with_file(file: &str, args: &[&str], environment: &[(&str, &str)]) -> Ended {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("config.toml"), file).unwrap();
    run(folder.path(), args, environment)
}

/// A mistake is the same in the file, in the environment and on the command line: the line names the setting, where the
/// value came from, the value, and what would be right.
#[test]
fn a_value_that_is_not_right() {
    for (section, key, value, right) in [
        ("server", "listen", "8080", "127.0.0.1:8080"),
        ("server", "listen", "localhost:99999", "127.0.0.1:8080"),
        ("server", "base_url", "http://localhost:8080/app", "no path"),
        (
            "server",
            "base_url",
            "https://demo.example.com/?a=b",
            "no path, query or fragment",
        ),
        (
            "server",
            "base_url",
            "demo.example.com",
            "https://demo.example.com",
        ),
        (
            "server",
            "base_url",
            "ftp://demo.example.com",
            "https://demo.example.com",
        ),
        (
            "server",
            "base_url",
            "https://ann@demo.example.com",
            "no user name",
        ),
        (
            "server",
            "hosts",
            "demo.example.com:8080",
            "without a scheme",
        ),
        ("server", "hosts", "https://demo.example.com", "or a port"),
        ("server", "metrics_listen", "here", "127.0.0.1:8080"),
        ("server", "trusted_proxies", "10.0.0.5,proxy", "10.0.0.5"),
        ("server", "trusted_proxies", "10.0.0.0/33", "10.1.0.0/16"),
        ("server", "rate_limit", "0", "300, or off"),
        ("server", "rate_limit", "often", "300, or off"),
        ("server", "max_connections", "0", "1 to 1000000"),
        ("server", "stop_timeout", "0s", "more than 0s"),
        (
            "server",
            "drain_time",
            "6s",
            "at most half of server.stop_timeout (10s)",
        ),
        ("smartsheet", "region", "mars", "us, eu, au, gov, sandbox"),
        (
            "smartsheet",
            "scopes",
            "READ_SHEETS WRITE_EVERYTHING",
            "READ_SHEETS",
        ),
        (
            "smartsheet",
            "client_authentication",
            "password",
            "hash, secret",
        ),
        (
            "smartsheet",
            "api_url",
            "http://api.example.com/2.0",
            "https",
        ),
        ("smartsheet", "authorize_url", "/b/authorize", "https://"),
        ("sandbox", "control", "closed", "local, open"),
        ("session", "idle_timeout", "7 days", "90s, 5m, 12h or 7d"),
        ("session", "idle_timeout", "0s", "more than 0s"),
        ("session", "lifetime", "-1d", "90s, 5m, 12h or 7d"),
        ("session", "lifetime", "99999999999999999999d", "at most"),
        ("session", "refresh_margin", "5", "90s, 5m, 12h or 7d"),
        ("flow", "record", "yes", "on, off"),
        ("flow", "max_size", "256", "such as 256MB"),
        ("flow", "max_size", "1MB", "from 4MB to 1024GB"),
        ("log", "format", "xml", "text, json"),
    ] {
        let name = format!("{section}.{key}");
        let quoted = format!("{value:?}");
        let variable = name.replace('.', "_").to_uppercase();
        let ended = with_file(&format!("[{section}]\n{key} = {quoted}\n"), &[], &[]);
        ended.is_refused(&[&name, "config.toml", value, right]);
        let ended = with_file("", &[], &[(&variable, value)]);
        ended.is_refused(&[&name, &variable, value, right]);
        let ended = with_file("", &["--set", &format!("{name}={value}")], &[]);
        ended.is_refused(&[&name, "command line", value, right]);
    }
}

#[test]
fn a_store_that_is_not_right_is_named_without_its_value() {
    for value in [
        "mysql://ann:hunter2@db/x",
        "postgres:hunter2",
        "sqlite://",
        "postgres://",
    ] {
        let ended = with_file("", &[], &[("SESSION_STORE", value)]);
        ended.is_refused(&[
            "session.store",
            "SESSION_STORE",
            "sqlite://PATH",
            "postgres://",
            "memory",
        ]);
        assert!(!ended.stderr.contains("hunter2"), "{ended:?}");

        let folder = TempDir::new().unwrap();
        let file = folder.path().join("store");
        fs::write(&file, value).unwrap();
        let ended = with_file("", &[], &[("SESSION_STORE_FILE", file.to_str().unwrap())]);
        ended.is_refused(&["session.store_file", "SESSION_STORE_FILE", "sqlite://PATH"]);
        assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
    }
}

#[test]
fn a_wrong_type() {
    for (file, parts) in [
        (
            "[server]\nlisten = 8080",
            ["server.listen", "8080", "text in quotes"],
        ),
        (
            "[session]\nlifetime = 90",
            ["session.lifetime", "90", "text in quotes"],
        ),
        (
            "[smartsheet]\nregion = true",
            ["smartsheet.region", "true", "text in quotes"],
        ),
        (
            "[smartsheet]\nscopes = [1, 2]",
            ["smartsheet.scopes", "[1, 2]", "text in quotes"],
        ),
        (
            "[log.format]\nx = 1",
            ["log.format", "x = 1", "text in quotes"],
        ),
    ] {
        with_file(file, &[], &[]).is_refused(&parts);
    }
    let ended = with_file("[smartsheet]\nclient_secret = 12345678", &[], &[]);
    ended.is_refused(&["smartsheet.client_secret", "text in quotes"]);
    assert!(!ended.stderr.contains("12345678"), "{ended:?}");
}

#[test]
fn an_unknown_key() {
    for (file, parts) in [
        (
            "[server]\nport = \"8080\"",
            &["server.port", "no such setting"][..],
        ),
        (
            "[servr]\nlisten = \"127.0.0.1:1\"",
            &["servr.listen", "did you mean server.listen?"],
        ),
        (
            "[smartsheet]\nclientid = \"x\"",
            &["smartsheet.clientid", "did you mean smartsheet.client_id?"],
        ),
        (
            "listen = \"127.0.0.1:1\"",
            &["listen", "outside a section", "did you mean server.listen?"],
        ),
    ] {
        with_file(file, &[], &[]).is_refused(parts);
    }
    with_file("", &["--set", "server.port=1"], &[]).is_refused(&["server.port", "no such setting"]);
    let ended = with_file("[smartsheet]\nclient_secrte = \"hunter2\"", &[], &[]);
    ended.is_refused(&["smartsheet.client_secrte", "no such setting"]);
    assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
}

#[test]
fn a_file_that_is_no_toml() {
    let ended = with_file("[server]\nlisten = \"127.0.0.1:1\"\nbase_url =\n", &[], &[]);
    ended.is_refused(&["--config", "config.toml", "line 3"]);
    let ended = with_file("[smartsheet]\nclient_secret = hunter2\n", &[], &[]);
    ended.is_refused(&["config.toml", "line 2"]);
    assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
    let ended = with_file("", &["--config", "missing.toml"], &[]);
    ended.is_refused(&["--config", "missing.toml", "can't be read"]);
}

#[test]
fn credentials_that_are_not_complete() {
    let id = ("SMARTSHEET_CLIENT_ID", "x");
    with_file("", &[], &[id]).is_refused(&["smartsheet.client_secret", "missing"]);
    let secret = ("SMARTSHEET_CLIENT_SECRET", "hunter2");
    let ended = with_file("", &[], &[secret]);
    ended.is_refused(&["smartsheet.client_id", "missing"]);
    assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
    let region = ("SMARTSHEET_REGION", "eu");
    with_file("", &[], &[region]).is_refused(&["smartsheet.client_id", "missing", "eu"]);

    let file = ("SMARTSHEET_CLIENT_SECRET_FILE", "secret.txt");
    let ended = with_file("", &[], &[id, file]);
    ended.is_refused(&[
        "smartsheet.client_secret_file",
        "secret.txt",
        "can't be read",
    ]);
    let ended = with_file("", &[], &[id, secret, file]);
    ended.is_refused(&["smartsheet.client_secret_file", "one of the two"]);
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("secret.txt"), "\n").unwrap();
    run(folder.path(), &[], &[id, file]).is_refused(&["smartsheet.client_secret_file", "empty"]);
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf_8() {
    let folder = TempDir::new().unwrap();
    let listen = ["check", "--set", "session.store=memory"];
    let ended = run_with_bytes(
        folder.path(),
        &listen,
        "SERVER_BASE_URL",
        b"http://\xff.example",
    );
    ended.is_refused(&["server.base_url", "SERVER_BASE_URL", "UTF-8"]);
}

#[test]
fn bad_usage() {
    for args in [
        &["frobnicate"][..],
        &["--frobnicate"],
        &["--set", "server.listen"],
        &["--set"],
        &["serve", "now"],
        &["sandbox", "--listen", "here"],
        &["sandbox", "--access-token-lifetime", "long"],
        &["sandbox", "--seed", "x"],
        &["sandbox", "--client-id", "a", "--client-id", "b"],
        &["sandbox", "--redirect-url", "nowhere"],
    ] {
        let ended = with_file("", args, &[]);
        ended.is_refused(&[]);
    }
}

/// The file that the project ships teaches the defaults: un-commented, its `#key = …` lines change nothing, and as it is,
/// it sets nothing.
#[test]
fn the_shipped_file_shows_the_defaults() {
    let shipped = include_str!("../../config.toml");
    let is_default = |line: &str| {
        let key = line.strip_prefix('#').and_then(|line| line.chars().next());
        key.is_some_and(|first| first.is_ascii_lowercase())
    };
    let shown: Vec<&str> = shipped.lines().filter(|line| is_default(line)).collect();
    assert!(shown.len() >= 10, "{shown:?}");
    let lines = shipped
        .lines()
        .map(|line| if is_default(line) { &line[1..] } else { line });
    let uncommented = lines.collect::<Vec<_>>().join("\n");

    let folder = TempDir::new().unwrap();
    let values = |text: &str| {
        let file = folder.path().join("config.toml");
        std::fs::write(&file, text).unwrap();
        let settings = Settings::load(Some(&file), &|_| None, &[]).unwrap();
        let described = settings.describe().into_iter();
        described
            .map(|(name, value, _)| (name, value))
            .collect::<Vec<_>>()
    };
    assert_eq!(values(&uncommented), values(""));
    assert_eq!(values(shipped), values(""));
}
