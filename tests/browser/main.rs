//! The app as a person sees it: in a real Chromium, driven over `WebDriver`, each test with a browser and an app of its own.
//!
//! The sandbox is reached by `127.0.0.1` and the app by `localhost`, so every sign-in here crosses sites as it does with
//! Smartsheet. Whatever a test does, the browser's console must stay empty but for the failures that the test expects.

#![allow(
    clippy::disallowed_methods,
    reason = "the clocks that tests move begin at the system's"
)]

mod break_it;
mod cookie;
mod cross_site;
mod flow;
mod gateway;
mod keyboard;
mod neighbour;
mod no_script;
mod phone;
mod sheets;
mod sign_in;
mod sign_in_again;
mod sign_out;
mod speculation;
mod support;
