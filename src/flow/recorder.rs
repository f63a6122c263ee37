//! Takes down the messages of one flow.

use jiff::Timestamp;

use super::encoded::Encoded;
use super::id::FlowId;
use super::log::FlowLog;
use super::message::Message;
use super::visit::{Answered, Visit};
use super::writing::Order;
use crate::transport::{Call, Observer};

impl FlowLog {
    /// Takes down the messages of `flow`, each until `keep_until`.
    #[must_use]
    pub fn recorder(&self, flow: FlowId, keep_until: Timestamp) -> Recorder {
        Recorder {
            log: self.clone(),
            flow,
            sign_in: None,
            ends_sign_in: false,
            keep_until,
        }
    }

    /// Takes down the messages of the session that the sign-in of `flow` ended in, each until `keep_until`. Those of the sign-in are
    /// kept along.
    #[must_use]
    pub fn recorder_of_session(&self, flow: FlowId, keep_until: Timestamp) -> Recorder {
        Recorder {
            sign_in: Some(flow),
            ..self.recorder(flow.signed_in(), keep_until)
        }
    }
}

/// Takes down the messages of one flow. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Recorder {
    log: FlowLog,
    flow: FlowId,
    /// The flow of the sign-in, when these are messages of a session.
    sign_in: Option<FlowId>,
    /// Whether that sign-in ended with this very request.
    ends_sign_in: bool,
    keep_until: Timestamp,
}

impl Recorder {
    /// The same for the request that the sign-in ended with.
    #[must_use]
    pub fn ending_sign_in(self) -> Self {
        Self {
            ends_sign_in: true,
            ..self
        }
    }

    /// Records `message`, without waiting for it to be written.
    pub fn record(&self, message: &Message) {
        if !self.log.is_recording() {
            return;
        }
        if let Some(message) = Encoded::of(message) {
            self.add(message);
        }
    }

    /// Records a browser's request that was answered just now, without waiting for it to be written.
    pub fn record_visit(&self, visit: &Visit, answered: Answered<'_>) {
        if !self.log.is_recording() {
            return;
        }
        let (repeats, flow) = (self.log.repeats(), self.flow.key());
        if let Some(message) = Encoded::of_visit(repeats, flow, visit, answered) {
            self.add(message);
        }
    }

    fn add(&self, message: Encoded) {
        let order = Order::Add {
            key: self.flow.key(),
            along: self.sign_in.map(FlowId::key),
            until: self.keep_until,
            message,
        };
        if !self.log.order(order) {
            tracing::debug!("a message of the flow was left out: too many wait to be written");
        }
    }

    /// Waits until what was recorded of this flow is there for whoever looks, on any instance, but not for long.
    pub async fn settled(&self) {
        // Who reads here waits for it anyway.
        if self.log.is_recording() && self.log.rows().are_shared() {
            let settled = |flow: FlowId| self.log.settled(Some(flow.key()));
            match self.sign_in.filter(|_| self.ends_sign_in) {
                None => settled(self.flow).await,
                Some(sign_in) => {
                    tokio::join!(settled(sign_in), settled(self.flow));
                }
            }
        }
    }
}

impl Observer for Recorder {
    fn observe(&self, call: &Call<'_>) {
        if self.log.is_recording() {
            let (log, flow) = (&self.log, self.flow.key());
            if let Some(message) = Encoded::of_call(log.repeats(), flow, call, log.now()) {
                self.add(message);
            }
        }
    }
}
