//! The browser that sent a request: what its cookies say, and which it is given.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

use super::App;
use super::cookie::{self, Name, cookies};
use super::frame::Viewer;
use crate::clock::after;
use crate::flow::{FlowId, FlowLog, Recorder};
use crate::oauth;
use crate::session::{
    Id, SIGN_IN_TIME, SessionData, SignIn, Store, StoreError, Stored, sign_in_name,
};

/// How many cookies of the session's name are tried. Ports of one host share their cookies, and a neighbouring subdomain can
/// set more where `__Host-` can't be used.
const MAX_IDS: usize = 4;

/// How many sign-ins a browser can have under way, and how long their cookies can be in all, in bytes: with each request they
/// must pass proxies that allow a few kilobytes for a header.
const MAX_SIGN_INS: usize = 20;
const MAX_SIGN_IN_BYTES: usize = 7 * 1024;

/// The browser of one request. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Browser(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    log: FlowLog,
    https: bool,
    session_lifetime: Duration,
    /// The session ids that it brought, in their order.
    ids: Vec<Id>,
    /// The cookies of sign-ins under way, oldest first: the name, and the value.
    sign_ins: Vec<(String, Vec<u8>)>,
    flow: Option<Vec<u8>>,
    signed_out: Option<Vec<u8>>,
    trial: Option<Vec<u8>>,
    progress: Mutex<Progress>,
}

/// What comes up while the request is answered.
#[derive(Debug, Default)]
struct Progress {
    /// Which of the ids is of a session, once that is known.
    id: Option<Id>,
    /// Who it is.
    viewer: Viewer,
    /// What takes down the messages of this request.
    recorder: Option<Recorder>,
    /// The cookies that the browser is given.
    cookies: Vec<HeaderValue>,
}

impl Browser {
    /// The browser that sent `headers`.
    pub(super) fn of(app: &App, headers: &HeaderMap) -> Self {
        let https = app.is_https();
        let mut inner = Inner {
            store: app.sessions.store.clone(),
            log: app.flow.clone(),
            https,
            session_lifetime: app.settings.session_lifetime,
            ids: Vec::new(),
            sign_ins: Vec::new(),
            flow: None,
            signed_out: None,
            trial: None,
            progress: Mutex::default(),
        };
        let is = |name: &[u8], ours: Name| name == ours.text(https).as_bytes();
        for (name, value) in cookies(headers) {
            if is(name, Name::Session) {
                let id = std::str::from_utf8(value).ok();
                let id: Option<Id> = id.and_then(|text| text.parse().ok());
                let has_room = inner.ids.len() < MAX_IDS;
                inner.ids.extend(id.filter(|_| has_room));
            } else if name.starts_with(Name::SignIn.text(https).as_bytes()) {
                if let Ok(name) = std::str::from_utf8(name) {
                    inner.sign_ins.push((name.to_owned(), value.to_vec()));
                }
            } else if is(name, Name::Flow) {
                inner.flow = Some(value.to_vec());
            } else if is(name, Name::SignedOut) {
                inner.signed_out = Some(value.to_vec());
            } else if is(name, Name::Trial) {
                inner.trial = Some(value.to_vec());
            }
        }
        Self(Arc::new(inner))
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        // Each use is one assignment or one push.
        self.0
            .progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The session of this browser: the first of its ids that is of one. Every time it is read anew, so that what another tab
    /// or instance wrote a moment ago is seen.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub(super) async fn session(&self) -> Result<Option<Stored>, StoreError> {
        let known = self.progress().id;
        let candidates = known.as_slice();
        let candidates = if candidates.is_empty() {
            &self.0.ids
        } else {
            candidates
        };
        for id in candidates {
            if let Some(stored) = self.0.store.visit(*id).await? {
                let mut progress = self.progress();
                progress.id = Some(stored.id);
                progress.viewer = Viewer::signed_in(stored.data.login.person.as_ref());
                if progress.recorder.is_none() {
                    progress.recorder = self.recorder_of(&stored.data);
                }
                drop(progress);
                return Ok(Some(stored));
            }
        }
        self.progress().viewer = Viewer::SignedOut;
        Ok(None)
    }

    /// Who it is, as far as this request has come to know.
    pub(super) fn viewer(&self) -> Viewer {
        self.progress().viewer.clone()
    }

    /// What takes down the messages of the session of `data`.
    pub(super) fn recorder_of(&self, data: &SessionData) -> Option<Recorder> {
        let until = self.0.store.expiry(data);
        data.flow
            .map(|flow| self.0.log.recorder_of_session(flow, until))
    }

    /// The id of this browser's session. It may be of a session that is gone.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub(super) async fn id(&self) -> Result<Option<Id>, StoreError> {
        match self.0.ids[..] {
            [] => Ok(self.progress().id),
            // Whoever uses it looks it up.
            [only] => Ok(Some(self.progress().id.unwrap_or(only))),
            _ => Ok(self.session().await?.map(|stored| stored.id)),
        }
    }

    /// All ids that this browser brought.
    pub(super) fn ids(&self) -> &[Id] {
        &self.0.ids
    }

    /// Makes the session's cookie point at `stored`, which a sign-in has just ended in.
    pub(super) fn point_to(&self, stored: &Stored) {
        self.progress().id = Some(stored.id);
        if self.0.signed_out.is_some() {
            self.take_back(Name::SignedOut.text(self.0.https));
        }
        let recorder = self.recorder_of(&stored.data);
        self.record_with(recorder.map(Recorder::ending_sign_in));
        let name = Name::Session.text(self.0.https);
        let id = stored.id.to_string();
        self.give(cookie::set(
            name,
            &id,
            self.0.session_lifetime,
            self.0.https,
        ));
    }

    /// Takes the session's cookie back.
    pub(super) fn forget_session(&self) {
        self.progress().id = None;
        self.take_back(Name::Session.text(self.0.https));
    }

    /// Gives the browser the cookie of a sign-in that begins. Of very many the oldest go.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] when it can't be sealed.
    pub(super) fn start(&self, sign_in: &SignIn) -> Result<(), StoreError> {
        let value = self.0.store.seal_sign_in(sign_in)?;
        let name = self.name_of(&sign_in.name());
        let mut bytes = name.len() + value.len();
        for (number, (name, value)) in self.0.sign_ins.iter().rev().enumerate() {
            bytes += name.len() + value.len();
            if number + 2 > MAX_SIGN_INS || bytes > MAX_SIGN_IN_BYTES {
                self.take_back(name);
            }
        }
        self.give(cookie::set(&name, &value, SIGN_IN_TIME, self.0.https));
        Ok(())
    }

    /// The sign-in that `state` belongs to, if this browser started it.
    pub(super) fn sign_in_of(&self, state: &oauth::State) -> Option<SignIn> {
        let name = self.name_of(&sign_in_name(state));
        let of_name = self.0.sign_ins.iter().filter(|(found, _)| *found == name);
        let mut opened = of_name.filter_map(|(_, value)| self.0.store.open_sign_in(value));
        opened.find(|sign_in| sign_in.is_of(state))
    }

    /// The sign-ins that this browser has under way.
    pub(super) fn sign_ins(&self) -> impl Iterator<Item = SignIn> {
        let newest = self.0.sign_ins.iter().rev().take(MAX_SIGN_INS);
        newest.filter_map(|(_, value)| self.0.store.open_sign_in(value))
    }

    /// Where the messages of the sign-in are that this browser started last, if that may be under way `now`.
    pub(super) fn flow_under_way(&self, now: Timestamp) -> Option<FlowId> {
        let newest = self.sign_ins().max_by_key(|sign_in| sign_in.started_at);
        newest
            .filter(|sign_in| after(sign_in.started_at, SIGN_IN_TIME) > now)
            .map(|sign_in| sign_in.flow)
    }

    /// Takes back the cookie of a sign-in that is finished.
    pub(super) fn finish(&self, sign_in: &SignIn) {
        self.take_back(&self.name_of(&sign_in.name()));
    }

    fn name_of(&self, sign_in: &str) -> String {
        format!("{}{sign_in}", Name::SignIn.text(self.0.https))
    }

    /// Where the messages of this browser's last sign-in are, if that did not end in a session.
    pub(super) fn flow(&self) -> Option<FlowId> {
        self.0.store.open_flow(self.0.flow.as_ref()?)
    }

    /// The messages of the last sign-in are of no interest any more.
    pub(super) fn forget_flow(&self) {
        if self.0.flow.is_some() {
            self.take_back(Name::Flow.text(self.0.https));
        }
    }

    /// Lets the browser find the messages of a sign-in that did not end in a session, or of a session that is gone.
    pub(super) fn show_flow(&self, flow: FlowId) {
        self.show(Name::Flow, flow);
    }

    /// Where the messages of this browser's last sign-out are, if that was not long ago.
    pub(super) fn sign_out(&self) -> Option<FlowId> {
        self.0.store.open_flow(self.0.signed_out.as_ref()?)
    }

    /// Lets the browser find the messages of its sign-out.
    pub(super) fn show_sign_out(&self, flow: FlowId) {
        self.show(Name::SignedOut, flow);
    }

    fn show(&self, name: Name, flow: FlowId) {
        if let Ok(value) = self.0.store.seal_flow(flow) {
            let name = name.text(self.0.https);
            self.give(cookie::set(name, &value, SIGN_IN_TIME, self.0.https));
        }
    }

    /// The messages of this request belong to `flow`, for as long as a sign-in may take.
    pub(super) fn record_in(&self, flow: FlowId, now: Timestamp) {
        let until = after(now, SIGN_IN_TIME);
        self.record_with(Some(self.0.log.recorder(flow, until)));
    }

    /// The messages of this request go to `recorder`.
    pub(super) fn record_with(&self, recorder: Option<Recorder>) {
        self.progress().recorder = recorder;
    }

    /// What takes down the messages of this request.
    pub(super) fn recorder(&self) -> Option<Recorder> {
        self.progress().recorder.clone()
    }

    /// The value of the cookie that says which failure is tried out.
    pub(super) fn trial(&self) -> Option<&[u8]> {
        self.0.trial.as_deref()
    }

    /// Remembers which failure is tried out, and which were, for `lifetime`.
    pub(super) fn set_trial(&self, value: &str, lifetime: Duration) {
        let name = Name::Trial.text(self.0.https);
        self.give(cookie::set(name, value, lifetime, self.0.https));
    }

    /// The cookies that it is given with the answer. They are taken.
    pub(super) fn cookies(&self) -> Vec<HeaderValue> {
        std::mem::take(&mut self.progress().cookies)
    }

    fn take_back(&self, name: &str) {
        self.give(cookie::remove(name, self.0.https));
    }

    fn give(&self, cookie: Option<HeaderValue>) {
        self.progress().cookies.extend(cookie);
    }
}

impl FromRequestParts<Arc<App>> for Browser {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, Self::Rejection> {
        let accompanied = parts.extensions.get::<Self>().cloned();
        Ok(accompanied.unwrap_or_else(|| Self::of(app, &parts.headers)))
    }
}
