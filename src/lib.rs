//! How a third-party web app signs people in through Smartsheet with OAuth 2.0, and uses their access token.
//!
//! # The map
//!
//! | module | what is in it |
//! | --- | --- |
//! | [`cli`] | the command line: `serve`, `sandbox`, `check`, `health` |
//! | [`config`] | the settings: file, environment, flags |
//! | [`start`] | everything put together: settings in, a running instance out, and its stop in good order |
//! | [`web`] | a file a page, and how errors become pages |
//! | [`server`] | connections: how many, how long each may take; knows nothing of pages |
//! | [`gateway`] | other sites get the signed-in person from here |
//! | [`session`] | what is kept for a browser, and the one way to a usable access token |
//! | [`flow`] | what was said, message by message, with secrets masked |
//! | [`smartsheet_oauth`] | the protocol, and the API behind the token: a package of its own |
//! | [`seal`] | what makes a stolen database worthless |
//! | [`sqlite`], [`postgres`], [`clock`], [`metrics`] | one SQLite file; PostgreSQL; the time; what is counted |
//! | [`smartsheet_sandbox`] | the stand-in for Smartsheet: a package of its own, which knows no other |
//!
//! Arrows run one way: `main → cli → start → web → gateway → session → smartsheet-oauth`, `session → flow → smartsheet-oauth`,
//! `start → server`, `web → server`, `start → smartsheet-sandbox`.
//!
//! # The main path
//!
//! `GET /login` ([`session::SignIn`], [`oauth::Client::authorization_url`]) → Smartsheet → `GET /redirect`
//! ([`session::Store::take_sign_in`], [`oauth::Client::exchange_code`], [`session::Store::sign_in`]) → `GET /me`
//! ([`session::AccessTokens::usable`], [`smartsheet::Api::current_user`]) → `POST /logout`
//! ([`session::Store::end`], [`session::Revocations::attempt`]).

#![forbid(unsafe_code)]

pub use sealed_store::{database, postgres, seal, sqlite};
pub use smartsheet_oauth::{self as oauth, api as smartsheet, transport};
pub use smartsheet_sandbox as sandbox;

use smartsheet_oauth::{json, masking};

mod allowance;
pub mod check;
pub mod cli;
pub mod clock;
pub mod config;
pub mod flow;
pub mod gateway;
mod log;
pub mod metrics;
mod one_line;
pub mod server;
pub mod session;
pub mod start;
pub mod web;

/// What this app calls itself to the servers that it asks (`User-Agent`).
pub const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
