//! One call of the API as a value: what is asked, how its answer is read, and whether it changes anything.

use std::fmt::{self, Display};
use std::time::Instant;

use reqwest::{Method, RequestBuilder, header};
use url::Url;

use super::error::Refused;
use super::{Api, ApiError};
use crate::AccessToken;
use crate::transport::{Answer, Over, Purpose, TransportError};

/// Names the app that makes a change, for webhooks that must not react to their own (Smartsheet's documentation, "Webhooks").
const CHANGE_AGENT: &str = "smartsheet-change-agent";

/// A call of the API.
///
/// One that has a body changes something. It is sent again only where it is known that nothing was done; one without is
/// sent again wherever Smartsheet says that this may help.
pub trait ApiCall {
    /// What comes of it.
    type Answer;
    /// Why an answer can't be read.
    type Unreadable: Display;

    /// What it is for.
    fn purpose(&self) -> Purpose;

    /// The path below the API's address, such as `users/me`. Nothing in it needs escaping.
    fn path(&self) -> String;

    /// The parameters in its address.
    fn query(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// The method and the JSON that are sent, if the call changes something.
    fn change(&self) -> Option<(Method, String)> {
        None
    }

    /// What the app that makes the change calls itself.
    fn change_agent(&self) -> Option<&str> {
        None
    }

    /// How long its answer may be, in bytes, where that is more than others may have.
    fn max_answer_bytes(&self) -> Option<usize> {
        None
    }

    /// Reads the answer to a success.
    ///
    /// # Errors
    ///
    /// When it is not what the documentation says.
    fn read(&self, body: Vec<u8>) -> Result<Self::Answer, Self::Unreadable>;
}

/// Why a call gave no answer of use.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{error}")]
#[non_exhaustive]
pub struct CallError {
    /// By what the caller can do about it.
    pub error: ApiError,
    /// The HTTP status and Smartsheet's `errorCode`, when it answered.
    pub status: Option<(u16, Option<u64>)>,
    /// Whether what was to be changed may have been changed all the same.
    pub may_be_done: bool,
}

impl CallError {
    /// What Smartsheet said, when it refused the call for a reason.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        match &self.error {
            ApiError::NotAllowed { reason, .. } | ApiError::RateLimited { reason, .. } => {
                Some(reason)
            }
            ApiError::AppRefused(reason) | ApiError::Refused(reason) => Some(reason),
            _ => None,
        }
    }

    fn of_refusal(refused: &Refused) -> Self {
        Self {
            error: refused.error.clone(),
            status: Some((refused.status, refused.code)),
            may_be_done: !refused.is_nothing_done(),
        }
    }

    fn of_transport(error: TransportError) -> Self {
        Self {
            may_be_done: !is_not_sent(&error),
            error: error.into(),
            status: None,
        }
    }
}

impl Api {
    /// Makes `call` in the name of whom `token` belongs to.
    ///
    /// # Errors
    ///
    /// [`CallError`]; what may pass was tried again already.
    pub async fn perform<C: ApiCall>(
        &self,
        call: &C,
        token: &AccessToken,
    ) -> Result<C::Answer, CallError> {
        if let Some(bytes) = call.max_answer_bytes()
            && bytes != self.transport.max_answer_bytes()
        {
            return Box::pin(self.taking(bytes).perform(call, token)).await;
        }
        let mut url = self.address(&call.path());
        let query = call.query();
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let change = call.change();
        let started = Instant::now();
        let (mut attempt, mut tries) = (0, 0);
        let read = |answer: &Answer| outcome(call, answer, token);
        loop {
            let sent = match &change {
                None => {
                    let sent = self.send(call.purpose(), &mut attempt, &url, token, read);
                    sent.await
                }
                Some(change) => {
                    attempt += 1;
                    let request = self.change(&url, change, call.change_agent(), token);
                    // Over a connection of its own: when a kept one ends, nobody knows whether the change arrived.
                    let sent = self.transport.send_and_read(
                        Over::New,
                        call.purpose(),
                        attempt,
                        request,
                        read,
                    );
                    sent.await
                }
            };
            tries += 1;
            let (error, wait) = match sent {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(Unsuccessful::Unreadable(error))) => return Err(error),
                Ok(Err(Unsuccessful::Refused(refused))) => {
                    let again = refused.may_pass && (change.is_none() || refused.is_nothing_done());
                    let wait = again.then(|| self.wait(&refused, tries + 1, started));
                    (CallError::of_refusal(&refused), wait.flatten())
                }
                Err(error) => {
                    let again = change.is_some() && is_no_connection(&error);
                    let wait = again.then(|| self.pause(tries + 1, started)).flatten();
                    (CallError::of_transport(error), wait)
                }
            };
            let Some(wait) = wait else {
                return Err(error);
            };
            tracing::debug!(%error, ?wait, "trying again");
            tokio::time::sleep(wait).await;
        }
    }

    fn change(
        &self,
        url: &Url,
        (method, body): &(Method, String),
        agent: Option<&str>,
        token: &AccessToken,
    ) -> RequestBuilder {
        let mut request = self
            .transport
            .request(method.clone(), url.clone())
            .bearer_auth(token.expose())
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(agent) = agent {
            request = request.header(CHANGE_AGENT, agent);
        }
        request.body(body.clone())
    }
}

fn outcome<C: ApiCall>(
    call: &C,
    answer: &Answer,
    token: &AccessToken,
) -> Result<C::Answer, Unsuccessful> {
    if !answer.status.is_success() {
        let refused = Refused::read(answer, token.expose());
        return Err(Unsuccessful::Refused(refused));
    }
    // A copy, because observers see the answer when it is known whether it can be read.
    call.read(answer.body.clone()).map_err(|error| {
        // Some servers tell an error with the status of a success.
        match Refused::told_with_success(answer, token.expose()) {
            Some(refused) => Unsuccessful::Refused(refused),
            None => Unsuccessful::Unreadable(CallError {
                error: ApiError::Malformed(error.to_string()),
                status: Some((answer.status.as_u16(), None)),
                may_be_done: true,
            }),
        }
    })
}

/// An answer that is none.
enum Unsuccessful {
    Refused(Refused),
    Unreadable(CallError),
}

impl Display for Unsuccessful {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.error.fmt(formatter),
            Self::Unreadable(unreadable) => unreadable.fmt(formatter),
        }
    }
}

/// Whether `error` proves that Smartsheet has seen nothing of the call.
fn is_not_sent(error: &TransportError) -> bool {
    matches!(error, TransportError::Busy(_)) || is_no_connection(error)
}

fn is_no_connection(error: &TransportError) -> bool {
    matches!(error, TransportError::NotConnected(_))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;
    use crate::api::{GetSheet, Retry, SaveRow};
    use crate::transport::{Call, Limits, Observer, Transport};

    #[derive(Debug, Default)]
    struct Attempts(Mutex<Vec<u32>>);

    impl Observer for Attempts {
        fn observe(&self, call: &Call<'_>) {
            self.0.lock().unwrap().push(call.attempt);
        }
    }

    #[tokio::test]
    async fn what_found_no_connection_was_not_done_and_is_done_again() {
        // Nobody listens there.
        let base: Url = "http://127.0.0.1:1/2.0".parse().unwrap();
        let attempts = Arc::new(Attempts::default());
        let transport = Transport::new(&[&base], "test", Limits::default()).unwrap();
        let retry = Retry {
            first_wait: Duration::from_millis(1),
            ..Retry::default()
        };
        let api = Api::new(
            base,
            transport.observed_by(Arc::clone(&attempts) as _),
            retry,
        );
        let token = AccessToken::new("t");
        let save = SaveRow {
            sheet: 1,
            row: None,
            cells: Vec::new(),
            agent: "test",
        };
        let failed = api.perform(&save, &token).await.unwrap_err();
        assert!(!failed.may_be_done, "{failed}");
        assert_eq!(*attempts.0.lock().unwrap(), [1, 2, 3, 4]);

        // A page says so at once.
        attempts.0.lock().unwrap().clear();
        api.perform(&GetSheet::page(1, 1, 1), &token)
            .await
            .unwrap_err();
        assert_eq!(*attempts.0.lock().unwrap(), [1]);
    }
}
