//! What several fuzz targets need.

use std::sync::Arc;

use smartsheet_oauth_demo::clock::Clock;
use smartsheet_oauth_demo::config::Settings;
use smartsheet_oauth_demo::flow::{FlowLog, MemoryFlow};
use smartsheet_oauth_demo::seal::Sealer;
use smartsheet_oauth_demo::session::{Lifetimes, MemoryRows, Store};
use smartsheet_oauth_demo::start::{Overrides, assemble};
use smartsheet_oauth_demo::web::App;

/// The secret that must not come out again: of the form of a token.
pub const SECRET: &str = "ll352u9jujauoqz4gstvsae05";

/// How much of [`SECRET`] gives it away: one character more than a mask shows.
pub const GIVEN_AWAY: &str = "ll352";

/// Stands for [`SECRET`] in an input, so that inputs which have it somewhere are found soon.
pub const MARK: &str = "§";

/// `input` with [`SECRET`] in the place of each [`MARK`]. `None` when it has a part of the secret without a mark: what is then
/// seen in an output proves nothing.
#[must_use]
pub fn planted(input: &str) -> Option<String> {
    (!input.contains(GIVEN_AWAY)).then(|| input.replace(MARK, SECRET))
}

/// Whether `text` shows more of the secret than a mask may.
#[must_use]
pub fn gives_away(text: &str) -> bool {
    text.contains(GIVEN_AWAY)
}

/// Whether `text` has a character that could move a terminal's cursor or start a line of its own.
#[must_use]
pub fn has_control(text: &str) -> bool {
    text.contains(char::is_control)
}

/// The line that `input` begins with, and what follows.
#[must_use]
pub fn first_line(input: &[u8]) -> (&[u8], &[u8]) {
    match input.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&input[..end], &input[end + 1..]),
        None => (input, &[]),
    }
}

/// The app in memory, reached at `base_url`, with Smartsheet where nobody answers; and its sessions.
///
/// # Panics
///
/// When its fixed settings are not right, or outside of a runtime.
#[must_use]
pub fn app(base_url: &str) -> (App, Store) {
    let flags = [
        ("server.base_url", base_url),
        ("server.rate_limit", "off"),
        ("smartsheet.region", "us"),
        ("smartsheet.client_id", "fuzz"),
        ("smartsheet.client_secret", "fuzz"),
        ("smartsheet.authorize_url", "http://127.0.0.1:1/b/authorize"),
        ("smartsheet.api_url", "http://127.0.0.1:1/2.0"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = Settings::load(None, &|_| None, &flags).expect("these settings are right");
    let sealer = Sealer::from_base64(&Sealer::new_key()).expect("a new key is a key");
    let lifetimes = Lifetimes {
        idle: settings.session.idle_timeout,
        total: settings.session.lifetime,
    };
    let clock = Clock::system();
    let rows = Arc::new(MemoryRows::default());
    let store = Store::new(rows, sealer.clone(), lifetimes, clock.clone());
    let flow = FlowLog::new(Arc::new(MemoryFlow::default()), sealer, clock);
    let app = assemble(&settings, Overrides::default(), store.clone(), flow);
    (app.expect("plain HTTP needs no TLS"), store)
}
