//! What is told of every call, for records and figures.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Request;

use super::{Answer, TransportError};

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// A code for tokens: `POST /token` with `authorization_code`.
    CodeExchange,
    /// Tokens for new ones: `POST /token` with `refresh_token`.
    Refresh,
    /// Tokens given back: `DELETE /token`.
    Revocation,
    /// Who it is: `GET /users/me`.
    CurrentUser,
    /// Which sheets there are: `GET /sheets`.
    Sheets,
    /// What is in a sheet: `GET /sheets/{id}`.
    Sheet,
    /// What was in a cell: `GET /sheets/{id}/rows/{row}/columns/{column}/history`.
    CellHistory,
    /// A new row: `POST /sheets/{id}/rows`.
    AddRow,
    /// Other values in a row: `PUT /sheets/{id}/rows`.
    ChangeRow,
    /// A call that is passed on for somebody else, whatever it asks for.
    Passed,
    /// Something that is none of the protocol's and none of the API's; the app's own word for it.
    Other(&'static str),
}

/// Sees every call of a [`Transport`](super::Transport) when it has ended. For records and figures: it can't change anything, and must not
/// take long.
pub trait Observer: fmt::Debug + Send + Sync {
    /// Is told of `call`, with every secret that it carried: whoever keeps something of it must mask that.
    fn observe(&self, call: &Call<'_>);
}

/// One request and what came of it. Its `Debug` shows no content.
pub struct Call<'a> {
    /// What it was for.
    pub purpose: Purpose,
    /// 1 for the first try, 2 for the first repetition.
    pub attempt: u32,
    /// What was sent.
    pub request: &'a Request,
    /// What came back.
    pub outcome: Outcome<'a>,
    /// How long the answer's body was, in bytes, where the outcome has only its beginning.
    pub whole_length: Option<u64>,
    /// From the first byte sent to the last one received.
    pub duration: Duration,
}

/// How a [`Call`] ended.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'a> {
    /// With an answer, whatever its status.
    Answered(&'a Answer),
    /// With an answer that has the status of a success and is of no use to the caller, who says why.
    Unusable(&'a Answer, &'a str),
    /// Without one.
    Failed(&'a TransportError),
    /// The caller gave up waiting before anything else happened.
    Abandoned,
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Call({:?}, attempt {})",
            self.purpose, self.attempt
        )
    }
}

/// A call under way, as its observers will be told of it: when it ends, or when nobody waits for it any longer.
pub(super) struct Watch {
    observers: Vec<Arc<dyn Observer>>,
    purpose: Purpose,
    attempt: u32,
    request: Request,
    started: Instant,
}

impl Watch {
    /// `None` when there is nobody to tell.
    pub(super) fn begin(
        observers: &[Arc<dyn Observer>],
        purpose: Purpose,
        attempt: u32,
        request: &Request,
    ) -> Option<Self> {
        if observers.is_empty() {
            return None;
        }
        // A body that comes as it is sent can't be cloned; whoever sends it says later what it was.
        let request = request.try_clone().unwrap_or_else(|| {
            let mut head = Request::new(request.method().clone(), request.url().clone());
            *head.headers_mut() = request.headers().clone();
            head
        });
        Some(Self {
            observers: observers.to_vec(),
            purpose,
            attempt,
            request,
            started: Instant::now(),
        })
    }

    /// How long it has taken so far.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Tells that it took `duration` and ended with `outcome`.
    pub(super) fn end(mut self, duration: Duration, outcome: Outcome<'_>) {
        self.tell(duration, outcome, None);
        self.observers.clear();
    }

    /// Tells that it ended just now with `outcome`, an answer whose body was so long in all.
    pub(super) fn end_of(mut self, outcome: Outcome<'_>, whole_length: Option<u64>) {
        self.tell(self.elapsed(), outcome, whole_length);
        self.observers.clear();
    }

    /// What was sent as the body, as far as it is kept.
    pub(super) fn sent(&mut self, body: Vec<u8>) {
        *self.request.body_mut() = Some(body.into());
    }

    fn tell(&self, duration: Duration, outcome: Outcome<'_>, whole_length: Option<u64>) {
        let call = Call {
            purpose: self.purpose,
            attempt: self.attempt,
            request: &self.request,
            outcome,
            whole_length,
            duration,
        };
        for observer in &self.observers {
            observer.observe(&call);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.tell(self.elapsed(), Outcome::Abandoned, None);
    }
}
