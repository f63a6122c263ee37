//! What the endpoints share.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    dice::Dice,
    faults::Faults,
    grants::{Digest, Millis},
    guard::Guard,
    ledger::Ledger,
    limiter::Limiter,
    options::{Clock, RegisteredApp},
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

    /// What time it is.
    pub(super) fn time(&self) -> Timestamp {
        (self.clock)()
    }

    /// The same in milliseconds since 1970.
    pub(super) fn now(&self) -> Millis {
        self.time().as_millisecond()
    }
}
