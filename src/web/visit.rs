//! A visit of somebody who is signed in: calls of the API in their name, by the one way to a usable access token.

use std::sync::Arc;

use super::App;
use super::browser::Browser;
use super::failure::Failure;
use super::person_failures::{PersonError, overtaken};
use super::shares::{Caller, VisitShare};
use crate::session::{AccessError, Id, Login, SignedIn};
use crate::smartsheet::{Api, ApiCall, ApiError, CallError};

/// Part of what the session and its client may have under way, while it is kept.
pub(super) struct Visit<'a> {
    app: &'a App,
    browser: &'a Browser,
    pub(super) id: Id,
    signed_in: SignedIn,
    _share: VisitShare,
}

/// Why a call of a visit gave no answer of use.
pub(super) enum VisitError {
    /// There is no access token.
    Access(AccessError),
    /// Another page of this session has exchanged the tokens meanwhile.
    Overtaken(Failure),
    /// Smartsheet did not do it.
    Call(CallError),
}

impl<'a> Visit<'a> {
    /// Begins one, with an access token that has time to live.
    pub(super) async fn begin(
        app: &'a App,
        browser: &'a Browser,
        caller: Caller,
    ) -> Result<Self, PersonError> {
        let failed = |error| PersonError::of(error, app, browser);
        let id = browser.id().await.map_err(AccessError::from);
        let Some(id) = id.map_err(failed)? else {
            return Err(PersonError::SignedOut);
        };
        let signed_in = app.sessions.access.usable(id).await.map_err(failed)?;
        browser.record_with(signed_in.recorder.clone());
        let share = app.limits.shares.visit(id, caller).await;
        Ok(Self {
            app,
            browser,
            id,
            signed_in,
            _share: share.map_err(PersonError::Failed)?,
        })
    }

    /// The sign-in.
    pub(super) fn login(&self) -> &Login {
        &self.signed_in.login
    }

    /// Ends it, for whoever needs no more than the sign-in.
    pub(super) fn end(self) -> Login {
        self.signed_in.login
    }

    /// Makes `call`. When Smartsheet refuses the token, it is refreshed, and the call made once more.
    pub(super) async fn call<C: ApiCall>(&mut self, call: &C) -> Result<C::Answer, VisitError> {
        let mut answer = self.call_once(call).await;
        let access = &self.app.sessions.access;
        if is_token_refused(&answer) && access.replace(self.id, &mut self.signed_in).await? {
            self.browser.record_with(self.signed_in.recorder.clone());
            answer = self.call_once(call).await;
        }
        if is_token_refused(&answer) {
            let refused = self.signed_in.access_token();
            if self
                .app
                .sessions
                .access
                .has_other_than(self.id, refused)
                .await?
            {
                let reason = answer.err().map(|error| error.to_string());
                return Err(VisitError::Overtaken(overtaken(reason.unwrap_or_default())));
            }
        }
        Ok(answer?)
    }

    /// Makes `call` with the token that the visit has, such as at the same time as others.
    pub(super) async fn call_once<C: ApiCall>(&self, call: &C) -> Result<C::Answer, CallError> {
        self.api()
            .perform(call, self.signed_in.access_token())
            .await
    }

    /// The API, with its calls taken down in this session's flow.
    fn api(&self) -> Api {
        match &self.signed_in.recorder {
            Some(recorder) => self
                .app
                .smartsheet
                .api
                .observed_by(Arc::new(recorder.clone())),
            None => self.app.smartsheet.api.clone(),
        }
    }

    /// What an error means to the person.
    pub(super) fn failed(&self, error: VisitError) -> PersonError {
        match error {
            VisitError::Access(error) => PersonError::of(error, self.app, self.browser),
            VisitError::Overtaken(failure) => PersonError::Failed(failure),
            VisitError::Call(error) => error.error.into(),
        }
    }
}

fn is_token_refused<T>(answer: &Result<T, CallError>) -> bool {
    matches!(answer, Err(error) if matches!(error.error, ApiError::TokenRefused(_)))
}

impl From<AccessError> for VisitError {
    fn from(error: AccessError) -> Self {
        Self::Access(error)
    }
}

impl From<CallError> for VisitError {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}
