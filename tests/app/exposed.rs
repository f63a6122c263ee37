//! Settings that give something away: refused, or said on start and by `check`.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::settings::with_file;
use crate::support::app::NOBODY;
use crate::support::binary::{Ended, Running, run};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The notes of `check`.
fn notes(ended: &Ended) -> Vec<String> {
    assert!(matches!(ended.code, Some(0 | 1)), "{ended:?}");
    let lines = ended.stdout.lines();
    lines
        .filter_map(|line| line.strip_prefix("  note   "))
        .map(str::to_owned)
        .collect()
}

pub(crate) fn notes_with(
    folder: &Path,
    args: &[&str],
    environment: &[(&str, &str)],
) -> Vec<String> {
    let environment = [&[("SESSION_STORE", "memory")], environment].concat();
    notes(&run(folder, &[&["check"], args].concat(), &environment))
}

#[track_caller]
pub(crate) fn one_note(notes: &[String], parts: &[&str]) {
    let has_all = |note: &&String| parts.iter().all(|part| note.contains(part));
    assert_eq!(
        notes.iter().filter(has_all).count(),
        1,
        "{parts:?}: {notes:?}"
    );
}

#[test]
fn a_blank_secret_and_a_client_id_with_blanks_are_refused() {
    let id = ("SMARTSHEET_CLIENT_ID", "the-id");
    for (secret, problem) in [
        ("  ", "is blank"),
        ("\r\n", "is blank"),
        ("a\nb", "one line"),
    ] {
        let ended = with_file("", &[], &[id, ("SMARTSHEET_CLIENT_SECRET", secret)]);
        ended.is_refused(&[
            "smartsheet.client_secret",
            "SMARTSHEET_CLIENT_SECRET",
            problem,
        ]);
    }
    let file = "[smartsheet]\nclient_id = \"x\"\nclient_secret = \"   \"\n";
    with_file(file, &[], &[]).is_refused(&["smartsheet.client_secret", "config.toml", "blank"]);
    with_file("", &[], &[("SESSION_KEY", " ")]).is_refused(&["session.key", "is blank"]);
    for wrong in [
        "the id", "the-id\r", " the-id", "the-id\n", " ", "thé-id", "id\u{a0}",
    ] {
        let environment = [
            ("SMARTSHEET_CLIENT_ID", wrong),
            ("SMARTSHEET_CLIENT_SECRET", "x"),
        ];
        let ended = with_file("", &[], &environment);
        ended.is_refused(&[
            "smartsheet.client_id",
            "SMARTSHEET_CLIENT_ID",
            "without blanks",
        ]);
    }
}

#[test]
fn everybody_as_a_trusted_proxy() {
    let folder = TempDir::new().unwrap();
    for (proxies, wide) in [
        ("0.0.0.0/0", Some("0.0.0.0/0")),
        ("::/0", Some("::/0")),
        ("10.0.0.1, 128.0.0.0/1", Some("128.0.0.0/1")),
        ("10.0.0.0/8 fc00::/7 127.0.0.1", None),
    ] {
        let notes = notes_with(folder.path(), &[], &[("SERVER_TRUSTED_PROXIES", proxies)]);
        match wide {
            Some(wide) => one_note(&notes, &["server.trusted_proxies", wide, "anybody"]),
            None => assert_eq!(notes, [""; 0]),
        }
    }
}

#[test]
fn a_secret_on_the_command_line() {
    let folder = TempDir::new().unwrap();
    let secret = ["--set", "smartsheet.client_secret=hunter2-of-the-app"];
    let environment = [
        ("SMARTSHEET_CLIENT_ID", "the-id"),
        ("SMARTSHEET_API_URL", NOBODY),
        ("SMARTSHEET_AUTHORIZE_URL", NOBODY),
    ];
    let notes = notes_with(folder.path(), &secret, &environment);
    one_note(
        &notes,
        &[
            "smartsheet.client_secret is on the command line",
            "smartsheet.client_secret_file",
        ],
    );
    assert!(!notes.concat().contains("hunter2"));
    let key = format!("session.key={KEY}");
    let notes = notes_with(folder.path(), &["--set", &key], &[]);
    one_note(&notes, &["session.key is on the command line"]);
    // On start as well, in the log.
    let args = ["--set", "server.listen=127.0.0.1:0", "--set", &key];
    let running = Running::start(folder.path(), &args, &[("SESSION_STORE", "memory")]);
    let log = running
        .logged("session.key is on the command line")
        .unwrap();
    assert!(log.last().unwrap().contains("WARN"), "{log:?}");
}

#[cfg(unix)]
#[test]
fn files_with_secrets_that_others_may_read() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = TempDir::new().unwrap();
    let write = |name: &str, content: &str, mode: u32| {
        let file = folder.path().join(name);
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    };
    let provider = [
        ("SMARTSHEET_CLIENT_ID", "the-id"),
        ("SMARTSHEET_API_URL", NOBODY),
        ("SMARTSHEET_AUTHORIZE_URL", NOBODY),
    ];
    for (mode, is_open) in [(0o644, true), (0o604, true), (0o640, false), (0o600, false)] {
        let mode_text = format!("mode {mode:04o}");
        let check = |parts: &[&str], notes: &[String]| {
            if is_open {
                one_note(notes, &[parts, &["everybody", &mode_text]].concat());
            } else {
                assert_eq!(notes, [""; 0]);
            }
        };
        write("key.txt", KEY, mode);
        let notes = notes_with(folder.path(), &[], &[("SESSION_KEY_FILE", "key.txt")]);
        check(&["session.key_file", "key.txt"], &notes);

        write("secret.txt", "hunter2", mode);
        let secret = [("SMARTSHEET_CLIENT_SECRET_FILE", "secret.txt")];
        let notes = notes_with(folder.path(), &[], &[&provider[..], &secret].concat());
        check(&["smartsheet.client_secret_file", "secret.txt"], &notes);

        write(
            "config.toml",
            "[smartsheet]\nclient_secret = \"hunter2\"\n",
            mode,
        );
        let notes = notes_with(folder.path(), &[], &provider);
        check(&["smartsheet.client_secret", "config.toml"], &notes);
        fs::remove_file(folder.path().join("config.toml")).unwrap();

        write(".env", "SMARTSHEET_CLIENT_SECRET=hunter2\n", mode);
        let notes = notes_with(folder.path(), &[], &provider);
        check(&["smartsheet.client_secret", ".env"], &notes);
        fs::remove_file(folder.path().join(".env")).unwrap();
    }
    // Without a secret in it, everybody may read the file.
    write("config.toml", "[log]\nformat = \"text\"\n", 0o644);
    assert_eq!(notes_with(folder.path(), &[], &[]), [""; 0]);
    // The key that the app made.
    assert_eq!(run(folder.path(), &["check"], &[]).code, Some(0));
    let made = folder.path().join("data/session.key");
    fs::set_permissions(&made, fs::Permissions::from_mode(0o644)).unwrap();
    let notes = notes(&run(folder.path(), &["check"], &[]));
    one_note(&notes, &["session.key", "data/session.key", "mode 0644"]);
}

#[test]
fn a_variable_that_is_nearly_a_settings() {
    let folder = TempDir::new().unwrap();
    let environment = [("SMARTSHEET_CLIENTID", "hunter2"), ("SESSION_MANAGER", "x")];
    let notes = notes_with(folder.path(), &[], &environment);
    assert_eq!(notes.len(), 1, "{notes:?}");
    one_note(
        &notes,
        &["SMARTSHEET_CLIENTID", "did you mean SMARTSHEET_CLIENT_ID?"],
    );
    assert!(!notes[0].contains("hunter2"), "{notes:?}");
    fs::write(
        folder.path().join(".env"),
        "SERVER_BASEURL=x\nHTTP_PORT=80\n",
    )
    .unwrap();
    let notes = notes_with(folder.path(), &[], &[]);
    assert_eq!(notes.len(), 1, "{notes:?}");
    one_note(&notes, &["SERVER_BASEURL", "SERVER_BASE_URL"]);
}

#[test]
fn a_password_in_a_url_is_shown_nowhere() {
    let folder = TempDir::new().unwrap();
    for (name, value) in [
        ("SERVER_BASE_URL", "https://ann:hunter2@demo.example.com"),
        (
            "SMARTSHEET_API_URL",
            "https://ann:hunt/er@hunter2@api.example/2.0",
        ),
        ("SMARTSHEET_AUTHORIZE_URL", "ftp://a/?client_secret=hunter2"),
        ("SESSION_STORE_FILE", "postgres://ann:hunter2@db/x"),
        ("SESSION_KEY_FILE", "https://vault/?token=hunter2"),
        ("SERVER_LISTEN", "http://ann:hunter2@127.0.0.1:80"),
    ] {
        let ended = run(folder.path(), &["check"], &[(name, value)]);
        ended.is_refused(&[name, "***"]);
        assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
    }
    // One that is allowed.
    let environment = [
        ("SMARTSHEET_CLIENT_ID", "the-id"),
        ("SMARTSHEET_CLIENT_SECRET", "x"),
        ("SMARTSHEET_API_URL", "http://127.0.0.1:1/2.0?token=hunter2"),
        ("SMARTSHEET_AUTHORIZE_URL", NOBODY),
        ("SESSION_STORE", "memory"),
    ];
    let ended = run(folder.path(), &["check"], &environment);
    assert!(ended.stdout.contains("2.0?token=***"), "{ended:?}");
    assert!(!ended.stdout.contains("hunter2"), "{ended:?}");
}

#[test]
fn postgresql_on_another_host_without_sslmode() {
    let warned_with = |store: &str, more: (&str, &str)| {
        let environment = [("SESSION_STORE", store), ("SESSION_KEY", KEY), more];
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("empty.toml");
        fs::write(&file, "").unwrap();
        // Connecting to names that do not exist would take time, so the settings alone are looked at.
        let find = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.into())
        };
        let settings =
            smartsheet_oauth_demo::config::Settings::load(Some(&file), &find, &[]).unwrap();
        let warnings = settings.warnings().join("\n");
        assert!(!warnings.contains("hunter2"), "{warnings}");
        warnings.contains("without sslmode")
    };
    let warned = |store: &str| warned_with(store, ("LOG_FORMAT", "text"));
    assert!(warned("postgres://ann:hunter2@db.example/x"));
    assert!(warned(
        "postgres://ann:hunter2@10.0.0.7:5432/x?application_name=a"
    ));
    let by_variable = ("PGSSLMODE", "verify-full");
    assert!(!warned_with(
        "postgres://ann:hunter2@db.example/x",
        by_variable
    ));
    for quiet in [
        "postgres://ann:hunter2@db.example/x?sslmode=verify-full",
        "postgres://ann:hunter2@db.example/x?sslmode=disable",
        "postgres://ann:hunter2@localhost/x",
        "postgres://ann:hunter2@127.0.0.1/x",
        "postgres://ann@%2Fvar%2Frun%2Fpostgresql/x",
        "postgres://ann@ignored/x?host=/var/run/postgresql",
    ] {
        assert!(!warned(quiet), "{quiet}");
    }
}

/// What is in memory are other people's tokens.
#[cfg(target_os = "linux")]
#[test]
fn a_crash_leaves_no_core_dump() {
    let folder = TempDir::new().unwrap();
    let shell = format!(
        "ulimit -S -c unlimited 2>/dev/null || ulimit -S -c \"$(ulimit -H -c)\"; exec {}",
        env!("CARGO_BIN_EXE_smartsheet-oauth-demo")
    );
    let mut child = std::process::Command::new("sh")
        .args(["-c", &shell])
        .current_dir(folder.path())
        .env_clear()
        .env("SERVER_LISTEN", "127.0.0.1:0")
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let log = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut lines = std::io::BufRead::lines(log);
    assert!(lines.any(|line| line.unwrap().contains("sandbox mode")));
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let words: Vec<&str> = core.unwrap().split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{limits}");
}
