//! A call with the person's token: by the one way to it, and once more when Smartsheet refuses it.

use std::sync::Arc;

use super::allow_list::{AllowList, Route};
use super::headers::answered;
use super::rate::PersonRate;
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::session::{AccessError, AccessTokens, Id, SignedIn};
use crate::smartsheet::{Api, PassError, Passed, PassedCall};
use crate::transport::{StreamedAnswer, TransportError, UploadError};

/// What passes calls on.
#[derive(Debug)]
pub struct ApiCalls {
    /// What may be called.
    pub allow: AllowList,
    /// Whether an assertion does instead of a cookie.
    pub assertions: bool,
    /// How often each person may call.
    pub rate: PersonRate,
    access: AccessTokens,
    api: Api,
    metrics: Metrics,
}

/// Why a call has no answer of Smartsheet's.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There is no access token.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Smartsheet refused one token after the other. Says what it said.
    #[error("the access token was refused: {0}")]
    TokenRefused(String),
    /// Somebody else exchanged the tokens meanwhile. Says what Smartsheet said.
    #[error("the tokens were exchanged meanwhile: {0}")]
    Overtaken(String),
    /// The request's body did not come whole.
    #[error(transparent)]
    Body(UploadError),
    /// There is a new token, but the request's body is too long to have been kept for a repetition.
    #[error("the request's body is not kept, so it can't be sent again")]
    NotKept,
    /// Smartsheet did not answer.
    #[error(transparent)]
    Transport(TransportError),
}

impl From<PassError> for CallError {
    fn from(error: PassError) -> Self {
        match error {
            PassError::Body(error) => Self::Body(error),
            PassError::NotKept => Self::NotKept,
            PassError::Transport(error) => Self::Transport(error),
        }
    }
}

impl ApiCalls {
    /// Passes on to `api` what `allow` lists, with tokens of `access`.
    #[must_use]
    pub fn new(
        allow: AllowList,
        assertions: bool,
        clock: Clock,
        access: AccessTokens,
        api: Api,
        metrics: Metrics,
    ) -> Self {
        Self {
            allow,
            assertions,
            rate: PersonRate::new(clock),
            access,
            api,
            metrics,
        }
    }

    /// Passes `call` on, which `route` allows, as the person of the session `id`. The answer has the headers that pass, and none
    /// else.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub async fn pass(
        &self,
        id: Id,
        route: &Route,
        call: &PassedCall,
    ) -> Result<StreamedAnswer, CallError> {
        let mut signed_in = self.access.usable(id).await?;
        let mut attempt = 0;
        let mut passed = self.once(&signed_in, route, call, &mut attempt).await?;
        let is_refused = matches!(passed, Passed::TokenRefused(_));
        if is_refused && self.access.replace(id, &mut signed_in).await? {
            passed = self.once(&signed_in, route, call, &mut attempt).await?;
        }
        match passed {
            Passed::Answer(mut answer) => {
                answer.headers = answered(&answer.headers);
                Ok(*answer)
            }
            Passed::TokenRefused(reason) => {
                let refused = signed_in.access_token();
                Err(if self.access.has_other_than(id, refused).await? {
                    CallError::Overtaken(reason)
                } else {
                    CallError::TokenRefused(reason)
                })
            }
        }
    }

    async fn once(
        &self,
        signed_in: &SignedIn,
        route: &Route,
        call: &PassedCall,
        attempt: &mut u32,
    ) -> Result<Passed, PassError> {
        let mut api = self
            .api
            .observed_by(self.metrics.passed_calls(Arc::clone(route.pattern())));
        if let Some(recorder) = &signed_in.recorder {
            api = api.observed_by(Arc::new(recorder.clone()));
        }
        api.pass(call, signed_in.access_token(), attempt).await
    }
}
