//! The sandbox on a port of its own, and its control endpoints.

use serde_json::{Value, json};
use smartsheet_oauth_demo::sandbox::{self, Options, RegisteredApp};
use tokio::net::TcpListener;

use super::app::{BASE_URL, CLIENT_ID, CLIENT_SECRET};
use test_support::TestClock;
use test_support::http_client;

/// Steers a sandbox, wherever it is mounted.
pub(crate) struct Control {
    /// Without a slash at its end.
    pub(crate) base: String,
    http: reqwest::Client,
}

/// Starts a sandbox in memory, with the app of [`super::Setup`] registered.
pub(crate) async fn start(clock: &TestClock) -> Control {
    let options = Options {
        apps: vec![RegisteredApp {
            name: "The app under test".to_owned(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: CLIENT_SECRET.to_owned(),
            redirect_urls: vec![format!("{BASE_URL}/redirect")],
        }],
        clock: clock.for_sandbox(),
        ..Options::default()
    };
    let sandbox = sandbox::Sandbox::open(options).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(sandbox::serve(sandbox, listener, std::future::pending()));
    Control::at(base)
}

impl Control {
    pub(crate) fn at(base: String) -> Self {
        let http = http_client();
        Self { base, http }
    }

    /// What arrived at the API since the last [`Control::forget`], such as `POST /2.0/token refresh_token 200`.
    pub(crate) async fn requests(&self) -> Vec<String> {
        let request = self.http.get(format!("{}/control/requests", self.base));
        let body = request.send().await.unwrap().bytes().await.unwrap();
        let list: Vec<Value> = serde_json::from_slice(&body).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        list.iter()
            .map(|entry| {
                let method_and_path =
                    format!("{} {}", text(&entry["method"]), text(&entry["path"]));
                match entry.get("grant_type") {
                    Some(grant) => format!("{method_and_path} {} {}", text(grant), entry["status"]),
                    None => format!("{method_and_path} {}", entry["status"]),
                }
            })
            .collect()
    }

    /// Empties the list of requests.
    pub(crate) async fn forget(&self) {
        let url = format!("{}/control/requests", self.base);
        assert!(
            self.http
                .delete(url)
                .send()
                .await
                .unwrap()
                .status()
                .is_success()
        );
    }

    /// The next `times` requests to `path` suffer `fault`; `more` are the other members of the order.
    pub(crate) async fn fault(&self, path: &str, fault: &str, times: u32, more: Value) {
        let mut order = json!({"path": path, "fault": fault, "times": times});
        if let Value::Object(more) = more {
            order.as_object_mut().unwrap().extend(more);
        }
        self.post("faults", &order).await;
    }

    /// `access_tokens` or `codes` have expired from now on.
    pub(crate) async fn expire(&self, what: &str) {
        self.post("expire", &json!({"what": what})).await;
    }

    /// Every grant is revoked.
    pub(crate) async fn revoke(&self) {
        self.post("revoke", &Value::Null).await;
    }

    /// How many grants live. Revokes them, for that is how the sandbox tells.
    pub(crate) async fn live_grants(&self) -> u64 {
        let request = self.http.post(format!("{}/control/revoke", self.base));
        let answer = request.send().await.unwrap().bytes().await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        answer["revoked"].as_u64().unwrap()
    }

    async fn post(&self, endpoint: &str, body: &Value) {
        let request = self
            .http
            .post(format!("{}/control/{endpoint}", self.base))
            .body(body.to_string());
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{endpoint}: {answer:?}");
    }
}
