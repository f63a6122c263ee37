//! Figures for Prometheus: what happened how often, and how long it took.
//!
//! Rooms count here as they go; `server` shows the figures at an address of their own. No label has a value that a
//! visitor chooses, so the number of series is bounded.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use crate::transport::{Call, Outcome, Purpose, TransportError, Witness};

/// Upper bounds of the latency histograms, in seconds: from a page without a call to the longest that is waited for.
const SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// The content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Every figure of one server. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Figures>);

struct Figures {
    registry: Registry,
    requests: HistogramVec,
    sign_ins: IntCounterVec,
    refreshes: IntCounterVec,
    calls: HistogramVec,
    store: HistogramVec,
    sessions: IntGaugeVec,
    ready: IntGauge,
}

impl Metrics {
    /// Figures that all start at zero.
    ///
    /// # Errors
    ///
    /// Only if two figures had the same name.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let histogram = |name: &str, help: &str, labels: &[&str]| {
            let options = HistogramOpts::new(name, help).buckets(SECONDS.to_vec());
            let histogram = HistogramVec::new(options, labels)?;
            registry.register(Box::new(histogram.clone()))?;
            Ok::<_, prometheus::Error>(histogram)
        };
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            let gauge = IntGaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let requests = histogram(
            "http_request_duration_seconds",
            "Requests answered, by method, route and status.",
            &["method", "route", "status"],
        )?;
        let sign_ins = counter(
            "sign_ins_total",
            "Sign-ins, by outcome; `started` counts those that were begun.",
            &["outcome"],
        )?;
        let refreshes = counter(
            "token_refreshes_total",
            "Refreshes of tokens, by outcome.",
            &["outcome"],
        )?;
        let calls = histogram(
            "smartsheet_call_duration_seconds",
            "Calls to Smartsheet, by endpoint and outcome (a status, or why there was none).",
            &["endpoint", "outcome"],
        )?;
        let store = histogram(
            "store_operation_duration_seconds",
            "Operations of the session store, by outcome.",
            &["operation", "outcome"],
        )?;
        let sessions = gauge(
            "sessions",
            "Stored sessions that have not expired, counted every 15 seconds: `signed_in`, and `pending` sign-ins.",
            &["kind"],
        )?;
        let ready = IntGauge::new("ready", "1 while the app takes requests, 0 while it stops.")?;
        registry.register(Box::new(ready.clone()))?;
        let build = gauge(
            "build_info",
            "Always 1; says which version runs.",
            &["version"],
        )?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        #[cfg(target_os = "linux")]
        registry.register(Box::new(
            prometheus::process_collector::ProcessCollector::for_self(),
        ))?;
        Ok(Self(Arc::new(Figures {
            registry,
            requests,
            sign_ins,
            refreshes,
            calls,
            store,
            sessions,
            ready,
        })))
    }

    /// A request was answered. `route` is the pattern that it matched.
    pub fn request(&self, method: &str, route: &str, status: u16, duration: Duration) {
        // A method can be any word; only those that a route can have get a series of their own.
        let method = match method {
            "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => method,
            _ => "other",
        };
        let mut digits = [0; 3];
        let status = three_digits(status, &mut digits);
        let labels = [method, route, status];
        let requests = self.0.requests.with_label_values(&labels);
        requests.observe(duration.as_secs_f64());
    }

    /// A sign-in was started, or ended with `outcome`.
    pub fn sign_in(&self, outcome: &'static str) {
        self.0.sign_ins.with_label_values(&[outcome]).inc();
    }

    /// A refresh of tokens ended with `outcome`.
    pub fn refresh(&self, outcome: &'static str) {
        self.0.refreshes.with_label_values(&[outcome]).inc();
    }

    /// The session store did `operation`, or failed to.
    pub fn store_operation(&self, operation: &'static str, succeeded: bool, duration: Duration) {
        let outcome = if succeeded { "ok" } else { "error" };
        let store = self.0.store.with_label_values(&[operation, outcome]);
        store.observe(duration.as_secs_f64());
    }

    /// So many sessions are stored: of people who are signed in, and of sign-ins under way.
    pub fn sessions(&self, signed_in: i64, pending: i64) {
        let sessions = &self.0.sessions;
        sessions.with_label_values(&["signed_in"]).set(signed_in);
        sessions.with_label_values(&["pending"]).set(pending);
    }

    /// Whether the app takes requests.
    pub fn ready(&self, ready: bool) {
        self.0.ready.set(i64::from(ready));
    }

    /// Everything, in Prometheus's text format.
    ///
    /// # Errors
    ///
    /// When the figures can't be written as text.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::with_capacity(16 * 1024);
        TextEncoder::new().encode(&self.0.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

impl Witness for Metrics {
    fn saw(&self, call: &Call<'_>) {
        let endpoint = match call.purpose {
            Purpose::CodeExchange => "token (authorization_code)",
            Purpose::Refresh => "token (refresh_token)",
            Purpose::Revocation => "token (revocation)",
            Purpose::CurrentUser => "users/me",
            Purpose::Probe | Purpose::Arrangement => return,
        };
        let mut digits = [0; 3];
        let outcome = match call.outcome {
            Outcome::Answered(answer) => three_digits(answer.status.as_u16(), &mut digits),
            Outcome::Failed(TransportError::Timeout) => "timeout",
            Outcome::Failed(TransportError::TooLong(_)) => "too_long",
            Outcome::Failed(_) => "unreachable",
            Outcome::Abandoned => "abandoned",
        };
        let calls = self.0.calls.with_label_values(&[endpoint, outcome]);
        calls.observe(call.duration.as_secs_f64());
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Metrics")
    }
}

/// A status as text, without an allocation for each request.
fn three_digits(status: u16, digits: &mut [u8; 3]) -> &str {
    for (digit, place) in digits.iter_mut().zip([100, 10, 1]) {
        *digit = b'0' + u8::try_from(status / place % 10).unwrap_or_default();
    }
    std::str::from_utf8(digits).unwrap_or("000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_shown() {
        let metrics = Metrics::new().unwrap();
        metrics.request("GET", "/me", 200, Duration::from_millis(3));
        metrics.request("BREW", "/me", 405, Duration::from_millis(3));
        metrics.sign_in("succeeded");
        metrics.store_operation("find", false, Duration::from_micros(10));
        metrics.sessions(3, 1);
        let text = metrics.text().unwrap();
        for line in [
            r#"http_request_duration_seconds_bucket{method="GET",route="/me",status="200",le="0.005"} 1"#,
            r#"http_request_duration_seconds_count{method="other",route="/me",status="405"} 1"#,
            r#"sign_ins_total{outcome="succeeded"} 1"#,
            r#"store_operation_duration_seconds_count{operation="find",outcome="error"} 1"#,
            r#"sessions{kind="signed_in"} 3"#,
        ] {
            assert!(text.contains(line), "{line} is missing in {text}");
        }
        assert!(text.contains("build_info{version="));
        #[cfg(target_os = "linux")]
        assert!(text.contains("process_resident_memory_bytes"));
    }
}
