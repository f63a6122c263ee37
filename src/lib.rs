//! How a third-party web app signs people in through Smartsheet with OAuth 2.0, and uses their access token.
//!
//! # The map of the house
//!
//! | room | what is in it |
//! | --- | --- |
//! | [`cli`] | the command line: `serve`, `sandbox`, `check`, `health` |
//! | [`config`] | the settings: file, environment, flags |
//! | [`server`] | everything put together, listening, stopping in good order |
//! | [`web`] | a file a page, and how errors become pages |
//! | [`session`] | what is kept for a browser, and the one way to a usable access token |
//! | [`flow`] | what was said, message by message, with secrets masked |
//! | [`smartsheet`] | the API behind the token |
//! | [`oauth`] | the protocol; knows no web framework and no storage |
//! | [`seal`] | what makes a stolen database worthless |
//! | [`transport`], [`sqlite`], [`clock`], [`metrics`] | one bounded HTTP call; one SQLite file; the time; what is counted |
//! | [`sandbox`] | the stand-in for Smartsheet; knows no other room |
//!
//! Arrows run one way: `main → cli → server → web → session → oauth → transport`, `session → flow → transport`,
//! `web → smartsheet → oauth`'s token type, `server → sandbox`.
//!
//! # The main path
//!
//! `GET /login` ([`session::SignIn`], [`oauth::Client::authorization_url`]) → Smartsheet → `GET /redirect`
//! ([`session::Store::take_sign_in`], [`oauth::Client::exchange_code`], [`session::Store::sign_in`]) → `GET /me`
//! ([`session::AccessTokens::usable`], [`smartsheet::Api::current_user`]) → `POST /logout`
//! ([`session::Store::end`], [`session::Revocations::attempt`]).

#![forbid(unsafe_code)]

pub use smartsheet_sandbox as sandbox;

pub mod check;
pub mod cli;
pub mod clock;
pub mod config;
pub mod database;
pub mod flow;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod json;
mod log;
mod masking;
pub mod metrics;
pub mod oauth;
mod one_line;
mod postgres;
pub mod seal;
pub mod server;
pub mod session;
pub mod smartsheet;
pub mod sqlite;
pub mod transport;
pub mod web;
