//! A stand-in for Smartsheet's OAuth 2.0 and for a small part of its API, to develop and test against without an account.
//!
//! It imports nothing from the rest of the app, so that a misunderstanding there is not repeated here. It behaves as
//! Smartsheet's documentation and SDKs say, down to error codes, and can be told to fail.
//!
//! | file | subject |
//! | --- | --- |
//! | `options` | what a sandbox is opened with |
//! | `authorize`, `arranged`, `pages`, `way_back` | the consent page, with the faults that a person asks for there, and the way back to the app |
//! | `token` | exchanging, refreshing and revoking |
//! | `grants`, `ledger`, `grants_file` | what was granted: in memory, in which order it changes, on disk |
//! | `bearer`, `caller`, `limiter`, `scopes` | who calls the API, how often, what they may do |
//! | `user`, `users`, `odd_users` | the people: ordinary ones, and those who test pages |
//! | `users_me` | who the token belongs to |
//! | `sheets` | reading sheets, changing rows, keeping them, how they start |
//! | `shared`, `layers` | what the endpoints share, and what is around all of them |
//! | `access`, `guard` | whom the sandbox answers, and who may steer it |
//! | `front_door`, `request_log`, `faults`, `fault_answers`, `presented`, `control` | steering it from a test |
//! | `paths`, `params`, `param_problems`, `api_error`, `error_codes`, `dice` | addresses, parameters, errors and randomness for all of them |
//!
//! To add an endpoint, write a file like `users_me.rs`, whose handler takes a `Caller`, and add its route
//! to [`Sandbox::router`]. Logging, faults, 404s, 405s and the form of errors come with it.

mod access;
mod api_error;
mod arranged;
mod authorize;
mod bearer;
mod caller;
mod control;
mod dice;
mod error_codes;
mod fault_answers;
mod faults;
mod front_door;
mod grants;
mod grants_file;
mod guard;
mod layers;
mod ledger;
mod limiter;
mod odd_users;
mod options;
mod pages;
mod param_problems;
mod params;
mod paths;
mod presented;
mod request_log;
mod scopes;
mod server;
mod shared;
mod sheets;
mod token;
mod user;
mod users;
mod users_me;
mod way_back;

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};

pub use self::{
    access::{Access, ControlAccess, Peer},
    options::{Clock, OpenError, Options, RegisteredApp},
    server::serve,
};
use self::{
    api_error::ApiError, dice::Dice, faults::Faults, guard::Guard, ledger::Ledger,
    limiter::Limiter, request_log::RequestLog, shared::Shared, sheets::store::Sheets,
};

/// A sandbox: the state behind its endpoints. Cheap to clone; clones share the state.
#[derive(Clone)]
pub struct Sandbox(Arc<Shared>);

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("apps", &self.0.apps)
            .finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Opens a sandbox, with the grants of its file if it has one.
    ///
    /// # Errors
    ///
    /// When an option makes no sense or the grants file can't be used, see [`OpenError`].
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        options.check()?;
        let (ledger, starts) = Ledger::open(options.grants_file.as_deref()).await?;
        let sheets = Sheets::open(ledger.file()).await;
        let sheets = sheets.map_err(|source| OpenError::GrantsFile {
            path: options.grants_file.unwrap_or_default(),
            source,
        })?;
        Ok(Self(Arc::new(Shared {
            apps: options.apps,
            access_token_lifetime: options.access_token_lifetime,
            code_lifetime: options.code_lifetime,
            onward: options
                .onward
                .iter()
                .map(|url| pages::origin(url.as_str()))
                .collect(),
            clock: options.clock,
            guard: Guard::new(options.access)?,
            dice: Dice::new(options.seed, starts),
            ledger,
            limiter: Limiter::new(options.rate_limit),
            log: RequestLog::default(),
            faults: Faults::default(),
            sheets,
        })))
    }

    /// Its routes, to be served as they are or nested under a prefix.
    pub fn router(&self) -> Router {
        Router::new()
            .route(
                "/b/authorize",
                get(authorize::authorize).post(authorize::authorize),
            )
            .route(paths::TOKEN_PATH, post(token::issue).delete(token::delete))
            .route("/2.0/users/me", get(users_me::get))
            .merge(sheets::routes())
            .route(
                "/control/requests",
                get(control::requests).delete(control::clear_requests),
            )
            .route(
                "/control/faults",
                post(control::order_fault).delete(control::clear_faults),
            )
            .route("/control/expire", post(control::expire))
            .route("/control/revoke", post(control::revoke_grants))
            .route("/static/sandbox.css", get(pages::stylesheet))
            .route("/static/sandbox.svg", get(pages::icon))
            .fallback(not_found)
            .method_not_allowed_fallback(method_not_allowed)
            .layer(from_fn_with_state(Arc::clone(&self.0), front_door::pass))
            .layer(from_fn_with_state(Arc::clone(&self.0), layers::guard))
            .layer(from_fn_with_state(
                Arc::clone(&self.0),
                layers::write_errors,
            ))
            .with_state(Arc::clone(&self.0))
    }
}

async fn not_found(State(sandbox): State<Arc<Shared>>, uri: Uri) -> Response {
    let path = uri.path();
    if path.starts_with("/1.1/") {
        ApiError::retired().into_response()
    } else if paths::speaks_json(path) {
        ApiError::not_found().into_response()
    } else {
        let text = "This is the stand-in for Smartsheet. Its consent page is at b/authorize, its API below 2.0, and what steers it below control.";
        pages::error_at(
            StatusCode::NOT_FOUND,
            "There is no page here",
            text,
            path,
            sandbox.only_app(),
        )
    }
}

async fn method_not_allowed(State(sandbox): State<Arc<Shared>>, uri: Uri) -> Response {
    let path = uri.path();
    if paths::speaks_json(path) {
        ApiError::method_not_supported().into_response()
    } else {
        let text = "This address does not take this kind of request.";
        pages::error_at(
            StatusCode::METHOD_NOT_ALLOWED,
            "Not possible here",
            text,
            path,
            sandbox.only_app(),
        )
    }
}

/// The README's example, compiled and run with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
