//! One operation of the session store. Some are part of every request, so their figures are looked up once, not each time.

use std::time::Duration;

use prometheus::{Histogram, HistogramVec};

/// Counts one operation of the session store.
#[derive(Debug, Clone)]
pub struct Operation {
    ok: Histogram,
    error: Histogram,
}

impl Operation {
    pub(super) fn new(all: &HistogramVec, name: &'static str) -> Self {
        Self {
            ok: all.with_label_values(&[name, "ok"]),
            error: all.with_label_values(&[name, "error"]),
        }
    }

    /// It was done, or failed, and took `duration`.
    pub fn took(&self, succeeded: bool, duration: Duration) {
        let figures = if succeeded { &self.ok } else { &self.error };
        figures.observe(duration.as_secs_f64());
    }
}
