//! What the tests of all kinds share: the app in this process or in one of its own, a clock to move, a client with cookies, the
//! consent at the sandbox, and waiting for what happens.
//!
//! What only one kind needs is in its own `support`, such as a Chromium, or a provider that misbehaves.

#![allow(
    clippy::disallowed_methods,
    clippy::missing_panics_doc,
    reason = "it is for tests: they make clocks, and fail by panics"
)]

mod app;
mod client;
mod clock;
mod consent;
mod cookies;
mod ports;
mod process;
mod waiting;

pub use app::{settings, start};
pub use client::{http_client, http_client_builder};
pub use clock::TestClock;
pub use consent::{allow, consent_url, parameter};
pub use cookies::Cookies;
pub use ports::free_address;
pub use process::{Process, signal};
pub use waiting::{PATIENCE, until};
