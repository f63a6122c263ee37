//! `.env` and `PORT`: what tools and platforms hand to a program.

use std::fs;

use tempfile::TempDir;

use crate::check::shown;
use crate::support::binary::{Running, run};

/// The value and the origin of a setting, with `.env` of this content.
fn with_dotenv(content: &str, args: &[&str], environment: &[(&str, &str)], name: &str) -> String {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(".env"), content).unwrap();
    fs::write(
        folder.path().join("config.toml"),
        "[server]\nlisten = \"127.0.0.1:1001\"\n",
    )
    .unwrap();
    let ended = run(folder.path(), &[&["check"], args].concat(), environment);
    let words: Vec<&str> = shown(&ended, name).split_whitespace().skip(1).collect();
    words.join(" ")
}

#[test]
fn it_is_above_the_file_and_below_the_environment() {
    let listen = |content: &str, args: &[&str], environment: &[(&str, &str)]| {
        with_dotenv(content, args, environment, "server.listen")
    };
    let dotenv = "SERVER_LISTEN=127.0.0.1:1002\n";
    assert_eq!(listen("", &[], &[]), "127.0.0.1:1001 (config.toml)");
    assert_eq!(
        listen(dotenv, &[], &[]),
        "127.0.0.1:1002 (.env SERVER_LISTEN)"
    );
    let real = [("SERVER_LISTEN", "127.0.0.1:1003")];
    assert_eq!(
        listen(dotenv, &[], &real),
        "127.0.0.1:1003 (environment SERVER_LISTEN)"
    );
    let flag = ["--set", "server.listen=127.0.0.1:1004"];
    assert_eq!(
        listen(dotenv, &flag, &real),
        "127.0.0.1:1004 (command line)"
    );
    // What is empty is not set, wherever it is.
    assert_eq!(
        listen(dotenv, &[], &[("SERVER_LISTEN", "")]),
        "127.0.0.1:1002 (.env SERVER_LISTEN)"
    );
    assert_eq!(
        listen("SERVER_LISTEN=\n", &[], &[]),
        "127.0.0.1:1001 (config.toml)"
    );
}

#[test]
fn it_is_written_as_people_write_it() {
    let content =
        "\u{feff}# for one folder\r\nHTTP_PORT=80\r\nexport SESSION_LIFETIME=\"30d\" # a month\r\n";
    assert_eq!(
        with_dotenv(content, &[], &[], "session.lifetime"),
        "30d (.env SESSION_LIFETIME)"
    );
    let twice = "LOG_FORMAT=text\nLOG_FORMAT='json'";
    assert_eq!(
        with_dotenv(twice, &[], &[], "log.format"),
        "json (.env LOG_FORMAT)"
    );
}

#[test]
fn a_mistake_in_it_is_named_and_no_secret_shown() {
    let folder = TempDir::new().unwrap();
    let ended = |content: &[u8]| {
        fs::write(folder.path().join(".env"), content).unwrap();
        run(folder.path(), &["check"], &[])
    };
    let wrong = ended(b"SMARTSHEET_CLIENT_ID=x\nSMARTSHEET_CLIENT_SECRET=hunter2 and more\n");
    wrong.is_refused(&[".env", "line 2", "NAME=VALUE"]);
    assert!(!wrong.stderr.contains("hunter2"), "{wrong:?}");
    let wrong = ended(b"SMARTSHEET_CLIENT_SECRET=\"hunter2\n");
    wrong.is_refused(&[".env", "line 1", "NAME=VALUE"]);
    assert!(!wrong.stderr.contains("hunter2"), "{wrong:?}");
    ended(b"A=\xff\n").is_refused(&[".env", "not UTF-8"]);
    ended(b"SESSION_LIFETIME=long\n").is_refused(&[
        "session.lifetime",
        ".env SESSION_LIFETIME",
        "long",
        "90s",
    ]);
    // A folder of this name is something else.
    fs::remove_file(folder.path().join(".env")).unwrap();
    fs::create_dir(folder.path().join(".env")).unwrap();
    assert_eq!(run(folder.path(), &["check"], &[]).code, Some(0));
}

#[test]
fn a_port_alone_means_every_address() {
    let listen = |content: &str, environment: &[(&str, &str)]| {
        with_dotenv(content, &[], environment, "server.listen")
    };
    assert_eq!(
        listen("", &[("PORT", "9001")]),
        "0.0.0.0:9001 (environment PORT)"
    );
    assert_eq!(listen("PORT=9002", &[]), "0.0.0.0:9002 (.env PORT)");
    let both = [("PORT", "9001"), ("SERVER_LISTEN", "127.0.0.1:9003")];
    assert_eq!(
        listen("", &both),
        "127.0.0.1:9003 (environment SERVER_LISTEN)"
    );
    assert_eq!(
        listen("SERVER_LISTEN=127.0.0.1:9004", &[("PORT", "9001")]),
        "127.0.0.1:9004 (.env SERVER_LISTEN)"
    );
    assert_eq!(listen("", &[("PORT", "")]), "127.0.0.1:1001 (config.toml)");
    let folder = TempDir::new().unwrap();
    for wrong in ["http", "65536", "0.0.0.0:80"] {
        let ended = run(folder.path(), &["check"], &[("PORT", wrong)]);
        ended.is_refused(&["server.listen", "environment PORT", wrong, "such as 8080"]);
    }
}

#[test]
fn what_is_logged_may_be_in_it() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(".env"), "RUST_LOG=loud=loud\n").unwrap();
    let running = Running::start(folder.path(), &[], &[("SERVER_LISTEN", "127.0.0.1:0")]);
    assert!(running.logged("RUST_LOG can't be read").is_some());
}
