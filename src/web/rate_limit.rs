//! How often one client may ask for what costs a row or a call to Smartsheet: `/login`, `/redirect` and `/refresh`.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use super::App;
use super::client_address::ClientAddress;
use super::failure::{Action, Failure};
use crate::clock::{Clock, after, before};

/// How many clients are remembered: a few megabytes. Those who have not asked for a minute need not be.
const MAX_CLIENTS: usize = 50_000;

const MINUTE: Duration = Duration::from_mins(1);

/// Counts what clients ask for, each route for itself. A client may ask for a minute's worth at once, and then as the
/// minute goes by.
#[derive(Debug)]
pub struct RateLimiter {
    /// How long one request takes to be forgotten.
    cost: Duration,
    clock: Clock,
    /// When all that a client has asked for will be forgotten. Later than now plus a minute is too much.
    clear_at: Mutex<HashMap<(Route, IpAddr), Timestamp>>,
}

/// What is counted for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Route {
    Login,
    Redirect,
    Refresh,
}

impl RateLimiter {
    /// Lets each client ask for each route `a_minute` times a minute.
    #[must_use]
    pub fn new(a_minute: NonZeroU32, clock: Clock) -> Self {
        Self {
            cost: MINUTE / a_minute.get(),
            clock,
            clear_at: Mutex::default(),
        }
    }

    /// Counts a request, or says how long to wait with it.
    fn admit(&self, route: Route, client: IpAddr) -> Result<(), Duration> {
        let now = self.clock.now();
        let mut clients = self.clear_at.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= MAX_CLIENTS {
            clients.retain(|_, clear_at| *clear_at > now);
            if clients.len() >= MAX_CLIENTS {
                // More clients than memory is spent on, all within a minute. Forgetting them lets some ask for too much;
                // refusing those who are new would lock people out.
                clients.clear();
            }
        }
        let entry = clients.entry((route, network(client))).or_insert(now);
        let would_be_clear_at = after((*entry).max(now), self.cost);
        let wait = before(would_be_clear_at, MINUTE).duration_since(now);
        if wait.is_positive() {
            return Err(wait.unsigned_abs());
        }
        *entry = would_be_clear_at;
        Ok(())
    }
}

/// What one client has: an address, or in IPv6 a network of 64 bits, all of which are the same client's to use.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let bits = address.to_bits() >> 64 << 64;
            Ipv6Addr::from_bits(bits).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// Lets a request through, or answers 429. This machine itself is let through: its requests are a developer's, a test's, or a
/// proxy's that `server.trusted_proxies` does not name, whose clients would count as one.
pub(super) async fn limit(
    State((app, route)): State<(Arc<App>, Route)>,
    request: Request,
    next: Next,
) -> Response {
    let client = request.extensions().get().copied();
    if let (Some(limiter), Some(ClientAddress(client))) = (&app.rate_limiter, client)
        && !client.is_loopback()
        && let Err(wait) = limiter.admit(route, client)
    {
        return too_often(wait).into_response();
    }
    next.run(request).await
}

fn too_often(wait: Duration) -> Failure {
    Failure {
        status: StatusCode::TOO_MANY_REQUESTS,
        kind: "too-many-requests",
        title: "That was too often",
        explanation: "This page was asked for so often from your address that it has to be left alone for a while. \
                      Nothing is lost."
            .to_owned(),
        why: "Each sign-in costs a row and a call to Smartsheet, so nobody may start them without end.",
        advice: "Wait a minute, then try again.",
        checks: &[
            "If everybody gets this: the app sits behind a proxy that server.trusted_proxies does not name.",
        ],
        action: Action::GoHome,
        reason: "rate limit".to_owned(),
        // Whole seconds, and never "at once".
        retry_after: Some(Duration::from_secs(wait.as_secs() + 1)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    struct Test {
        limiter: RateLimiter,
        seconds: Arc<AtomicI64>,
    }

    impl Test {
        fn new(a_minute: u32) -> Self {
            let seconds = Arc::new(AtomicI64::new(1_700_000_000));
            let now = Arc::clone(&seconds);
            let clock = Clock::from_fn(move || {
                Timestamp::from_second(now.load(Ordering::Relaxed)).unwrap()
            });
            let limiter = RateLimiter::new(NonZeroU32::new(a_minute).unwrap(), clock);
            Self { limiter, seconds }
        }

        /// How many of `tries` requests are let through.
        fn passed(&self, client: &str, tries: u32) -> usize {
            let client = client.parse().unwrap();
            let tries = 0..tries;
            tries
                .filter(|_| self.limiter.admit(Route::Login, client).is_ok())
                .count()
        }

        fn pass(&self, seconds: i64) {
            self.seconds.fetch_add(seconds, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_minutes_worth_at_once_and_then_as_time_goes_by() {
        let test = Test::new(60);
        assert_eq!(test.passed("192.0.2.1", 100), 60);
        test.pass(1);
        assert_eq!(test.passed("192.0.2.1", 100), 1);
        test.pass(10);
        assert_eq!(test.passed("192.0.2.1", 100), 10);
        test.pass(3600);
        assert_eq!(test.passed("192.0.2.1", 100), 60);
    }

    #[test]
    fn it_says_how_long_to_wait() {
        let test = Test::new(2);
        let client = "192.0.2.1".parse().unwrap();
        assert_eq!(test.passed("192.0.2.1", 2), 2);
        let wait = test.limiter.admit(Route::Login, client);
        assert_eq!(wait, Err(Duration::from_secs(30)));
        test.pass(29);
        assert!(test.limiter.admit(Route::Login, client).is_err());
        test.pass(1);
        assert!(test.limiter.admit(Route::Login, client).is_ok());
    }

    #[test]
    fn clients_and_routes_are_counted_apart() {
        let test = Test::new(1);
        assert_eq!(test.passed("192.0.2.1", 2), 1);
        assert_eq!(test.passed("192.0.2.2", 2), 1);
        assert_eq!(test.passed("::ffff:192.0.2.2", 2), 0);
        assert_eq!(test.passed("2001:db8:0:1::1", 2), 1);
        assert_eq!(test.passed("2001:db8:0:1:ffff::2", 2), 0);
        assert_eq!(test.passed("2001:db8:0:2::1", 2), 1);
        let client = "192.0.2.1".parse().unwrap();
        assert!(test.limiter.admit(Route::Redirect, client).is_ok());
    }

    #[test]
    fn memory_is_bounded_whoever_asks() {
        let test = Test::new(1);
        let count = u32::try_from(MAX_CLIENTS).unwrap() * 3;
        for number in 0..count {
            let client = IpAddr::from(number.to_be_bytes());
            assert!(test.limiter.admit(Route::Login, client).is_ok());
            if number % 100_000 == 0 {
                test.pass(120);
            }
        }
        assert!(test.limiter.clear_at.lock().unwrap().len() <= MAX_CLIENTS);
    }
}
