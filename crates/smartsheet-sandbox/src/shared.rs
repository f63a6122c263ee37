//! What the endpoints share.

use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use super::{
    dice::Dice,
    faults::Faults,
    grants::{Digest, Millis},
    guard::Guard,
    ledger::Ledger,
    limiter::Limiter,
    options::{Clock, RegisteredApp},
    pages::AppLink,
    request_log::RequestLog,
    sheets::store::Sheets,
};

/// The state behind them.
pub(super) struct Shared {
    pub(super) apps: Vec<RegisteredApp>,
    pub(super) access_token_lifetime: Duration,
    pub(super) code_lifetime: Duration,
    /// The sites that redirect URLs may lead on to.
    pub(super) onward: Vec<String>,
    pub(super) clock: Clock,
    pub(super) dice: Dice,
    pub(super) ledger: Ledger,
    pub(super) guard: Guard,
    pub(super) limiter: Limiter<Digest>,
    pub(super) log: RequestLog,
    pub(super) faults: Faults,
    pub(super) sheets: Sheets,
}

impl Shared {
    /// The app with this client id.
    pub(super) fn app(&self, client_id: &str) -> Option<&RegisteredApp> {
        self.apps.iter().find(|app| app.client_id == client_id)
    }

    /// The way to the only app that there is. With several, nobody knows which one somebody came from.
    pub(super) fn only_app(&self) -> Option<AppLink<'_>> {
        let [app] = &self.apps[..] else {
            return None;
        };
        let address = Url::parse(app.redirect_urls.first()?)
            .ok()?
            .join("/")
            .ok()?;
        // An app's own scheme has no pages that a browser could show.
        let is_on_the_web = matches!(address.scheme(), "http" | "https");
        is_on_the_web.then(|| AppLink {
            name: &app.name,
            address: address.into(),
        })
    }

    /// What time it is.
    pub(super) fn time(&self) -> Timestamp {
        (self.clock)()
    }

    /// The same in milliseconds since 1970.
    pub(super) fn now(&self) -> Millis {
        self.time().as_millisecond()
    }
}
