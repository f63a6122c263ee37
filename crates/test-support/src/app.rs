//! The app in this process.

use std::net::SocketAddr;
use std::path::Path;

use smartsheet_oauth_demo::config::Settings;
use smartsheet_oauth_demo::start::{Instance, Overrides, StartError};

use super::free_address;

/// How often another port is tried.
const TRIES: u32 = 20;

/// Settings as `flags` say, and no file. `folder` is the test's.
#[must_use]
pub fn settings(folder: &Path, flags: &[(String, String)]) -> Settings {
    // A file of its own, so that a config.toml of the project does not count.
    let file = folder.join("empty.toml");
    std::fs::write(&file, "").unwrap();
    Settings::load(Some(&file), &|_| None, flags).unwrap()
}

/// An app that listens where `settings` are told to. The app must know its port before it listens, and one that was free a
/// moment ago may be taken: then another.
///
/// # Errors
///
/// [`StartError`] when it can't start for another reason.
pub async fn start(
    overrides: &Overrides,
    mut settings: impl AsyncFnMut(SocketAddr) -> Settings,
) -> Result<Instance, StartError> {
    for _ in 0..TRIES {
        let settings = settings(free_address()).await;
        match Instance::start(&settings, overrides.clone()).await {
            Err(error) if error.to_string().contains("can't listen") => {}
            started => return started,
        }
    }
    panic!("no free port");
}
