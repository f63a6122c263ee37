//! How often one client may ask for what costs a row, a call to Smartsheet or a long page: `/login`, `/redirect`, `/refresh`,
//! `/me`, `/flow` and the sheets. Where the start page asks Smartsheet for a name, it counts as `/me`, and goes without when that was
//! too often.
//!
//! A client is an IPv4 address or an IPv6 network of 64 bits. Whoever has one often has its neighbours, too: a provider
//! hands out networks of 56 or 48 bits (RFC 6177), which are 256 or 65,536 clients, and the addresses of a rack or of a
//! carrier's translators share their first 24 bits. So these networks are counted as well. With each step up the allowance
//! grows four times, while the number of clients grows 256 times: a few busy ones beside each other are let through, and one
//! who uses a whole network gets a few times one client's allowance. What is wider, such as a provider's /32, belongs to
//! many people, and is not counted.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ipnet::IpNet;

use super::App;
use super::client_address::ClientAddress;
use super::failure::{Action, Failure};
use super::shares::Caller;
use crate::allowance::{Allowances, MINUTE};
use crate::clock::Clock;
use crate::server::network;

/// The networks that are counted, as how many bits of an address they have, and how often the allowance of one client each has.
const LEVELS_OF_4: [(u8, u32); 2] = [(32, 1), (24, 4)];
const LEVELS_OF_6: [(u8, u32); 3] = [(64, 1), (56, 4), (48, 16)];

/// Counts what clients ask for, each route for itself. A client may ask for a minute's worth at once, and then as the
/// minute goes by.
#[derive(Debug)]
pub struct RateLimiter {
    /// How long one request takes to be forgotten.
    cost: Duration,
    allowances: Allowances<(Route, IpNet)>,
}

/// What is counted for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Route {
    Login,
    Redirect,
    Refresh,
    Me,
    Flow,
    Sheets,
    SiteSignIn,
    Grant,
    Arrive,
}

impl RateLimiter {
    /// Lets each client ask for each route `a_minute` times a minute.
    #[must_use]
    pub fn new(a_minute: NonZeroU32, clock: Clock) -> Self {
        Self {
            cost: MINUTE / a_minute.get(),
            allowances: Allowances::new(clock),
        }
    }

    /// Counts a request, or says how long to wait with it. What has to wait is not counted.
    fn admit(&self, route: Route, client: IpAddr) -> Result<(), Duration> {
        let networks = counted_networks(client);
        self.allowances
            .admit(networks.map(|(network, times)| ((route, network), self.cost / times)))
    }
}

/// The networks of `client` that are counted, the smallest first, with how often a client's allowance each has.
fn counted_networks(client: IpAddr) -> impl Iterator<Item = (IpNet, u32)> {
    let client = client.to_canonical();
    let levels: &[(u8, u32)] = if client.is_ipv4() {
        &LEVELS_OF_4
    } else {
        &LEVELS_OF_6
    };
    let levels = levels.iter();
    levels.map(move |(bits, times)| (network(client, *bits, *bits), *times))
}

/// Whether `caller` may ask for `route` once more, which is counted. For what a page can do without.
pub(super) fn may_ask(app: &App, route: Route, caller: Caller) -> bool {
    refused(app, route, caller).is_none()
}

/// 429 when `caller` may not ask for `route` once more, which is counted.
pub(super) fn refused(app: &App, route: Route, caller: Caller) -> Option<Failure> {
    let (limiter, client) = app.limits.rate_limiter.as_ref().zip(caller.address())?;
    limiter.admit(route, client).err().map(too_often)
}

/// Lets a request through, or answers 429. This machine itself is let through: its requests are a developer's, a test's, or a
/// proxy's that `server.trusted_proxies` does not name, whose clients would count as one.
pub(super) async fn limit(
    State((app, route)): State<(Arc<App>, Route)>,
    request: Request,
    next: Next,
) -> Response {
    let client = request.extensions().get().copied();
    if let (Some(limiter), Some(ClientAddress(client))) = (&app.limits.rate_limiter, client)
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
        title: "Too many requests",
        explanation: "This page was asked for so often from your address, or from its neighbours, that it has to be left \
                      alone for a while. Nothing is lost."
            .to_owned(),
        said: None,
        why: "Each of these pages costs a row or a call to Smartsheet, so nobody may ask for them without end.",
        advice: "Wait a minute, then try again.",
        checks: &[
            "If everybody gets this: the app sits behind a proxy that `server.trusted_proxies` does not name.",
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

    use jiff::Timestamp;

    use super::*;
    use crate::allowance::MAX_REMEMBERED;

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

    /// Each client of these asks as often as it may; how many requests of all of them pass?
    fn passed_of_all(test: &Test, clients: impl Iterator<Item = String>) -> usize {
        clients.map(|client| test.passed(&client, 10)).sum()
    }

    #[test]
    fn networks_have_allowances_that_grow() {
        let test = Test::new(10);
        let of_24 = (0..256).map(|host| format!("192.0.2.{host}"));
        assert_eq!(passed_of_all(&test, of_24), 4 * 10);
        let of_56 = (0..256).map(|net| format!("2001:db8:0:1{net:02x}::1"));
        assert_eq!(passed_of_all(&test, of_56), 4 * 10);
        // The rest of its /48, of which the /56 has had its part.
        let of_48 = (0..0x100).map(|net| format!("2001:db8:0:{net:02x}00::1"));
        assert_eq!(passed_of_all(&test, of_48), 12 * 10);
        // Their neighbours are none of it.
        let others = ["192.0.3.1", "2001:db8:1::1"].map(str::to_owned);
        assert_eq!(passed_of_all(&test, others.into_iter()), 2 * 10);
        test.pass(60);
        let of_24 = (0..256).map(|host| format!("192.0.2.{host}"));
        assert_eq!(passed_of_all(&test, of_24), 4 * 10);
    }

    #[test]
    fn what_had_to_wait_is_not_counted_for_the_network() {
        let test = Test::new(10);
        assert_eq!(test.passed("2001:db8::1", 1_000), 10);
        for neighbour in ["2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:3::1"] {
            assert_eq!(test.passed(neighbour, 10), 10);
        }
    }

    #[test]
    fn memory_is_bounded_whoever_asks() {
        let test = Test::new(1);
        assert_eq!(test.passed("203.0.113.9", 2), 1);
        let count = u32::try_from(MAX_REMEMBERED).unwrap() * 3;
        for number in 0..count {
            // One of each /24.
            let client = IpAddr::from((number << 8).to_be_bytes());
            assert!(test.limiter.admit(Route::Login, client).is_ok());
            if number % 100_000 == 99_999 {
                test.pass(120);
            }
        }
        assert!(test.limiter.allowances.remembered() <= MAX_REMEMBERED);
    }

    /// However many come, whoever has used up an allowance is not let through for that.
    #[test]
    fn a_crowd_makes_nobody_forgotten_who_asked_for_more() {
        let test = Test::new(10);
        assert_eq!(test.passed("203.0.113.9", 20), 10);
        for number in 0..u32::try_from(MAX_REMEMBERED).unwrap() * 2 {
            let client = IpAddr::from((number << 8).to_be_bytes());
            assert!(test.limiter.admit(Route::Login, client).is_ok());
        }
        assert_eq!(test.passed("203.0.113.9", 20), 0);
    }
}
