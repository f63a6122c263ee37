//! The binary at its most talkative, overheard; and what its log tells.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection;
use serde_json::{Value, json};
use smartsheet_oauth_demo::session::{Sealer, SessionData};
use tempfile::TempDir;

use super::Browser;
use super::app::{CLIENT_ID, CLIENT_SECRET};
use super::binary::Running;
use super::sandbox::Control;
use super::secrets::Secrets;
use super::tap::Tap;
use test_support::free_address;

/// The program, running, and a wire to it that remembers everything: what browsers say to it, and what it says to the
/// sandbox that is mounted in it.
pub(crate) struct Program {
    folder: TempDir,
    running: Running,
    pub(crate) tap: Tap,
    lines: Vec<String>,
}

impl Program {
    pub(crate) async fn start(format: &'static str, more: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        for _ in 0..20 {
            let address = free_address();
            let tap = Tap::to(address).await;
            let (listen, api) = (address.to_string(), format!("{}/sandbox/2.0", tap.base));
            let mut environment = vec![
                ("RUST_LOG", "trace"),
                ("LOG_FORMAT", format),
                ("SERVER_LISTEN", &listen),
                // The requests are found by the ids that the tests give them.
                ("SERVER_TRUSTED_PROXIES", "127.0.0.1"),
                ("SMARTSHEET_REGION", "sandbox"),
                ("SMARTSHEET_API_URL", &api),
                ("SMARTSHEET_CLIENT_ID", CLIENT_ID),
                ("SMARTSHEET_CLIENT_SECRET", CLIENT_SECRET),
            ];
            for (name, value) in more {
                environment.retain(|(known, _)| known != name);
                environment.push((name, value));
            }
            let running = Running::start(folder.path(), &[], &environment);
            // Without these words another process was faster at taking the port.
            if let Some(lines) = running.logged("the redirect URL to register") {
                return Self {
                    folder,
                    running,
                    tap,
                    lines,
                };
            }
        }
        panic!("no free port");
    }

    pub(crate) fn browser(&self) -> Browser {
        let address = self.tap.base.strip_prefix("http://").unwrap();
        Browser::at(address.parse().unwrap())
    }

    pub(crate) fn sandbox(&self) -> Control {
        Control::at(format!("{}/sandbox", self.tap.base))
    }

    /// What there is in the folder of the sessions: the key, and what the sessions themselves hold.
    pub(crate) fn stored(&self, secrets: &mut Secrets) {
        let data = self.folder.path().join("data");
        let key = fs::read_to_string(data.join("session.key")).unwrap();
        let sealer = Sealer::from_base64(key.trim()).unwrap();
        let file = Connection::open(data.join("sessions.db")).unwrap();
        let sql = "SELECT key, version, sealed FROM sessions WHERE NOT transient AND NOT ended";
        let mut query = file.prepare(sql).unwrap();
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        let rows: Vec<([u8; 32], i64, Vec<u8>)> = rows.unwrap().collect::<Result<_, _>>().unwrap();
        assert!(!rows.is_empty());
        for (name, version, sealed) in rows {
            let opened = sealer.open(&name, version, &sealed);
            // A byte that names the form, then the fields.
            let session: SessionData = postcard::from_bytes(&opened.unwrap()[1..]).unwrap();
            let flow = serde_json::to_value(session.flow).unwrap();
            let flow = hex::decode(flow.as_str().unwrap()).unwrap();
            secrets.add(u128::from_be_bytes(flow.clone().try_into().unwrap()).to_string());
            secrets.add(flow);
        }
        secrets.add(STANDARD.decode(key.trim()).unwrap());
        secrets.add(key.trim());
    }

    /// Stops it, and gives everything that it wrote.
    pub(crate) fn stop(self) -> (Vec<String>, TempDir) {
        let Self {
            folder,
            running,
            mut lines,
            ..
        } = self;
        let (code, rest) = running.signal("TERM");
        assert_eq!(code, Some(0), "{rest:?}");
        lines.extend(rest);
        (lines, folder)
    }
}

/// What the lines of the program's log tell.
pub(crate) struct Log {
    pub(crate) lines: Vec<String>,
    pub(crate) format: &'static str,
}

impl Log {
    /// Asserts that there is one line with each of `parts`, and gives it.
    #[track_caller]
    pub(crate) fn line(&self, parts: &[&str]) -> &str {
        let has_all = |line: &&String| parts.iter().all(|part| line.contains(part));
        let lines: Vec<&String> = self.lines.iter().filter(has_all).collect();
        assert_eq!(lines.len(), 1, "{parts:?}: {lines:?}");
        lines[0]
    }

    /// Asserts that the request `id` has the one line that each request has.
    #[track_caller]
    pub(crate) fn has_request(&self, id: &str, method: &str, route: &str, status: u16) {
        let (line, parts) = if self.format == "json" {
            let line = self.line(&[&format!("\"id\":\"{id}\""), "\"route\":"]);
            let event: Value = serde_json::from_str(line).unwrap();
            let expected = json!([id, method, route, status, "request"]);
            let members = ["id", "method", "route", "status", "message"].map(|name| &event[name]);
            assert_eq!(json!(members), expected);
            (line, ["\"duration\":\"".to_owned()].to_vec())
        } else {
            let line = self.line(&[&format!("request id={id} "), "route="]);
            let parts = [
                format!("method={method} route=\"{route}\" status={status} "),
                "duration=".to_owned(),
            ];
            (line, parts.to_vec())
        };
        for part in parts {
            assert!(line.contains(&part), "no {part} in {line}");
        }
        assert!(line.contains("INFO") || status >= 500, "{line}");
    }

    /// Asserts that `event` was logged once for the request `id`.
    #[track_caller]
    pub(crate) fn has_event(&self, id: &str, event: &str) {
        let marks = if self.format == "json" {
            [
                format!("\"id\":\"{id}\""),
                format!("\"message\":\"{event}\""),
            ]
        } else {
            [format!("request{{id={id}}}:"), format!(": {event}")]
        };
        let line = self.line(&marks.each_ref().map(String::as_str));
        assert!(line.contains("INFO"), "{line}");
    }
}
