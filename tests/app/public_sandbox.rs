//! The sandbox where others can reach it: only by somebody's will, and said.

use std::fs;

use tempfile::TempDir;

use crate::exposed::{notes_with, one_note};
use crate::support::binary::run;

/// Whoever loses the credentials of a public deployment must not end up in the sandbox, where anybody is anybody.
#[test]
fn a_public_sandbox_has_to_be_asked_for() {
    let folder = TempDir::new().unwrap();
    let public = ("SERVER_BASE_URL", "https://demo.example.com");
    let lost = [
        public,
        ("SMARTSHEET_CLIENT_ID", ""),
        ("SMARTSHEET_REGION", ""),
    ];
    for command in ["serve", "check"] {
        let ended = run(folder.path(), &[command], &lost);
        ended.is_refused(&[
            "smartsheet.client_id",
            "https://demo.example.com",
            "smartsheet.region set to sandbox",
        ]);
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "nothing was touched"
    );
    let memory = ("SESSION_STORE", "memory");
    for asked in [
        "http://localhost:8080",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
    ] {
        let ended = run(
            folder.path(),
            &["check"],
            &[("SERVER_BASE_URL", asked), memory],
        );
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    let asked = [public, memory, ("SMARTSHEET_REGION", "sandbox")];
    assert_eq!(run(folder.path(), &["check"], &asked).code, Some(0));
}

#[test]
fn a_sandbox_that_others_can_reach_is_said() {
    let folder = TempDir::new().unwrap();
    let base = ("SERVER_BASE_URL", "http://localhost:8080");
    for open in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080"] {
        let notes = notes_with(folder.path(), &[], &[("SERVER_LISTEN", open), base]);
        assert_eq!(notes.len(), 1, "{notes:?}");
        one_note(&notes, &["sandbox mode", open, "signs in as anybody"]);
        let asked = ("SMARTSHEET_REGION", "sandbox");
        let notes = notes_with(folder.path(), &[], &[("SERVER_LISTEN", open), base, asked]);
        assert_eq!(notes, [""; 0]);
    }
    for local in ["127.0.0.1:8080", "[::1]:8080", "unix:/nowhere/socket"] {
        let notes = notes_with(folder.path(), &[], &[("SERVER_LISTEN", local), base]);
        assert_eq!(notes, [""; 0], "{local}");
    }
}
