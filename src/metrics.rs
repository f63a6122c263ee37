//! Figures for Prometheus: what happened how often, and how long it took.
//!
//! The modules count here as they go; `server` shows the figures at an address of their own. No label has a value that a
//! visitor chooses, so the number of series is bounded. What each figure says, and what to ask it, is in `docs/metrics.md`.

mod calls;
mod operation;
mod outcome;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

pub use operation::Operation;
pub use outcome::{Refresh, Revocation, SignIn};

/// What the names of this app's own figures begin with. Those of the process have the names that they have everywhere.
const NAMESPACE: &str = "oauth_demo";

/// Upper bounds of the histograms, in seconds. Requests: from a page that asks nobody to the longest wait for Smartsheet.
const REQUEST_SECONDS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

/// Calls to Smartsheet: from the sandbox on this machine to when they are given up.
const CALL_SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// The session store: from a row of SQLite that is in memory to when a database counts as unavailable.
const STORE_SECONDS: &[f64] = &[
    0.000_01, 0.000_025, 0.000_1, 0.000_25, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 5.0,
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
    revocations: IntCounterVec,
    speculative: IntCounterVec,
    calls: HistogramVec,
    store: HistogramVec,
    sessions: IntGaugeVec,
    revocations_waiting: IntGauge,
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
        let histogram = |name: &str, help: &str, labels: &[&str], seconds: &[f64]| {
            let options = HistogramOpts::new(name, help)
                .namespace(NAMESPACE)
                .buckets(seconds.to_vec());
            let histogram = HistogramVec::new(options, labels)?;
            registry.register(Box::new(histogram.clone()))?;
            Ok::<_, prometheus::Error>(histogram)
        };
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let options = Opts::new(name, help).namespace(NAMESPACE);
            let counter = IntCounterVec::new(options, labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            let options = Opts::new(name, help).namespace(NAMESPACE);
            let gauge = IntGaugeVec::new(options, labels)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let requests = histogram(
            "http_request_duration_seconds",
            "Requests answered, by method, route (its pattern, never the path) and status.",
            &["method", "route", "status"],
            REQUEST_SECONDS,
        )?;
        let sign_ins = counter(
            "sign_ins_total",
            "Sign-ins that were started, and what became of them.",
            &["outcome"],
        )?;
        from_zero(&sign_ins, &SignIn::ALL.map(SignIn::label));
        let refreshes = counter(
            "token_refreshes_total",
            "Refreshes of tokens, by outcome.",
            &["outcome"],
        )?;
        from_zero(&refreshes, &Refresh::ALL.map(Refresh::label));
        let revocations = counter(
            "token_revocations_total",
            "Tries to revoke tokens of sessions that ended, by outcome.",
            &["outcome"],
        )?;
        from_zero(&revocations, &Revocation::ALL.map(Revocation::label));
        let speculative = counter(
            "speculative_requests_total",
            "Requests that a browser made ahead of a person, where a GET does something: they were left alone.",
            &[],
        )?;
        speculative.with_label_values::<&str>(&[]);
        let calls = histogram(
            "smartsheet_call_duration_seconds",
            "Calls to Smartsheet, each try by itself, by endpoint and outcome: a status, or why there was none.",
            &["endpoint", "outcome"],
            CALL_SECONDS,
        )?;
        let store = histogram(
            "store_operation_duration_seconds",
            "Operations of the session store, by outcome.",
            &["operation", "outcome"],
            STORE_SECONDS,
        )?;
        let sessions = gauge(
            "sessions",
            "Rows in the store that have not expired, by kind: signed_in, sessions with somebody signed in, or used_state, \
             sign-ins that were finished in the last 10 minutes. Counted every 15 seconds. Instances that share a store \
             each count all of it.",
            &["kind"],
        )?;
        let revocations_waiting = gauge(
            "revocations_waiting",
            "Sessions that ended whose tokens are not revoked yet. Counted every 15 seconds.",
            &[],
        )?;
        let ready = gauge(
            "ready",
            "1 while the app takes requests, 0 from the beginning of its stop.",
            &[],
        )?;
        of_the_program(&registry)?;
        Ok(Self(Arc::new(Figures {
            registry,
            requests,
            sign_ins,
            refreshes,
            revocations,
            speculative,
            calls,
            store,
            sessions,
            revocations_waiting: revocations_waiting.with_label_values::<&str>(&[]),
            ready: ready.with_label_values::<&str>(&[]),
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

    /// A sign-in was started, or ended.
    pub fn sign_in(&self, outcome: SignIn) {
        let sign_ins = self.0.sign_ins.with_label_values(&[outcome.label()]);
        sign_ins.inc();
    }

    /// A refresh of tokens ended.
    pub fn refresh(&self, outcome: Refresh) {
        let refreshes = self.0.refreshes.with_label_values(&[outcome.label()]);
        refreshes.inc();
    }

    /// A speculative request was left alone.
    pub fn speculative_request(&self) {
        self.0.speculative.with_label_values::<&str>(&[]).inc();
    }

    /// Counts the session store's operation `name`.
    #[must_use]
    pub fn store_operation(&self, name: &'static str) -> Operation {
        Operation::new(&self.0.store, name)
    }

    /// A try to revoke tokens ended.
    pub fn revocation(&self, outcome: Revocation) {
        let revocations = &self.0.revocations;
        revocations.with_label_values(&[outcome.label()]).inc();
    }

    /// So much is stored: sessions with somebody signed in, used states, and revocations that wait.
    pub fn stored(&self, signed_in: i64, used_states: i64, revocations: i64) {
        let sessions = &self.0.sessions;
        sessions.with_label_values(&["signed_in"]).set(signed_in);
        sessions.with_label_values(&["used_state"]).set(used_states);
        self.0.revocations_waiting.set(revocations);
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

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Metrics")
    }
}

/// Registers what the program and its process say of themselves.
fn of_the_program(registry: &Registry) -> Result<(), prometheus::Error> {
    let options = Opts::new("build_info", "Always 1. The label says which version runs.");
    let build = IntGaugeVec::new(options.namespace(NAMESPACE), &["version"])?;
    build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    registry.register(Box::new(build))?;
    #[cfg(target_os = "linux")]
    registry.register(Box::new(
        prometheus::process_collector::ProcessCollector::for_self(),
    ))?;
    Ok(())
}

/// Makes the series of all `outcomes`, at zero.
fn from_zero(counter: &IntCounterVec, outcomes: &[&str]) {
    for outcome in outcomes {
        counter.with_label_values(&[*outcome]);
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
        metrics.sign_in(SignIn::Succeeded);
        metrics.refresh(Refresh::GrantGone);
        let find = metrics.store_operation("find");
        find.took(false, Duration::from_micros(10));
        metrics.ready(true);
        metrics.stored(3, 1, 2);
        let text = metrics.text().unwrap();
        for line in [
            r#"oauth_demo_http_request_duration_seconds_bucket{method="GET",route="/me",status="200",le="0.005"} 1"#,
            r#"oauth_demo_http_request_duration_seconds_count{method="other",route="/me",status="405"} 1"#,
            r#"oauth_demo_sign_ins_total{outcome="succeeded"} 1"#,
            r#"oauth_demo_sign_ins_total{outcome="denied"} 0"#,
            r#"oauth_demo_token_refreshes_total{outcome="grant_gone"} 1"#,
            r#"oauth_demo_store_operation_duration_seconds_count{operation="find",outcome="error"} 1"#,
            r#"oauth_demo_store_operation_duration_seconds_count{operation="find",outcome="ok"} 0"#,
            r#"oauth_demo_sessions{kind="signed_in"} 3"#,
            "oauth_demo_revocations_waiting 2",
            "oauth_demo_ready 1",
        ] {
            assert!(text.contains(line), "{line} is missing in {text}");
        }
        assert!(text.contains("oauth_demo_build_info{version="));
        #[cfg(target_os = "linux")]
        assert!(text.contains("process_resident_memory_bytes"));
    }
}
