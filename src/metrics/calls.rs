//! Calls to Smartsheet, counted where they go out.

use std::sync::Arc;

use super::{Metrics, three_digits};
use crate::transport::{Call, Observer, Outcome, Purpose, TransportError};

impl Observer for Metrics {
    /// Counts every try of a call by itself.
    fn observe(&self, call: &Call<'_>) {
        let endpoint = match call.purpose {
            Purpose::CodeExchange => "token_exchange",
            Purpose::Refresh => "token_refresh",
            Purpose::Revocation => "token_revocation",
            Purpose::CurrentUser => "users_me",
            Purpose::Sheets => "sheets",
            Purpose::Sheet => "sheet",
            Purpose::CellHistory => "cell_history",
            Purpose::AddRow => "row_add",
            Purpose::ChangeRow => "row_change",
            _ => return,
        };
        self.count(endpoint, call);
    }
}

impl Metrics {
    /// Counts calls that are passed on, each try by itself, by the pattern of `api.allow` that they have.
    #[must_use]
    pub fn passed_calls(&self, pattern: Arc<str>) -> Arc<dyn Observer> {
        let metrics = self.clone();
        Arc::new(PassedCalls { metrics, pattern })
    }

    fn count(&self, endpoint: &str, call: &Call<'_>) {
        let mut digits = [0; 3];
        let outcome = match call.outcome {
            Outcome::Answered(answer) | Outcome::Unusable(answer, _) => {
                three_digits(answer.status.as_u16(), &mut digits)
            }
            Outcome::Failed(TransportError::Timeout) => "timeout",
            Outcome::Failed(TransportError::TooLong(_)) => "too_long",
            Outcome::Failed(_) => "unreachable",
            Outcome::Abandoned => "abandoned",
        };
        let calls = self.0.calls.with_label_values(&[endpoint, outcome]);
        calls.observe(call.duration.as_secs_f64());
    }
}

/// Counts calls of one pattern.
#[derive(Debug)]
struct PassedCalls {
    metrics: Metrics,
    pattern: Arc<str>,
}

impl Observer for PassedCalls {
    fn observe(&self, call: &Call<'_>) {
        self.metrics.count(&self.pattern, call);
    }
}
