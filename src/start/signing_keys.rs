//! The keys that the settings name for assertions, or those that the app makes.

use std::path::PathBuf;

use secrecy::ExposeSecret as _;

use super::StartError;
use super::open_store::beside;
use crate::config::{Settings, StoreUrl};
use crate::gateway::SigningKeys;

/// The keys for assertions. `None` while there are no sites.
///
/// # Errors
///
/// [`StartError`] when a key can't be made or read.
pub fn signing_keys(settings: &Settings) -> Result<Option<SigningKeys>, StartError> {
    let gateway = &settings.gateway;
    if gateway.sites.is_empty() {
        return Ok(None);
    }
    let keys = match &gateway.signing_key {
        Some(key) => SigningKeys::parse(key.expose_secret()).map_err(|error| error.to_string()),
        None => make(settings),
    };
    keys.map(Some).map_err(|problem| {
        StartError(format!(
            "gateway.signing_key: {problem}; {}",
            SigningKeys::EXPECTED
        ))
    })
}

/// The key that is made on first start, beside the embedded store.
fn make(settings: &Settings) -> Result<SigningKeys, String> {
    let store = &settings.session.store;
    let file = beside(store, "signing.key");
    let file = file.unwrap_or_else(|| PathBuf::from("data/signing.key"));
    match SigningKeys::read_or_make(&file) {
        // Nothing outlives the process in memory mode, so neither need the key.
        Err(_) if *store == StoreUrl::Memory => {
            SigningKeys::random().map_err(|error| error.to_string())
        }
        made => made
            .map_err(|error| format!("the key that this app made in {}: {error}", file.display())),
    }
}
