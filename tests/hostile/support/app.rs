//! The app in this process.

use std::net::SocketAddr;
use std::time::Duration;

use smartsheet_oauth_demo::config::Settings;
use smartsheet_oauth_demo::start::Overrides;
use tempfile::TempDir;
use test_support::TestClock;

/// A running app, in sandbox mode unless its settings say otherwise. It serves until the test ends.
pub(crate) struct TestApp {
    pub(crate) address: SocketAddr,
    /// The app's clock.
    pub(crate) clock: TestClock,
    _folder: TempDir,
}

/// Settings as `flags` say, with a store in memory.
fn settings(folder: &TempDir, listen: &str, flags: &[(&str, &str)]) -> Settings {
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
    test_support::settings(folder.path(), &owned)
}

impl TestApp {
    /// With the limits that `adjust` leaves.
    pub(crate) async fn with(flags: &[(&str, &str)], adjust: impl FnOnce(&mut Overrides)) -> Self {
        let folder = TempDir::new().unwrap();
        let clock = TestClock::real();
        let mut overrides = Overrides {
            clock: clock.for_app(),
            ..Overrides::default()
        };
        adjust(&mut overrides);
        // With port 0 the base URL would follow the real port.
        let at = async |address: SocketAddr| settings(&folder, &address.to_string(), flags);
        let server = test_support::start(&overrides, at).await.unwrap();
        let address = server.address().unwrap();
        tokio::spawn(server.serve(std::future::pending()));
        Self {
            address,
            clock,
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
}
