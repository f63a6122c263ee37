//! Files that hold one secret each, as editors, shells and other systems write them.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::support::app::NOBODY;
use crate::support::binary::{Ended, Running, run};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// `check` with the app secret or the key in a file of `content`.
fn check(folder: &Path, name: &str, content: &[u8]) -> Ended {
    fs::write(folder.join("secret.txt"), content).unwrap();
    let api = format!("{NOBODY}/2.0");
    let mut environment = vec![("SESSION_STORE", "memory"), (name, "secret.txt")];
    if name == "SMARTSHEET_CLIENT_SECRET_FILE" {
        environment.extend([
            ("SMARTSHEET_CLIENT_ID", "the-id"),
            ("SMARTSHEET_API_URL", &api),
            ("SMARTSHEET_AUTHORIZE_URL", &api),
        ]);
    }
    run(folder, &["check"], &environment)
}

#[test]
fn what_is_around_a_key_is_not_part_of_it() {
    let folder = TempDir::new().unwrap();
    for content in [
        format!("{KEY}\r\n"),
        format!("\u{feff}{KEY}\r\n"),
        format!("\"{KEY}\"\n"),
        format!("'{KEY}'"),
        format!("\r\n  {KEY}\t\n\n \r\n\n"),
        format!("\u{feff}\"{KEY},{KEY}\"\r\n\r\n"),
    ] {
        let ended = check(folder.path(), "SESSION_KEY_FILE", content.as_bytes());
        assert_eq!(ended.code, Some(0), "{content:?}: {ended:?}");
        // The URL of a store likewise.
        let store = content.split(KEY).collect::<Vec<_>>().join("memory");
        if !store.contains(',') {
            fs::write(folder.path().join("store.txt"), &store).unwrap();
            let environment = [("SESSION_STORE_FILE", "store.txt")];
            let ended = run(folder.path(), &["check"], &environment);
            assert!(ended.stdout.contains("memory  (environment"), "{ended:?}");
        }
    }
    // The key that the app makes is a file that people edit, too.
    fs::create_dir_all(folder.path().join("data")).unwrap();
    let made = format!("\u{feff}\"{KEY}\"\r\n\r\n");
    fs::write(folder.path().join("data/session.key"), made).unwrap();
    let ended = run(folder.path(), &["check"], &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn a_file_with_more_than_one_value_or_none_is_refused() {
    let folder = TempDir::new().unwrap();
    for name in ["SMARTSHEET_CLIENT_SECRET_FILE", "SESSION_KEY_FILE"] {
        let setting = if name.starts_with("SMARTSHEET") {
            "smartsheet.client_secret_file"
        } else {
            "session.key_file"
        };
        for (content, problem) in [
            (&b"hunter2\nhunter2\n"[..], "2 lines"),
            (b"\xef\xbb\xbfhunter2\r\n\r\nhunter2\r\nhunter2", "3 lines"),
            (b"\"hunter2\nhunter2\"", "2 lines"),
            (b"\r\n \r\n", "is empty"),
            (b"\"\"\n", "is empty"),
            // What PowerShell writes by `>`: UTF-16.
            (b"\xff\xfeh\0u\0n\0t\0e\0r\x002\0", "not UTF-8"),
        ] {
            let ended = check(folder.path(), name, content);
            ended.is_refused(&[
                setting,
                name,
                "secret.txt",
                problem,
                "on one line, in UTF-8",
            ]);
            assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
        }
    }
    let long = "x".repeat(70_000);
    let ended = check(folder.path(), "SESSION_KEY_FILE", long.as_bytes());
    ended.is_refused(&["session.key_file", "65536 bytes"]);
    assert!(ended.stderr.len() < 300, "{ended:?}");
}

/// A start that was killed leaves its file behind, and in containers every process has the same id.
#[test]
fn what_another_start_left_behind_does_not_matter() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    let shell = format!(
        "echo left > data/session.new-$$; exec {} check",
        env!("CARGO_BIN_EXE_smartsheet-oauth-demo")
    );
    let ended = std::process::Command::new("sh")
        .args(["-c", &shell])
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let names = fs::read_dir(folder.path().join("data")).unwrap();
    let left = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("session.new-"));
    assert_eq!(left.count(), 1, "the other's is the other's");
}

/// They start at the same moment, and have one key in the end.
#[test]
fn starts_at_the_same_moment_share_one_key() {
    let folder = TempDir::new().unwrap();
    let starts: Vec<Running> = (0..4)
        .map(|_| {
            let store = [("SESSION_STORE", "sqlite://data/sessions.db")];
            Running::start(folder.path(), &["check"], &store)
        })
        .collect();
    for start in starts {
        let mut last = String::new();
        while !last.contains("session store: ") {
            last = start.next_line();
        }
        assert!(last.contains("ok "), "{last}");
    }
    let names = fs::read_dir(folder.path().join("data")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let keys: Vec<String> = names.filter(|name| name.contains(".new-")).collect();
    assert_eq!(keys, [""; 0]);
}
