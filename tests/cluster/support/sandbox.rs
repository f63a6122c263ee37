//! The sandbox, as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use test_support::http_client;

use super::cluster::{BASE_URL, CLIENT_ID, CLIENT_SECRET};

/// A running sandbox. Killed when it is dropped.
pub(crate) struct SandboxProcess {
    child: Child,
    pub(crate) url: String,
    http: reqwest::Client,
}

impl SandboxProcess {
    pub(crate) fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_smartsheet-oauth-demo"))
            .args(["sandbox", "--listen", "127.0.0.1:0"])
            .args(["--client-id", CLIENT_ID, "--client-secret", CLIENT_SECRET])
            .args(["--redirect-url", &format!("{BASE_URL}/redirect")])
            .env("RUST_LOG", "off")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        Self {
            child,
            url,
            http: http_client(),
        }
    }

    /// `POST /control/…`, and what it answers.
    pub(crate) async fn control(&self, what: &str, order: &Value) -> Value {
        let url = format!("{}/control/{what}", self.url);
        let answer = self.http.post(url).json(order).send().await.unwrap();
        let (status, body) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// How many pairs work, found by revoking them all. Codes that nobody exchanged end first: they are no grants yet. One that
    /// is older than ten minutes would count.
    pub(crate) async fn revoke_what_lives(&self) -> u64 {
        let codes = json!({"what": "codes"});
        let codes = self.control("expire", &codes).await["expired"].as_u64();
        let all = self.control("revoke", &json!({})).await["revoked"].as_u64();
        all.unwrap() - codes.unwrap()
    }

    pub(crate) async fn expire_access_tokens(&self) {
        self.control("expire", &json!({"what": "access_tokens"}))
            .await;
    }

    pub(crate) async fn fault(&self, path: &str, fault: &str, times: u32) {
        let order = json!({"path": path, "fault": fault, "times": times});
        self.control("faults", &order).await;
    }

    /// `DELETE /control/…`.
    pub(crate) async fn clear(&self, what: &str) {
        let url = format!("{}/control/{what}", self.url);
        self.http.delete(url).send().await.unwrap();
    }

    /// How many requests asked for a new pair since the last [`SandboxProcess::clear`], and how many of them got it.
    pub(crate) async fn refreshes(&self) -> (usize, usize) {
        let statuses = self.refresh_statuses().await;
        let granted = statuses.iter().filter(|status| **status == 200).count();
        (statuses.len(), granted)
    }

    /// How many requests for a new pair were granted since the last [`SandboxProcess::clear`], and how many were refused
    /// because their refresh token is void.
    pub(crate) async fn judged_refreshes(&self) -> (usize, usize) {
        let statuses = self.refresh_statuses().await;
        let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
        (count(200), count(400))
    }

    async fn refresh_statuses(&self) -> Vec<u64> {
        let url = format!("{}/control/requests", self.url);
        let list: Vec<Value> = self
            .http
            .get(url)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        list.iter()
            .filter(|request| request["grant_type"] == "refresh_token")
            .filter_map(|request| request["status"].as_u64())
            .collect()
    }
}

impl Drop for SandboxProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
