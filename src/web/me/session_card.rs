//! What this app keeps about the sign-in, as the person may know it: never a token.

use std::time::Duration;

use crate::clock::after;
use crate::oauth::Scope;
use crate::session::Login;
use crate::web::App;
use crate::web::moment::{Moment, Reader, countdown, span};

/// The card about the session.
pub(super) struct SessionCard {
    /// What the person allowed.
    pub(super) scopes: Vec<Scope>,
    pub(super) signed_in: Moment,
    pub(super) expires: Moment,
    /// "in 6 days 23 hours", until it is past.
    pub(super) countdown: Option<String>,
    pub(super) refreshed: Option<Moment>,
    /// Whether that was a moment ago.
    pub(super) is_just_refreshed: bool,
    pub(super) can_refresh: bool,
    /// With how much left the app refreshes the token by itself: "5 minutes".
    pub(super) margin: String,
    /// When the session ends, however it is used.
    pub(super) ends: Moment,
}

/// How long a refresh is news.
const JUST_NOW: Duration = Duration::from_secs(15);

impl SessionCard {
    pub(super) fn of(login: &Login, app: &App, reader: &Reader) -> Self {
        let now = app.clock.now();
        Self {
            scopes: login.asked_for(&app.settings.scopes),
            signed_in: reader.read(login.signed_in_at),
            expires: reader.read(login.token.expires_at),
            countdown: countdown(now, login.token.expires_at),
            refreshed: login.refreshed_at.map(|at| reader.read(at)),
            is_just_refreshed: login
                .refreshed_at
                .is_some_and(|at| at <= now && now <= after(at, JUST_NOW)),
            can_refresh: login.token.refresh_token.is_some(),
            margin: span(app.settings.refresh_margin.as_secs()),
            ends: reader.read(after(login.signed_in_at, app.settings.session_lifetime)),
        }
    }
}
