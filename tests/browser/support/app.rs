//! The app in this process, in sandbox mode, at `localhost` with a port of its own, and with a clock that tests move.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::header::LOCATION;
use serde_json::Value;
use smartsheet_oauth_demo::config::Settings;
use smartsheet_oauth_demo::start::Overrides;
use tempfile::TempDir;
use test_support::{TestClock, http_client};
use url::Url;

use super::GuardedSite;
use super::tls::{self, DOMAIN};

/// An app that runs until the test ends.
pub(crate) struct TestApp {
    /// How browsers reach it, without a slash at the end.
    pub(crate) base: String,
    /// Where it listens.
    address: String,
    /// Where its sandbox is: the same server by another name, which makes it another site.
    pub(crate) sandbox: String,
    metrics: String,
    clock: TestClock,
    http: reqwest::Client,
    _folder: TempDir,
}

/// How browsers reach an app.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// `localhost`, which browsers trust as they do https.
    Localhost,
    /// Its name, by https.
    Tls,
    /// Its name, by http.
    Http,
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Behind TLS, as `app` of a domain that has other hosts.
    pub(crate) async fn behind_tls() -> Self {
        Self::started(|_| {}, By::Tls, &[]).await
    }

    /// As `app` of the same domain, without TLS, as a phone reaches an app of the same network.
    pub(crate) async fn without_tls() -> Self {
        Self::started(|_| {}, By::Http, &[]).await
    }

    /// Starts it in other overrides, such as with less patience for the sandbox.
    pub(crate) async fn with(adjust: impl Fn(&mut Overrides)) -> Self {
        Self::started(adjust, By::Localhost, &[]).await
    }

    /// Beside other sites, whose proxies ask it.
    pub(crate) async fn beside(sites: &[&GuardedSite]) -> Self {
        let app = Self::started(|_| {}, By::Localhost, sites).await;
        for site in sites {
            site.app.set(app.address.clone()).unwrap();
        }
        app
    }

    async fn started(adjust: impl Fn(&mut Overrides), by: By, sites: &[&GuardedSite]) -> Self {
        let origins: Vec<&str> = sites.iter().map(|site| site.origin.as_str()).collect();
        let origins = origins.join(" ");
        let clock = TestClock::real();
        let mut overrides = Overrides {
            clock: clock.for_app(),
            ..Overrides::default()
        };
        adjust(&mut overrides);
        let folder = TempDir::new().unwrap();
        let mut place = None;
        let at = async |listen: SocketAddr| {
            let base = match by {
                By::Localhost => format!("http://localhost:{}", listen.port()),
                By::Tls => {
                    let port = tls::in_front_of(listen.port()).await;
                    format!("https://app.{DOMAIN}:{port}")
                }
                By::Http => format!("http://app.{DOMAIN}:{}", listen.port()),
            };
            let settings = settings(listen, &base, &origins, &folder);
            place = Some((format!("http://{listen}"), base));
            settings
        };
        let server = test_support::start(&overrides, at).await.unwrap();
        let (address, base) = place.unwrap();
        let metrics = server.metrics_address().unwrap().unwrap();
        tokio::spawn(server.serve(std::future::pending()));
        let sandbox_at = if by == By::Localhost { &address } else { &base };
        Self {
            sandbox: format!("{sandbox_at}/sandbox"),
            address,
            base,
            metrics: format!("http://{metrics}/metrics"),
            clock,
            http: http_client(),
            _folder: folder,
        }
    }

    /// Moves the clock of the app and its sandbox. The browser's stays.
    pub(crate) fn pass(&self, time: Duration) {
        self.clock.pass(time);
    }

    /// Where the sandbox would send a browser back to when a person at `authorize` chooses Allow.
    pub(crate) async fn callback_of(&self, authorize: &Url) -> String {
        let mut url = authorize.clone();
        url.query_pairs_mut()
            .append_pair("sandbox_decision", "allow");
        // Only the browser knows the names behind TLS.
        let url = url.as_str().replacen(&self.base, &self.address, 1);
        let answer = self.http.get(url).send().await.unwrap();
        let location = answer.headers().get(LOCATION).unwrap();
        location.to_str().unwrap().to_owned()
    }

    /// Somebody else signs in as `user`. Gives the cookie, with its name.
    pub(crate) async fn session_of(&self, user: &str) -> String {
        let login = self.get("/login", "").await;
        let mut authorize: Url = text(&login, LOCATION.as_str()).parse().unwrap();
        authorize
            .query_pairs_mut()
            .append_pair("sandbox_user", user);
        let callback = self.callback_of(&authorize).await;
        let path = callback.strip_prefix(&self.base).unwrap();
        let answer = self.get(path, &cookie(&login)).await;
        assert_eq!(text(&answer, LOCATION.as_str()), "/me");
        cookie(&answer)
    }

    /// The status of `/me` for a program that brings `cookie`.
    pub(crate) async fn status_of_me(&self, cookie: &str) -> u16 {
        self.get("/me", cookie).await.status().as_u16()
    }

    async fn get(&self, path: &str, cookie: &str) -> reqwest::Response {
        let request = self.http.get(format!("{}{path}", self.address));
        let request = request.header("accept", "application/json");
        request.header("cookie", cookie).send().await.unwrap()
    }

    /// How many requests were made ahead of a person, and left alone.
    pub(crate) async fn speculative_requests(&self) -> u64 {
        let figures = self.http.get(&self.metrics).send().await.unwrap();
        let figures = figures.text().await.unwrap();
        let mut lines = figures.lines();
        let count =
            lines.find_map(|line| line.strip_prefix("oauth_demo_speculative_requests_total "));
        count.unwrap().parse().unwrap()
    }

    /// What arrived at the sandbox.
    async fn requests(&self) -> Vec<Value> {
        let url = format!("{}/sandbox/control/requests", self.address);
        let answer = self.http.get(url).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// The paths of the rows that the sandbox was asked to write.
    pub(crate) async fn writes(&self) -> Vec<String> {
        let requests = self.requests().await;
        let paths = requests.iter().map(|request| request["path"].as_str());
        let paths = paths.flatten().filter(|path| path.ends_with("/rows"));
        paths.map(str::to_owned).collect()
    }

    /// What arrived at the sandbox's token endpoint, such as `refresh_token 200`.
    pub(crate) async fn token_requests(&self) -> Vec<String> {
        let requests = self.requests().await;
        let to_token = requests
            .iter()
            .filter(|request| request["path"] == "/2.0/token");
        to_token
            .map(|request| {
                let what = request["grant_type"].as_str();
                let what = what.or(request["method"].as_str()).unwrap();
                format!("{what} {}", request["status"])
            })
            .collect()
    }
}

fn settings(listen: SocketAddr, base: &str, sites: &str, folder: &TempDir) -> Settings {
    let store = folder.path().join("data").join("sessions.db");
    let flags = [
        ("server.listen", listen.to_string()),
        ("server.base_url", base.to_owned()),
        ("smartsheet.region", "sandbox".to_owned()),
        ("session.store", format!("sqlite://{}", store.display())),
        ("server.metrics_listen", "127.0.0.1:0".to_owned()),
    ];
    let mut flags = flags.map(|(name, value)| (name.to_owned(), value)).to_vec();
    if !sites.is_empty() {
        flags.push(("gateway.sites".to_owned(), sites.to_owned()));
        flags.push(("server.trusted_proxies".to_owned(), "127.0.0.1".to_owned()));
    }
    test_support::settings(folder.path(), &flags)
}

fn text<'a>(answer: &'a reqwest::Response, header: &str) -> &'a str {
    answer.headers()[header].to_str().unwrap()
}

fn cookie(answer: &reqwest::Response) -> String {
    let set = text(answer, "set-cookie");
    set.split(';').next().unwrap().to_owned()
}
