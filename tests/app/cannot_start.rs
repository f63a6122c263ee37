//! What keeps the app from starting though its settings can be read: a wrong key, a taken port, a store that doesn't open.
//! One line says so, exit status 2, and nothing is lost.

use std::fs;
use std::net::TcpListener;

use tempfile::TempDir;

use crate::settings::with_file;
use crate::support::binary::{hangs_up, run};

#[test]
fn a_sealing_key_that_is_not_right() {
    // 31 bytes, 33 bytes, no base64, and a second key that is too short.
    let good = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let short = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==";
    let long = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g";
    let second = format!("{good},{short}");
    for (key, problem) in [
        (short, "31 bytes"),
        (long, "33 bytes"),
        ("correct horse battery staple", "not base64"),
        (&second, "key 2"),
        (",", "empty"),
    ] {
        let ended = with_file("", &[], &[("SESSION_KEY", key)]);
        ended.is_refused(&[
            "session.key",
            "SESSION_KEY",
            problem,
            "expected 32 bytes in base64",
        ]);
        assert!(!ended.stderr.contains(key) || key == ",", "{ended:?}");
    }
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("key.txt"), short).unwrap();
    let ended = run(folder.path(), &[], &[("SESSION_KEY_FILE", "key.txt")]);
    ended.is_refused(&[
        "session.key_file",
        "31 bytes",
        "expected 32 bytes in base64",
    ]);
    // The one that the app made, damaged since.
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(folder.path().join("data/session.key"), "damaged").unwrap();
    let ended = run(folder.path(), &["--set", "server.listen=127.0.0.1:0"], &[]);
    ended.is_refused(&[
        "session.key",
        "data/session.key",
        "expected 32 bytes in base64",
    ]);
    assert_eq!(
        fs::read_to_string(folder.path().join("data/session.key")).unwrap(),
        "damaged"
    );
}

#[test]
fn postgres_without_a_key() {
    let store = (
        "SESSION_STORE",
        "postgres://ann:hunter2@127.0.0.1:1/sessions",
    );
    let ended = with_file("", &[], &[store]);
    ended.is_refused(&["session.key", "missing", "expected 32 bytes in base64"]);
    assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
}

#[test]
fn postgres_that_does_not_answer() {
    let database = hangs_up().to_string();
    let store = format!("postgres://ann:hunter2@{database}/sessions");
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let environment = [("SESSION_STORE", store.as_str()), ("SESSION_KEY", key)];
    let ended = with_file("", &["--set", "server.listen=127.0.0.1:0"], &environment);
    ended.is_refused(&["session.store", &database, "can't be opened"]);
    assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
}

#[test]
fn a_port_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = with_file("", &[], &[("SERVER_LISTEN", &address)]);
    ended.is_refused(&[
        "server.listen",
        "SERVER_LISTEN",
        &address,
        "in use",
        "free port",
    ]);
}

#[test]
fn a_store_folder_that_can_not_be_written() {
    let folder = TempDir::new().unwrap();
    // Read-only would not stop root, who runs these tests in a container; a file in the folder's place stops everyone.
    fs::write(folder.path().join("data"), "a file").unwrap();
    let listen = ["--set", "server.listen=127.0.0.1:0"];
    let ended = run(folder.path(), &listen, &[]);
    ended.is_refused(&[
        "session.store",
        "sqlite://data/sessions.db",
        "can't be opened",
        "may read and write",
    ]);
    assert_eq!(
        fs::read_to_string(folder.path().join("data")).unwrap(),
        "a file"
    );
}

#[test]
fn a_store_that_is_no_database() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    let file = folder.path().join("data/sessions.db");
    fs::write(
        &file,
        "this is a letter to my grandmother, and no database at all\n".repeat(40),
    )
    .unwrap();
    let before = fs::read(&file).unwrap();
    let ended = run(folder.path(), &["--set", "server.listen=127.0.0.1:0"], &[]);
    ended.is_refused(&[
        "session.store",
        "sqlite://data/sessions.db",
        "can't be opened",
    ]);
    assert_eq!(fs::read(&file).unwrap(), before, "nothing was lost");
}
