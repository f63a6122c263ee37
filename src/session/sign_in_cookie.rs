//! A sign-in between `/login` and the callback, as the browser keeps it: sealed in a cookie of its own. It costs the server
//! nothing that could run out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::data::{SIGN_IN_TIME, named_scopes, scope_names};
use super::error::StoreError;
use super::issuer::Issuer;
use super::rows::RowKey;
use super::store::Store;
use crate::clock::before;
use crate::flow::FlowId;
use crate::oauth::{Scope, State};

/// What the value of a cookie is sealed for, so that one can't pass for another, nor for a row.
const SIGN_IN: &str = "smartsheet-oauth-demo sign-in";
const FLOW: &str = "smartsheet-oauth-demo flow of a visitor";

/// A sign-in between `/login` and the callback.
#[derive(Debug, Clone, PartialEq)]
pub struct SignIn {
    /// What the callback's `state` is known by.
    state: RowKey,
    /// When it was started.
    pub started_at: Timestamp,
    /// The path within the app where the person goes afterwards.
    pub return_to: String,
    /// Where its messages are.
    pub flow: FlowId,
    /// What the person is asked for. `None`: all that the settings name.
    pub scopes: Option<Vec<Scope>>,
}

/// A sign-in as it is sealed: short, because every request of the browser carries it.
#[derive(Serialize, Deserialize)]
struct Sealed {
    state: [u8; 32],
    /// In microseconds since 1970.
    started_at: i64,
    return_to: String,
    flow: FlowId,
    /// Who is to sign the person in.
    issuer: Option<Issuer>,
}

impl SignIn {
    /// The sign-in that `state` belongs to, ending at `return_to`.
    #[must_use]
    pub fn new(state: &State, return_to: String, now: Timestamp) -> Self {
        Self {
            state: state_key(state),
            started_at: now,
            return_to,
            flow: FlowId::random(),
            scopes: None,
        }
    }

    /// The same sign-in, asking for `scopes` instead of all that the settings name.
    #[must_use]
    pub fn asking_for(self, scopes: Option<Vec<Scope>>) -> Self {
        Self { scopes, ..self }
    }

    /// What tells its cookie from those of the browser's other sign-ins: 8 letters, digits, `-` and `_`.
    #[must_use]
    pub fn name(&self) -> String {
        name_of(&self.state)
    }

    /// Whether it is the one that `state` belongs to.
    #[must_use]
    pub fn is_of(&self, state: &State) -> bool {
        self.state == state_key(state)
    }

    pub(super) fn is_too_old(&self, now: Timestamp) -> bool {
        self.started_at <= before(now, SIGN_IN_TIME)
    }
}

/// [`SignIn::name`] of the sign-in that `state` belongs to.
#[must_use]
pub fn sign_in_name(state: &State) -> String {
    name_of(&state_key(state))
}

fn name_of(state: &RowKey) -> String {
    URL_SAFE_NO_PAD.encode(&state.0[..6])
}

/// The row of a used `state`.
pub(super) fn state_key(state: &State) -> RowKey {
    let hash = Sha256::new()
        .chain_update(b"smartsheet-oauth-demo state")
        .chain_update(state.expose());
    RowKey(hash.finalize().into())
}

/// What is sealed for what.
pub(super) fn purpose(name: &str) -> [u8; 32] {
    Sha256::digest(name).into()
}

impl Store {
    /// `sign_in` as the value of a cookie: sealed, in the URL-safe base64 alphabet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] when it can't be sealed.
    pub fn seal_sign_in(&self, sign_in: &SignIn) -> Result<String, StoreError> {
        let content = Sealed {
            state: sign_in.state.0,
            started_at: sign_in.started_at.as_microsecond(),
            return_to: sign_in.return_to.clone(),
            flow: sign_in.flow,
            issuer: self.issuer.clone(),
        };
        // The names come after it, where an earlier version does not look.
        match &sign_in.scopes {
            None => self.seal_value(purpose(SIGN_IN), &content),
            Some(scopes) => self.seal_value(purpose(SIGN_IN), &(content, scope_names(scopes))),
        }
    }

    /// The sign-in that the value of a cookie holds, if this app sealed it for the issuer that is in force.
    #[must_use]
    pub fn open_sign_in(&self, value: &[u8]) -> Option<SignIn> {
        let content = self.open_bytes(purpose(SIGN_IN), value)?;
        let (sealed, rest): (Sealed, _) = postcard::take_from_bytes(&content).ok()?;
        let names = (!rest.is_empty()).then(|| postcard::from_bytes::<&str>(rest));
        let scopes = names.transpose().ok()?.map(named_scopes);
        (sealed.issuer == self.issuer).then_some(())?;
        Some(SignIn {
            state: RowKey(sealed.state),
            started_at: Timestamp::from_microsecond(sealed.started_at).ok()?,
            return_to: sealed.return_to,
            flow: sealed.flow,
            scopes,
        })
    }

    /// `flow` as the value of a cookie, for a browser that nobody is signed in with: sealed, in the URL-safe base64 alphabet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] when it can't be sealed.
    pub fn seal_flow(&self, flow: FlowId) -> Result<String, StoreError> {
        self.seal_value(purpose(FLOW), &flow)
    }

    /// The flow that the value of a cookie holds, if this app sealed it.
    #[must_use]
    pub fn open_flow(&self, value: &[u8]) -> Option<FlowId> {
        self.open_value(purpose(FLOW), value)
    }

    pub(super) fn seal_value(
        &self,
        purpose: [u8; 32],
        content: &impl Serialize,
    ) -> Result<String, StoreError> {
        let content = postcard::to_allocvec(content)
            .map_err(|_| StoreError::Refused("it can't be serialised"))?;
        let sealed = self.sealer.seal(&purpose, 0, &content);
        let sealed = sealed.map_err(|_| StoreError::Refused("it is too long to be sealed"))?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    pub(super) fn open_value<T: DeserializeOwned>(
        &self,
        purpose: [u8; 32],
        value: &[u8],
    ) -> Option<T> {
        let content = self.open_bytes(purpose, value)?;
        postcard::from_bytes(&content).ok()
    }

    fn open_bytes(&self, purpose: [u8; 32], value: &[u8]) -> Option<Vec<u8>> {
        let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
        self.sealer.open(&purpose, 0, &sealed).ok()
    }
}

impl SignIn {
    pub(super) fn key(&self) -> RowKey {
        self.state
    }
}
