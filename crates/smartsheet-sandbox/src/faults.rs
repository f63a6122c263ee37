//! Failures on request, so that others can test how they cope: which there are, and who has to suffer them. What they
//! answer is in `fault_answers.rs`.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Deserialize;

use super::{
    grants::Digest,
    paths::TOKEN_PATH,
    presented::{self, Presented},
};

/// How many orders can wait at the same time.
const ORDERS: usize = 100;
const MAX_TIMES: u32 = 1_000;
/// A minute: nobody waits longer for an answer, and each that waits holds a connection.
const MAX_DELAY_MS: u32 = 60_000;
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
    /// What was asked for is done, and the connection is closed without an answer.
    LostAnswer,
    /// The right answer, late.
    Slow,
    /// 401, errorCode 1002.
    InvalidToken,
    /// 401, errorCode 1003.
    ExpiredToken,
    /// The token endpoint finds the proof wrong that the app knows its secret: 400, errorCode 1072 for a hash, 1238 for
    /// the secret itself.
    WrongSecret,
    /// 404, errorCode 1006, as for what is deleted or no longer shared.
    NotFound,
    /// 400, errorCode 1042, as for a value that does not fit its column.
    ValueRefused,
    /// The right answer, but just before it somebody else changes the rows that `rowIds` asks for. Of a sheet alone.
    ChangedMeanwhile,
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
    pub(super) retry_after: Option<u32>,
    /// Only requests that present this token or code are hit and counted.
    #[serde(default, deserialize_with = "presented::named")]
    token: Option<Digest>,
}

/// A request, as far as it matters to the orders.
pub(super) struct Arrival<'a> {
    pub(super) path: &'a str,
    /// Whether it asks for tokens (`POST /2.0/token`).
    pub(super) asks_for_tokens: bool,
    pub(super) presented: &'a Presented,
}

fn once() -> u32 {
    1
}

impl Order {
    /// For the token request that presents this code.
    pub(super) fn for_code(code: Digest, fault: Fault, delay_ms: u32) -> Self {
        Self {
            path: TOKEN_PATH.into(),
            fault,
            times: once(),
            delay_ms,
            retry_after: None,
            token: Some(code),
        }
    }

    /// Says what is wrong with it.
    pub(super) fn check(&self) -> Result<(), String> {
        if !self.path.starts_with("/2.0/") || self.path.len() > MAX_PATH {
            return Err("path must start with /2.0/".into());
        }
        if self.fault == Fault::WrongSecret && self.path != TOKEN_PATH {
            return Err(format!("wrong_secret is a fault of {TOKEN_PATH} alone"));
        }
        if self.times == 0 || self.times > MAX_TIMES {
            return Err(format!("times must be between 1 and {MAX_TIMES}"));
        }
        if self.delay_ms > MAX_DELAY_MS {
            return Err(format!("delay_ms must be at most {MAX_DELAY_MS}"));
        }
        Ok(())
    }

    fn hits(&self, arrival: &Arrival<'_>) -> bool {
        self.path == arrival.path
            && (self.fault != Fault::WrongSecret || arrival.asks_for_tokens)
            && (self.token.as_ref()).is_none_or(|token| arrival.presented.includes(token))
    }

    pub(super) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms.into())
    }
}

/// The orders that wait for requests.
#[derive(Default)]
pub(super) struct Faults(Mutex<VecDeque<Order>>);

impl Faults {
    /// Takes an order, and tells how many now wait. Orders that hit the same request are served one after the other.
    ///
    /// When too many wait, the oldest that names a token makes room: the person it was meant for may never come back.
    pub(super) fn order(&self, order: Order) -> Result<usize, String> {
        order.check()?;
        let Order {
            path,
            fault,
            times,
            delay_ms,
            token,
            ..
        } = &order;
        let for_one = token.is_some();
        tracing::info!(
            ?path,
            ?fault,
            times,
            delay_ms,
            for_one,
            "the sandbox is told to fail"
        );
        let mut orders = self.lock();
        if orders.len() >= ORDERS {
            let forgotten = orders.iter().position(|order| order.token.is_some());
            let forgotten = forgotten.and_then(|place| orders.remove(place));
            if forgotten.is_none() {
                return Err(format!("there are already {ORDERS} faults waiting"));
            }
        }
        orders.push_back(order);
        Ok(orders.len())
    }

    /// The fault that this request has to suffer.
    pub(super) fn next(&self, arrival: &Arrival<'_>) -> Option<Order> {
        let mut orders = self.lock();
        let place = orders.iter().position(|order| order.hits(arrival))?;
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
        let nothing = Presented::default();
        let next = |path| {
            faults.next(&Arrival {
                path,
                asks_for_tokens: false,
                presented: &nothing,
            })
        };
        assert!(next("/2.0/users/me").is_none());
        let served: Vec<_> = std::iter::from_fn(|| next("/2.0/token"))
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
            r#"{"path": "/2.0/token", "fault": "slow", "times": 1001}"#,
            r#"{"path": "/2.0/token", "fault": "slow", "times": 4294967296}"#,
            r#"{"path": "/2.0/token", "fault": "slow", "delay_ms": 1e99}"#,
            r#"{"path": "/2.0/token", "fault": "slow", "delay_ms": 60001}"#,
            r#"{"path": "/control/requests", "fault": "slow"}"#,
            r#"{"path": "/2.0/token", "fault": "slow", "often": 3}"#,
            r#"{"path": "/2.0/token", "fault": "slow", "token": ""}"#,
            r#"{"path": "/2.0/token", "fault": "slow", "token": null}"#,
            r#"{"path": "/2.0/users/me", "fault": "wrong_secret"}"#,
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
        assert!(faults.order(good.clone()).is_err());
        faults.clear();
        for number in 0..2 * ORDERS {
            let code = Digest::of(&number.to_string());
            let waiting = faults.order(Order::for_code(code, Fault::Reset, 0));
            assert_eq!(waiting, Ok(ORDERS.min(number + 1)));
        }
        assert_eq!(faults.order(good), Ok(ORDERS));
    }
}
