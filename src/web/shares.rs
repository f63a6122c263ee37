//! How much of the calls to Smartsheet one session and one client may have under way, so that nobody leaves others without.
//!
//! The app makes a bounded number of calls at once ([`Limits::max_calls`]). When Smartsheet is slow, one person who asks
//! again and again would have all of them. So each session has [`SESSION_CALLS`] at once, each client a quarter, and each
//! network that is often one person's a half. Whoever has its share under way waits for a permit as long as a page waits for
//! any call ([`Limits::max_wait`]), and is told to come again then. This machine itself is not counted, as at the rate limit.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use ipnet::IpNet;
use tokio::sync::AcquireError;
use tokio::time::{Instant, timeout_at};

use super::App;
use super::client_address::ClientAddress;
use super::failure::{Action, BUSY_BECAUSE, BUSY_FOR, Failure};
use super::permits::{Permit, Permits};
use crate::server::{client_network, network};
use crate::session::Id;
use crate::transport::Limits;

/// How many calls of one person may be on their way through the API at once, how long more of them wait, and how many answers may be
/// passed on to one person at once. Each person by themselves: a site's back end calls for all of its people from one address.
const PERSON_CALLS: usize = 16;
const PERSON_WAITS: Duration = Duration::from_secs(10);
const PERSON_STREAMS: usize = 64;

/// How many visits of one session may call Smartsheet at once. More than a browser opens connections to one host.
const SESSION_CALLS: usize = 8;

/// The network that may have twice what a client has: what is most often handed out as one, as how many bits of an address.
const NETWORK_BITS_OF_4: u8 = 24;
const NETWORK_BITS_OF_6: u8 = 48;

/// The calls that are under way for each.
#[derive(Debug, Clone)]
pub struct Shares {
    sessions: Permits<Id>,
    clients: Permits<IpNet>,
    networks: Permits<IpNet>,
    person_calls: Permits<String>,
    person_streams: Permits<String>,
    patience: Duration,
}

/// A client's share, taken while it is kept.
#[derive(Debug)]
pub(super) struct ClientShare {
    _client: Option<(Permit<IpNet>, Permit<IpNet>)>,
}

/// A visit's part of what its session and its client have, taken while it is kept.
#[derive(Debug)]
pub(super) struct VisitShare {
    _session: Permit<Id>,
    _client: ClientShare,
}

/// A call on its way through the API, until the head of its answer is there.
#[derive(Debug)]
pub(super) struct CallShare {
    _call: Permit<String>,
}

/// An answer that is passed on, until its end.
#[derive(Debug)]
pub(super) struct StreamShare {
    _stream: Permit<String>,
}

/// Whom a request came from, where that is counted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Caller(Option<IpAddr>);

impl Caller {
    fn of(address: Option<&ClientAddress>) -> Self {
        let client = address.map(|ClientAddress(client)| *client);
        Self(client.filter(|client| !client.is_loopback()))
    }

    /// Its address, where that is counted.
    pub(super) fn address(self) -> Option<IpAddr> {
        self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts.extensions.get()))
    }
}

impl Shares {
    /// Shares of [`Limits::max_calls`].
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        // However few calls there may be, the gate decides about the first of each session.
        let part = |part: usize| Permits::new((limits.max_calls / part).max(SESSION_CALLS));
        Self {
            sessions: Permits::new(SESSION_CALLS),
            clients: part(4),
            networks: part(2),
            person_calls: Permits::new(PERSON_CALLS),
            person_streams: Permits::new(PERSON_STREAMS),
            patience: limits.max_wait,
        }
    }

    /// Waits for a permit for a visit of `session` that `caller` makes. It may be used for as many calls as it takes, one
    /// after the other.
    ///
    /// # Errors
    ///
    /// 429 when it does not come in time.
    pub(super) async fn visit(&self, session: Id, caller: Caller) -> Result<VisitShare, Failure> {
        let patient = Instant::now() + self.patience;
        // The session's first: visits that wait for it must not take the place of other people at the same address.
        let session = timeout_at(patient, self.sessions.take(&session)).await;
        let session = session
            .map_err(|_| too_many("of your session"))?
            .map_err(Failure::internal)?;
        Ok(VisitShare {
            _session: session,
            _client: self.client(caller, patient).await?,
        })
    }

    /// Waits for a permit for a call of `person` through the API.
    ///
    /// # Errors
    ///
    /// 429 when it does not come in time.
    pub(super) async fn passed_call(
        &self,
        person: &str,
    ) -> Result<(CallShare, StreamShare), Failure> {
        let person = person.to_owned();
        let permits = async {
            let stream = self.person_streams.take(&person).await?;
            Ok((self.person_calls.take(&person).await?, stream))
        };
        let permits: Result<_, AcquireError> = timeout_at(Instant::now() + PERSON_WAITS, permits)
            .await
            .map_err(|_| too_many("of yours"))?;
        let (call, stream) = permits.map_err(Failure::internal)?;
        Ok((CallShare { _call: call }, StreamShare { _stream: stream }))
    }

    async fn client(&self, caller: Caller, patient: Instant) -> Result<ClientShare, Failure> {
        let Some(client) = caller.0 else {
            return Ok(ClientShare { _client: None });
        };
        let permits = async {
            let network = network(client, NETWORK_BITS_OF_4, NETWORK_BITS_OF_6);
            let permit = self.clients.take(&client_network(client)).await?;
            Ok((permit, self.networks.take(&network).await?))
        };
        let permits: Result<_, AcquireError> = timeout_at(patient, permits)
            .await
            .map_err(|_| too_many("from your address"))?;
        Ok(ClientShare {
            _client: Some(permits.map_err(Failure::internal)?),
        })
    }
}

/// Around a page that calls Smartsheet for whoever asks: the request is part of its client's share until it is answered.
pub(super) async fn of_client(
    State(app): State<Arc<App>>,
    caller: Caller,
    request: Request,
    next: Next,
) -> Response {
    let patient = Instant::now() + app.limits.shares.patience;
    match app.limits.shares.client(caller, patient).await {
        Ok(_share) => next.run(request).await,
        Err(failure) => failure.into_response(),
    }
}

fn too_many(whose: &'static str) -> Failure {
    Failure {
        status: StatusCode::TOO_MANY_REQUESTS,
        kind: "too-many-at-once",
        title: "Too many requests at once",
        explanation: format!(
            "Many requests {whose} wait for Smartsheet already. This one was not made. Nothing is lost."
        ),
        said: None,
        why: BUSY_BECAUSE,
        advice: "Wait a moment, then try again.",
        checks: &[
            "If everybody gets this: the app sits behind a proxy that `server.trusted_proxies` does not name, or Smartsheet is \
             very slow.",
        ],
        action: Action::GoHome,
        reason: format!("too many calls at once {whose}"),
        retry_after: Some(BUSY_FOR),
    }
}
