//! The store of sessions by itself, without the app around it.

use std::sync::Arc;

use smartsheet_oauth_demo::oauth::{AccessToken, RefreshToken, Token};
use smartsheet_oauth_demo::session::{Lifetimes, Login, Rows, Sealer, Store};

use super::DAY;
use test_support::TestClock;

/// A store over these rows, with the lifetimes that the app has by itself.
pub(crate) fn store(rows: &Arc<dyn Rows>, sealer: &Sealer, clock: &TestClock) -> Store {
    let lifetimes = Lifetimes {
        idle: 7 * DAY,
        total: 90 * DAY,
    };
    Store::new(Arc::clone(rows), sealer.clone(), lifetimes, clock.for_app())
}

/// What is stored of somebody who signs in now.
pub(crate) fn login(clock: &TestClock) -> Login {
    let token = Token {
        access_token: AccessToken::new("a"),
        refresh_token: Some(RefreshToken::new("r")),
        expires_at: clock.now(),
    };
    Login::new(token, clock.now())
}
