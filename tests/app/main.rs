//! The app, tested from outside: over HTTP, with its real store, against the sandbox and against a provider that misbehaves;
//! and the binary itself, as a person or a container starts it.

mod cannot_start;
mod check;
mod commands;
mod compose;
mod headers;
mod log_lines;
mod logout;
mod look;
mod me;
mod profile;
mod profile_page;
mod redirect;
mod redirect_exchange;
mod refresh;
mod refresh_failures;
mod refresh_shared;
mod return_to;
mod sealed;
mod security;
mod sessions;
mod settings;
mod sign_in;
mod store_contract;
mod store_down;
mod support;
