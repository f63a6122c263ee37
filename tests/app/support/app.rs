//! The app in this process: the real server on a port of its own, its sessions in a real `SQLite` file.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use smartsheet_oauth_demo::config::Settings;
use smartsheet_oauth_demo::server::ConnectionLimits;
use smartsheet_oauth_demo::smartsheet::Retry;
use smartsheet_oauth_demo::start::{Instance, Overrides, StartError};
use smartsheet_oauth_demo::transport::Limits;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::sandbox::{self, Control};
use super::{Browser, PATIENCE, log};
use test_support::TestClock;

/// How browsers are told to reach the app. The tests' browser goes to the real port instead.
pub(crate) const BASE_URL: &str = "http://localhost:8080";
pub(crate) const CLIENT_ID: &str = "client-of-the-tests";
pub(crate) const CLIENT_SECRET: &str = "secret-of-the-client-of-the-tests";

/// Where nobody listens. A port that merely is free at the moment may be another test's in the next.
pub(crate) const NOBODY: &str = "http://127.0.0.1:1";

/// What an app is started with. Starting it again with the same one is a restart on the same folder.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) clock: TestClock,
    pub(crate) limits: Limits,
    pub(crate) retry: Retry,
    pub(crate) connections: ConnectionLimits,
    pub(crate) sweep_every: Duration,
    folder: Arc<TempDir>,
    flags: Vec<(String, String)>,
}

/// An app that runs.
pub(crate) struct TestApp {
    pub(crate) address: SocketAddr,
    /// Where its metrics are, if anywhere.
    pub(crate) metrics: Option<SocketAddr>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Setup {
    fn new(clock: TestClock) -> Self {
        log::capture();
        let folder = Arc::new(TempDir::new().unwrap());
        let setup = Self {
            clock,
            limits: Limits::default(),
            retry: Retry {
                tries: 4,
                first_wait: Duration::from_millis(4),
                longest_wait: Duration::from_secs(3),
            },
            connections: ConnectionLimits::default(),
            sweep_every: Overrides::default().sweep_every,
            folder,
            flags: Vec::new(),
        };
        let store = format!("sqlite://{}", setup.store_file().display());
        setup
            .set("session.store", &store)
            // There is no balancer to wait for.
            .set("server.drain_time", "0s")
    }

    /// In sandbox mode, as `cargo run` starts it.
    pub(crate) fn mounted() -> Self {
        Self::new(TestClock::new())
    }

    /// The same, with a clock that runs.
    pub(crate) fn mounted_running() -> Self {
        Self::new(TestClock::running())
    }

    /// With the provider whose `/b/authorize` and `/2.0` are below `base`.
    pub(crate) fn against(base: &str, clock: TestClock) -> Self {
        Self::new(clock)
            .set("server.listen", "127.0.0.1:0")
            .set("smartsheet.client_id", CLIENT_ID)
            .set("smartsheet.client_secret", CLIENT_SECRET)
            .set("smartsheet.authorize_url", &format!("{base}/b/authorize"))
            .set("smartsheet.api_url", &format!("{base}/2.0"))
    }

    /// The same, with one setting changed. An empty value leaves it at its default.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.flags.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.flags.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// With less patience for the provider.
    pub(crate) fn patience(mut self, total_timeout: Duration) -> Self {
        self.limits.total_timeout = total_timeout;
        self
    }

    /// The folder that the app makes.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn store_file(&self) -> PathBuf {
        self.data().join("sessions.db")
    }

    pub(crate) fn settings(&self) -> Settings {
        test_support::settings(self.folder.path(), &self.flags)
    }

    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            clock: self.clock.for_app(),
            limits: self.limits,
            retry: self.retry,
            connections: self.connections,
            sweep_every: self.sweep_every,
        }
    }

    pub(crate) async fn try_start(&self) -> Result<TestApp, StartError> {
        let server = Instance::start(&self.settings(), self.overrides()).await?;
        Ok(self.serve(server))
    }

    pub(crate) async fn start(&self) -> TestApp {
        if self.flags.iter().any(|(name, _)| name == "server.listen") {
            return self.try_start().await.unwrap();
        }
        // With port 0 the base URL would follow the real port, and the tests' is fixed.
        let at = async |address: SocketAddr| {
            let setup = self.clone().set("server.listen", &address.to_string());
            setup.settings()
        };
        let server = test_support::start(&self.overrides(), at).await;
        self.serve(server.unwrap())
    }

    fn serve(&self, server: Instance) -> TestApp {
        let address = server.address().unwrap();
        let metrics = server.metrics_address().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let folder = Arc::clone(&self.folder);
        let serving = tokio::spawn(server.serve(async move {
            if stopped.await.is_err() {
                // The test dropped its handle: the app runs on until the test ends.
                std::future::pending::<()>().await;
            }
            drop(folder);
        }));
        TestApp {
            address,
            metrics,
            stop,
            serving,
        }
    }
}

impl TestApp {
    /// Stops it as SIGTERM does, and waits until it has.
    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        let ended = tokio::time::timeout(PATIENCE, self.serving).await;
        ended.expect("it stops").unwrap().unwrap();
    }

    /// Asks it to stop; the handle ends when it has.
    pub(crate) fn begin_to_stop(self) -> JoinHandle<std::io::Result<()>> {
        self.stop.send(()).unwrap();
        self.serving
    }

    /// The sandbox that is mounted in it.
    pub(crate) fn mounted_sandbox(&self) -> Control {
        Control::at(format!("http://{}/sandbox", self.address))
    }
}

/// An app and, on a port of its own, the sandbox that it signs people in with.
pub(crate) struct World {
    pub(crate) setup: Setup,
    pub(crate) app: TestApp,
    pub(crate) sandbox: Control,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|setup| setup).await
    }

    pub(crate) async fn with(adjust: impl FnOnce(Setup) -> Setup) -> Self {
        let clock = TestClock::new();
        let sandbox = sandbox::start(&clock).await;
        let setup = adjust(Setup::against(&sandbox.base, clock));
        let app = setup.start().await;
        Self {
            setup,
            app,
            sandbox,
        }
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(&self.app)
    }

    /// A browser that is signed in, with the sign-in's requests forgotten.
    pub(crate) async fn signed_in(&self, user: &str) -> Browser {
        let browser = self.browser();
        browser.sign_in(user).await.redirects_to("/me");
        browser.arrive().await;
        self.sandbox.forget().await;
        browser
    }
}
