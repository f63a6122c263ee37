//! The sandbox that is mounted in the app, in sandbox mode.

use std::sync::Arc;

use rusqlite::ErrorCode;
use secrecy::ExposeSecret;

use super::StartError;
use super::open_store::beside;
use crate::clock::Clock;
use crate::config::Settings;
use crate::sandbox::{self, OpenError, Sandbox};

/// The stand-in, with this app registered. Its grants are kept beside the embedded store, so that what this app remembers
/// over a restart is not forgotten there.
pub(super) async fn sandbox(settings: &Settings, clock: Clock) -> Result<Sandbox, StartError> {
    let options = sandbox::Options {
        apps: vec![sandbox::RegisteredApp {
            name: "Smartsheet OAuth demo".to_owned(),
            client_id: settings.smartsheet.client_id.clone(),
            client_secret: settings.smartsheet.client_secret.expose_secret().to_owned(),
            redirect_urls: vec![settings.redirect_url().to_string()],
        }],
        grants_file: beside(&settings.session.store, "sandbox.db"),
        clock: Arc::new(move || clock.now()),
        ..sandbox::Options::default()
    };
    Sandbox::open(options).await.map_err(|error| {
        if is_in_use(&error) {
            return StartError(format!(
                "session.store: another instance of the app uses the folder of {}, and in sandbox mode each needs its own; \
                 expected another path, such as SESSION_STORE=sqlite://data-2/sessions.db, or memory",
                settings.session.store
            ));
        }
        StartError(format!("the sandbox can't be opened: {error}"))
    })
}

/// Whether another process has the file of grants, which nobody shares.
fn is_in_use(error: &OpenError) -> bool {
    let OpenError::GrantsFile { source, .. } = error else {
        return false;
    };
    let error = source.downcast_ref::<rusqlite::Error>();
    let code = error.and_then(rusqlite::Error::sqlite_error_code);
    matches!(
        code,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}
