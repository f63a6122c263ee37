//! What a refresh needs, and what comes of it.

use std::time::Duration;

use tower_sessions::session::Id;

use super::data::{Login, SessionData};
use super::error::StoreError;
use super::revocations::Revocations;
use super::store::Store;
use crate::clock::Clock;
use crate::flow::{FlowId, FlowLog, Recorder};
use crate::metrics::Metrics;
use crate::oauth::{AccessToken, Client, OAuthError, Token};

/// Why there is no usable access token.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AccessError {
    /// Nobody is signed in with this session.
    #[error("nobody is signed in")]
    SignedOut,
    /// The grant is gone: the session ended, and the person must sign in again. With the place of its messages.
    #[error("the grant is gone")]
    GrantGone(Option<FlowId>),
    /// Smartsheet gave no new token, which may pass. The session keeps its tokens.
    #[error("no new token: {0}")]
    NotRefreshed(OAuthError),
    /// The session store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A session that somebody is signed in with, read or refreshed just now.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The sign-in. Its access token can be used.
    pub login: Login,
    /// Where the messages of this login are.
    pub flow: Option<FlowId>,
    /// What takes them down.
    pub recorder: Option<Recorder>,
}

impl SignedIn {
    /// The access token.
    #[must_use]
    pub fn access_token(&self) -> &AccessToken {
        &self.login.token.access_token
    }
}

/// When tokens are refreshed, and how long a refresh may hold up others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshPolicy {
    /// An access token with this much or less to live is refreshed before use.
    pub margin: Duration,
    /// How long an instance may take for a refresh before another one carries on. Longer than a token request (10 seconds) and
    /// the write that takes the lease (5 seconds) may take.
    pub lease: Duration,
}

/// What a refresh works with.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) store: Store,
    pub(super) client: Client,
    pub(super) clock: Clock,
    pub(super) policy: RefreshPolicy,
    pub(super) revocations: Revocations,
    pub(super) log: Option<FlowLog>,
    pub(super) metrics: Option<Metrics>,
}

pub(super) type Outcome = Result<SignedIn, AccessError>;

impl Context {
    /// The session `id`, as it is stored.
    pub(super) async fn signed_in(&self, id: Id) -> Result<SignedIn, AccessError> {
        let stored = self.store.visit(id).await?;
        stored
            .map(|stored| self.of_session(stored.data))
            .ok_or(AccessError::SignedOut)
    }

    /// What `data` says of the sign-in.
    pub(super) fn of_session(&self, data: SessionData) -> SignedIn {
        let until = self.store.lifetimes.expiry(&data, self.clock.now());
        let log = self.log.as_ref().zip(data.flow);
        SignedIn {
            login: data.login,
            flow: data.flow,
            recorder: log.map(|(log, flow)| log.recorder_of_session(flow, until)),
        }
    }

    /// Whether `token` is about to expire, or is the one that was `refused`.
    pub(super) fn needs_refresh(&self, token: &Token, refused: Option<&AccessToken>) -> bool {
        refused == Some(&token.access_token)
            || token.expires_within(self.policy.margin, self.clock.now())
    }
}
