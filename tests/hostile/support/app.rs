//! The app in this process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use smartsheet_oauth_demo::clock::Clock;
use smartsheet_oauth_demo::config::Settings;
use smartsheet_oauth_demo::start::{Instance, Overrides};
use tempfile::TempDir;

/// A running app, in sandbox mode unless its settings say otherwise. It serves until the test ends.
pub(crate) struct TestApp {
    pub(crate) address: SocketAddr,
    seconds_ahead: Arc<AtomicI64>,
    _folder: TempDir,
}

/// An address that nobody listens on at the moment.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Settings as `flags` say, with a store in memory.
fn settings(folder: &TempDir, listen: &str, flags: &[(&str, &str)]) -> Settings {
    // A file of its own, so that a config.toml of the project does not count.
    let file = folder.path().join("empty.toml");
    std::fs::write(&file, "").unwrap();
    let mut all = vec![
        ("server.listen", listen),
        ("server.drain_time", "0s"),
        ("session.store", "memory"),
    ];
    all.retain(|(name, _)| !flags.iter().any(|(given, _)| given == name));
    all.extend(flags);
    let owned: Vec<_> = all
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Settings::load(Some(&file), &|_| None, &owned).unwrap()
}

impl TestApp {
    /// With the limits that `adjust` leaves.
    pub(crate) async fn with(flags: &[(&str, &str)], adjust: impl FnOnce(&mut Overrides)) -> Self {
        let folder = TempDir::new().unwrap();
        // With port 0 the base URL would follow the real port.
        let settings = settings(&folder, &free_address(), flags);
        let seconds_ahead = Arc::new(AtomicI64::new(0));
        let ahead = Arc::clone(&seconds_ahead);
        let mut overrides = Overrides {
            clock: Clock::from_fn(move || {
                let ahead = ahead.load(Ordering::SeqCst);
                Timestamp::now() + jiff::SignedDuration::from_secs(ahead)
            }),
            ..Overrides::default()
        };
        adjust(&mut overrides);
        let server = Instance::start(&settings, overrides).await.unwrap();
        let address = server.address().unwrap();
        tokio::spawn(server.serve(std::future::pending()));
        Self {
            address,
            seconds_ahead,
            _folder: folder,
        }
    }

    pub(crate) async fn start() -> Self {
        Self::with(&[], |_| {}).await
    }

    /// In which clients may take this long for anything but a rest between two requests: the app's own calls to the sandbox
    /// rest, too.
    pub(crate) async fn impatient(patience: Duration) -> Self {
        Self::with(&[], |overrides| {
            let limits = &mut overrides.connections;
            limits.header_timeout = patience;
            limits.body_timeout = patience;
            limits.send_timeout = patience;
        })
        .await
    }

    /// Moves the app's clock.
    pub(crate) fn pass(&self, seconds: i64) {
        self.seconds_ahead.fetch_add(seconds, Ordering::SeqCst);
    }
}
