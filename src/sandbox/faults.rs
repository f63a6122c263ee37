//! Failures on request, so that others can test how they cope.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{Html, IntoResponse, Response},
};
use serde::Deserialize;

use super::api_error::ApiError;

/// How many orders can wait at the same time.
const ORDERS: usize = 1_000;
const MAX_TIMES: u32 = 100_000;
const MAX_DELAY_MS: u32 = 600_000;
const MAX_PATH: usize = 200;

/// The ways to fail; their names in JSON are in `snake_case`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fault {
    /// 429, errorCode 4003.
    RateLimit,
    /// 503, errorCode 4001.
    Maintenance,
    /// 500, errorCode 4000.
    ServerError,
    /// 500, errorCode 4002.
    Timeout,
    /// 500, errorCode 4004.
    PleaseRetry,
    /// 503 with a page of HTML, as a gateway in front of the API sends it.
    UnavailableHtml,
    /// 200 with JSON that is cut off.
    Malformed,
    /// The connection is closed without an answer.
    Reset,
    /// The right answer, late.
    Slow,
    /// 401, errorCode 1002.
    InvalidToken,
    /// 401, errorCode 1003.
    ExpiredToken,
}

/// An order for failures, the body of `POST /control/faults`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    path: String,
    pub(super) fault: Fault,
    #[serde(default = "once")]
    times: u32,
    /// How long the answer waits; for every fault, though `slow` is nothing else.
    #[serde(default)]
    delay_ms: u32,
    /// Seconds, for a `Retry-After` header beside an error of the API.
    #[serde(default)]
    retry_after: Option<u32>,
}

fn once() -> u32 {
    1
}

impl Order {
    /// Says what is wrong with it.
    fn check(&self) -> Result<(), String> {
        if !self.path.starts_with("/2.0/") || self.path.len() > MAX_PATH {
            return Err("path must start with /2.0/".into());
        }
        if self.times == 0 || self.times > MAX_TIMES {
            return Err(format!("times must be between 1 and {MAX_TIMES}"));
        }
        if self.delay_ms > MAX_DELAY_MS {
            return Err(format!("delay_ms must be at most {MAX_DELAY_MS}"));
        }
        Ok(())
    }

    pub(super) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms.into())
    }
}

/// The orders that wait for requests.
#[derive(Default)]
pub(super) struct Faults(Mutex<VecDeque<Order>>);

impl Faults {
    /// Takes an order, and tells how many now wait. Orders for the same path are served one after the other.
    pub(super) fn order(&self, order: Order) -> Result<usize, String> {
        order.check()?;
        let mut orders = self.lock();
        if orders.len() >= ORDERS {
            return Err(format!("there are already {ORDERS} faults waiting"));
        }
        orders.push_back(order);
        Ok(orders.len())
    }

    /// The fault that the next request to this path has to suffer.
    pub(super) fn next(&self, path: &str) -> Option<Order> {
        let mut orders = self.lock();
        let place = orders.iter().position(|order| order.path == path)?;
        let order = orders.get_mut(place)?;
        order.times -= 1;
        if order.times == 0 {
            orders.remove(place)
        } else {
            Some(order.clone())
        }
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Order>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The failing answer. `None` for `slow`, whose answer is the right one.
pub(super) fn answer(order: &Order) -> Option<Response> {
    let error = match order.fault {
        Fault::RateLimit => ApiError::rate_limited(),
        Fault::Maintenance => ApiError::maintenance(),
        Fault::ServerError => ApiError::unexpected(),
        Fault::Timeout => ApiError::timeout(),
        Fault::PleaseRetry => ApiError::please_retry(),
        Fault::InvalidToken => ApiError::token_invalid(),
        Fault::ExpiredToken => ApiError::token_expired(),
        Fault::UnavailableHtml => return Some(unavailable_html()),
        Fault::Malformed => return Some(malformed()),
        Fault::Reset => return Some(Body::new(BrokenBody).into_response()),
        Fault::Slow => return None,
    };
    Some(error.retry_after(order.retry_after).into_response())
}

fn unavailable_html() -> Response {
    let page = "<!DOCTYPE html>\n<html><head><title>503 Service Temporarily Unavailable</title></head>\n\
        <body><h1>503 Service Temporarily Unavailable</h1></body></html>\n";
    (StatusCode::SERVICE_UNAVAILABLE, Html(page)).into_response()
}

fn malformed() -> Response {
    let json = [(CONTENT_TYPE, "application/json")];
    (json, r#"{"id": 91876543210987, "email": "grace.hop"#).into_response()
}

/// A body that fails before its first byte. The server then closes the connection and sends nothing, not even the head.
pub(super) struct BrokenBody;

impl HttpBody for BrokenBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        Poll::Ready(Some(Err(std::io::Error::from(
            std::io::ErrorKind::ConnectionReset,
        ))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(json: &str) -> Result<Order, String> {
        let order: Order = serde_json::from_str(json).map_err(|error| error.to_string())?;
        order.check().map(|()| order)
    }

    #[test]
    fn orders_are_served_in_turn_and_run_out() {
        let faults = Faults::default();
        let twice = r#"{"path": "/2.0/token", "fault": "slow", "times": 2}"#;
        faults.order(order(twice).unwrap()).unwrap();
        let once = r#"{"path": "/2.0/token", "fault": "reset"}"#;
        faults.order(order(once).unwrap()).unwrap();
        assert!(faults.next("/2.0/users/me").is_none());
        let served: Vec<_> = std::iter::from_fn(|| faults.next("/2.0/token"))
            .map(|order| order.fault)
            .collect();
        assert_eq!(served, [Fault::Slow, Fault::Slow, Fault::Reset]);
    }

    #[test]
    fn bad_orders_are_refused() {
        for bad in [
            "{}",
            r#"{"path": "/2.0/token", "fault": "explode"}"#,
            r#"{"path": "/2.0/token", "fault": "slow", "times": 0}"#,
            r#"{"path": "/2.0/token", "fault": "slow", "times": -1}"#,
            r#"{"path": "/2.0/token", "fault": "slow", "times": 4294967296}"#,
            r#"{"path": "/2.0/token", "fault": "slow", "delay_ms": 1e99}"#,
            r#"{"path": "/2.0/token", "fault": "slow", "delay_ms": 600001}"#,
            r#"{"path": "/control/requests", "fault": "slow"}"#,
            r#"{"path": "/2.0/token", "fault": "slow", "often": 3}"#,
        ] {
            assert!(order(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn waiting_orders_are_bounded() {
        let faults = Faults::default();
        let good = order(r#"{"path": "/2.0/token", "fault": "timeout"}"#).unwrap();
        for _ in 0..ORDERS {
            faults.order(good.clone()).unwrap();
        }
        assert!(faults.order(good).is_err());
    }
}
