//! A call that is passed on for somebody else, such as a page: whatever it asks for, its body and its answer as they come.

use std::time::Instant;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, header};

use super::error::Refused;
use super::{Api, ApiError};
use crate::AccessToken;
use crate::transport::{Purpose, StreamedAnswer, TransportError, Upload, UploadError};

/// How much of an answer that refuses is looked at, in bytes.
const LOOKED_AT: usize = 64 * 1024;

/// A call that somebody else makes, without a token.
#[derive(Debug)]
pub struct PassedCall {
    /// The method.
    pub method: Method,
    /// The path below the API's address, such as `users/me`. Nothing in it needs escaping.
    pub path: String,
    /// The query as it came, without its question mark.
    pub query: Option<String>,
    /// The headers that are passed on.
    pub headers: HeaderMap,
    /// The body.
    pub body: Upload,
}

/// What came of it.
#[derive(Debug)]
pub enum Passed {
    /// An answer, whatever its status.
    Answer(Box<StreamedAnswer>),
    /// 401 with errorCode 1002 or 1003, or without any. Says what Smartsheet said.
    TokenRefused(String),
}

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PassError {
    /// The body did not come whole.
    #[error(transparent)]
    Body(#[from] UploadError),
    /// It was to be sent once more, and its body is too long to have been kept.
    #[error("the request's body is not kept, so it can't be sent again")]
    NotKept,
    /// Smartsheet did not answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
}

impl PassedCall {
    /// Whether it changes nothing.
    fn reads(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }
}

impl Api {
    /// Passes `call` on in the name of whom `token` belongs to. One that reads is sent again wherever Smartsheet says that this may
    /// help, another one only where nothing can have been done. `attempt` counts what is sent.
    ///
    /// # Errors
    ///
    /// [`PassError`].
    pub async fn pass(
        &self,
        call: &PassedCall,
        token: &AccessToken,
        attempt: &mut u32,
    ) -> Result<Passed, PassError> {
        let started = Instant::now();
        let mut tries = 0;
        loop {
            tries += 1;
            let sent = self.pass_once(call, token, attempt).await;
            let (ended, wait) = match sent {
                Ok(answer) if answer.status.as_u16() < 400 => {
                    return Ok(Passed::Answer(Box::new(answer)));
                }
                Ok(mut answer) => {
                    let looked_at = answer.looked_at(LOOKED_AT, self.transport.patience());
                    let refused = Refused::read(&looked_at.await, token.expose());
                    if let ApiError::TokenRefused(reason) = refused.error {
                        return Ok(Passed::TokenRefused(reason));
                    }
                    let again = call.body.can_be_repeated()
                        && refused.may_pass
                        && (call.reads() || refused.is_nothing_done());
                    let wait = again.then(|| self.wait(&refused, tries + 1, started));
                    (Ok(Passed::Answer(Box::new(answer))), wait.flatten())
                }
                Err(error) => {
                    let is_not_sent =
                        matches!(error, PassError::Transport(TransportError::NotConnected(_)));
                    let again = is_not_sent && !call.reads() && call.body.can_be_repeated();
                    let wait = again.then(|| self.pause(tries + 1, started)).flatten();
                    (Err(error), wait)
                }
            };
            let Some(wait) = wait else {
                return ended;
            };
            tracing::debug!(?wait, "trying again");
            tokio::time::sleep(wait).await;
        }
    }

    /// Sends it once, or twice when a kept connection ended before the first byte of an answer and it only reads.
    async fn pass_once(
        &self,
        call: &PassedCall,
        token: &AccessToken,
        attempt: &mut u32,
    ) -> Result<StreamedAnswer, PassError> {
        // What changes something goes over a connection of its own: when a kept one ends, nobody knows whether it arrived.
        let sent = self.pass_by(call, token, attempt, !call.reads()).await;
        match sent {
            Err(PassError::Transport(TransportError::Dropped(cause)))
                if call.body.can_be_repeated() =>
            {
                tracing::debug!(%cause, "a kept connection had ended: trying again");
                self.pass_by(call, token, attempt, true).await
            }
            sent => sent,
        }
    }

    async fn pass_by(
        &self,
        call: &PassedCall,
        token: &AccessToken,
        attempt: &mut u32,
        anew: bool,
    ) -> Result<StreamedAnswer, PassError> {
        let mut request = self.head_of(call, token);
        if *attempt == 0 {
            if let Some(body) = call.body.first() {
                request = request.body(body);
            }
        } else {
            let body = call.body.again().await;
            if let Some(error) = call.body.error() {
                return Err(error.into());
            }
            let body = body.ok_or(PassError::NotKept)?;
            if !body.is_empty() {
                request = request.body(body);
            }
        }
        *attempt += 1;
        let transport = &self.transport;
        let sent = transport.stream((Purpose::Passed, *attempt), request, &call.body, anew);
        match (sent.await, call.body.error()) {
            // Whatever the network says then, it is for that.
            (Err(_), Some(error)) => Err(error.into()),
            (Err(error), None) => Err(error.into()),
            (Ok(answer), _) => Ok(answer),
        }
    }

    fn head_of(&self, call: &PassedCall, token: &AccessToken) -> RequestBuilder {
        let mut url = self.address(&call.path);
        url.set_query(call.query.as_deref());
        let mut headers = call.headers.clone();
        // Compressing would save little on the way from a server to a server, and cost the time of both.
        headers.insert(
            header::ACCEPT_ENCODING,
            header::HeaderValue::from_static("identity"),
        );
        let request = self.transport.request(call.method.clone(), url);
        request.bearer_auth(token.expose()).headers(headers)
    }
}
