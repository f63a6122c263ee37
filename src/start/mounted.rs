//! The stand-in for Smartsheet, as it is mounted in sandbox mode.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::map_request;
use rusqlite::ErrorCode;
use secrecy::ExposeSecret;

use super::StartError;
use super::open_store::beside;
use crate::clock::Clock;
use crate::config::{SandboxControl, Settings};
use crate::sandbox::{Access, ControlAccess, OpenError, Options, Peer, RegisteredApp, Sandbox};
use crate::server;

/// How often a minute other machines may steer it, all together, when they may at all: 300 times, the first of them being `MIN`.
const CONTROL_A_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(299);

/// Its routes, with this app registered. Its grants are kept beside the embedded store, so that what this app remembers over a
/// restart is not forgotten there.
///
/// # Errors
///
/// [`StartError`] when it can't be opened.
pub(super) async fn sandbox(settings: &Settings, clock: Clock) -> Result<Router, StartError> {
    let options = Options {
        apps: vec![RegisteredApp {
            name: "Smartsheet OAuth demo".to_owned(),
            client_id: settings.smartsheet.client_id.clone(),
            client_secret: settings.smartsheet.client_secret.expose_secret().to_owned(),
            redirect_urls: vec![settings.redirect_url().to_string()],
        }],
        grants_file: beside(&settings.session.store, "sandbox.db"),
        clock: Arc::new(move || clock.now()),
        access: access(settings),
        onward: settings.gateway.sites.clone(),
        ..Options::default()
    };
    let sandbox = Sandbox::open(options).await.map_err(|error| {
        if is_in_use(&error) {
            return StartError(format!(
                "session.store: another instance of the app uses the folder of {}, and in sandbox mode each needs its own; \
                 expected another path, such as SESSION_STORE=sqlite://data-2/sessions.db, or memory",
                settings.session.store
            ));
        }
        StartError(format!("the sandbox can't be opened: {error}"))
    })?;
    Ok(sandbox.router().layer(map_request(hand_on_peer)))
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

/// The app itself steers its sandbox over HTTP, by a loopback address (`/break`).
fn access(settings: &Settings) -> Access {
    let hosts = settings.server.hosts.iter().cloned();
    let base = settings.server.base_url.host().map(|host| host.to_string());
    Access {
        hosts: Some(hosts.chain(base).collect()),
        control: match settings.sandbox.control {
            SandboxControl::Local => ControlAccess::ThisMachine,
            SandboxControl::Open => ControlAccess::Limited(CONTROL_A_MINUTE),
        },
    }
}

/// Tells the sandbox who the peer is, in its own type: it knows none of the app's.
async fn hand_on_peer(mut request: Request) -> Request {
    if let Some(server::Peer(address)) = request.extensions().get().copied() {
        request.extensions_mut().insert(Peer(address));
    }
    request
}
