//! The log: messages in, in batches behind the answer; the newest of one flow out.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{timeout, timeout_at};

use super::encoded::{Encoded, decode};
use super::kept::Kept;
use super::message::Message;
use super::pending::Pending;
use super::rows::{FlowKey, FlowRow, FlowRows};
use crate::clock::Clock;
use crate::database::DatabaseError;
use crate::seal::{SealError, Sealer};
use crate::transport::{Call, Witness};

/// How many messages of a flow are kept: the newest.
pub const KEPT_MESSAGES: usize = 100;

/// How many messages may wait to be written. Beyond that they are left out: the log must not fill the memory.
const QUEUE: usize = 4096;

/// How many are written at once.
const BATCH: usize = 256;

/// Messages that expire this soon, in milliseconds, are those of sign-ins under way, or of robots; and how many are kept.
const SOON_MILLIS: i64 = 11 * 60 * 1000;
const MAX_SOON: i64 = 100_000;

/// How long an answer waits for its messages to be written.
const SETTLE_WITHIN: Duration = Duration::from_secs(1);

/// What the messages of one browser's session are found by: 128 random bits. Kept in the session, so nobody else has it,
/// and it stays when the session's id changes at sign-in.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlowId(u128);

impl FlowId {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::rng().random())
    }

    fn key(self) -> FlowKey {
        let hash = Sha256::new()
            .chain_update(b"smartsheet-oauth-demo flow")
            .chain_update(self.0.to_le_bytes());
        FlowKey(hash.finalize().into())
    }
}

impl fmt::Debug for FlowId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FlowId(…)")
    }
}

impl Serialize for FlowId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0.to_be_bytes()))
    }
}

impl<'de> Deserialize<'de> for FlowId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).map_err(serde::de::Error::custom)?;
        Ok(Self(u128::from_be_bytes(bytes)))
    }
}

/// The log can't be read or written.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the log of messages does not answer: {0}")]
pub struct LogError(Arc<str>);

impl From<DatabaseError> for LogError {
    fn from(error: DatabaseError) -> Self {
        Self(error.0)
    }
}

/// The messages of everybody's flows. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FlowLog {
    inner: Arc<Inner>,
    queue: mpsc::Sender<Order>,
}

#[derive(Debug)]
struct Inner {
    rows: Arc<dyn FlowRows>,
    sealer: Sealer,
    clock: Clock,
    /// Whether it was said already that messages could not be written.
    has_warned: AtomicBool,
}

#[derive(Debug)]
enum Order {
    Add(FlowKey, Timestamp, Encoded),
    Keep(FlowKey, Timestamp),
    Erase(FlowKey, oneshot::Sender<Result<(), LogError>>),
    /// Says when everything before it is written: of one flow, or of all.
    Settle(Option<FlowKey>, oneshot::Sender<()>),
}

impl FlowLog {
    /// A log in `rows`, sealed by `sealer`. Starts the task that writes it, which ends with the last clone.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn new(rows: Arc<dyn FlowRows>, sealer: Sealer, clock: Clock) -> Self {
        let inner = Arc::new(Inner {
            rows,
            sealer,
            clock,
            has_warned: AtomicBool::new(false),
        });
        let (queue, orders) = mpsc::channel(QUEUE);
        tokio::spawn(write(Arc::clone(&inner), orders));
        Self { inner, queue }
    }

    /// Takes down the messages of `flow`, each until `keep_until`.
    #[must_use]
    pub fn recorder(&self, flow: FlowId, keep_until: Timestamp) -> Recorder {
        Recorder {
            log: self.clone(),
            flow,
            keep_until,
        }
    }

    /// Waits until what was recorded so far is written, of one flow or of all, but not for long.
    async fn settled(&self, key: Option<FlowKey>) {
        let (tell, told) = oneshot::channel();
        let settle = async {
            if self.queue.send(Order::Settle(key, tell)).await.is_ok() {
                let _ = told.await;
            }
        };
        let _ = timeout(SETTLE_WITHIN, settle).await;
    }

    /// The messages of `flow`, oldest first, at most [`KEPT_MESSAGES`].
    ///
    /// # Errors
    ///
    /// [`LogError`] when the database does not answer.
    pub async fn read(&self, flow: FlowId) -> Result<Vec<Message>, LogError> {
        let key = flow.key();
        self.settled(Some(key)).await;
        let now = self.inner.clock.now().as_millisecond();
        let limit = i64::try_from(KEPT_MESSAGES).unwrap_or(i64::MAX);
        let rows = self.inner.rows.newest(&key, now, limit).await?;
        // One that does not open was sealed with a key that is no longer ours, or encoded by another version.
        let mut messages: Vec<Message> = rows
            .iter()
            .filter_map(|row| {
                let content = self.inner.sealer.open(&key.0, row.id, &row.sealed).ok()?;
                decode(&content)
            })
            .flatten()
            .collect();
        messages.sort_by_key(|message| message.at);
        messages.drain(..messages.len().saturating_sub(KEPT_MESSAGES));
        Ok(messages)
    }

    /// Keeps the messages of `flow` until `until`, when that is later than they would be kept anyway.
    pub fn keep(&self, flow: FlowId, until: Timestamp) {
        let _ = self.queue.try_send(Order::Keep(flow.key(), until));
    }

    /// Erases the messages of `flow`.
    ///
    /// # Errors
    ///
    /// [`LogError`] when the database does not answer. The messages are then found by nobody who has not `flow`, and go
    /// when their time is up.
    pub async fn erase(&self, flow: FlowId) -> Result<(), LogError> {
        let (tell, told) = oneshot::channel();
        let erase = async {
            let gone = || LogError("it is not being written".into());
            let order = Order::Erase(flow.key(), tell);
            self.queue.send(order).await.map_err(|_| gone())?;
            told.await.map_err(|_| gone())?
        };
        timeout(SETTLE_WITHIN, erase)
            .await
            .unwrap_or_else(|_| Err(LogError("it takes too long".into())))
    }

    /// Removes messages whose time is up, and those of sign-ins that nobody finishes beyond 100,000. Says how many.
    ///
    /// # Errors
    ///
    /// [`LogError`]; the rest is left for the next time.
    pub async fn sweep(&self) -> Result<u64, LogError> {
        const BATCH: i64 = 1000;
        let mut removed = 0;
        loop {
            let now = self.inner.clock.now().as_millisecond();
            let expired = self.inner.rows.delete_expired(now, BATCH).await?;
            let soon = now.saturating_add(SOON_MILLIS);
            let surplus = self
                .inner
                .rows
                .delete_surplus(soon, MAX_SOON, BATCH)
                .await?;
            removed += expired + surplus;
            if expired.max(surplus) < BATCH.unsigned_abs() {
                return Ok(removed);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Writes what is waiting and ends the connections to the database.
    pub async fn close(&self) {
        self.settled(None).await;
        self.inner.rows.close().await;
    }
}

/// Takes down the messages of one flow. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Recorder {
    log: FlowLog,
    flow: FlowId,
    keep_until: Timestamp,
}

impl Recorder {
    /// Records `message`, without waiting for it to be written.
    pub fn record(&self, message: &Message) {
        let Some(message) = Encoded::of(message) else {
            return;
        };
        let order = Order::Add(self.flow.key(), self.keep_until, message);
        if self.log.queue.try_send(order).is_err() {
            tracing::debug!("a message of the flow was left out: too many wait to be written");
        }
    }

    /// Waits until what was recorded of this flow is there for whoever looks, on any instance, but not for long.
    pub async fn settled(&self) {
        // Who reads here waits for it anyway.
        if self.log.inner.rows.are_shared() {
            self.log.settled(Some(self.flow.key())).await;
        }
    }
}

impl Witness for Recorder {
    fn saw(&self, call: &Call<'_>) {
        let now = self.log.inner.clock.now();
        self.record(&Message::of_call(call, now));
    }
}

/// Carries out what is ordered, taking together what waits.
async fn write(inner: Arc<Inner>, mut orders: mpsc::Receiver<Order>) {
    let mut batch = Vec::new();
    let mut pending = Pending::default();
    let mut kept = Kept::default();
    loop {
        let receive = orders.recv_many(&mut batch, BATCH);
        let received = match pending.due_at() {
            None => Ok(receive.await),
            Some(due_at) => timeout_at(due_at, receive).await,
        };
        let is_over = received == Ok(0);
        let mut keep = Vec::new();
        let mut settled = Vec::new();
        for order in batch.drain(..) {
            match order {
                Order::Add(key, until, message) => {
                    pending.add(key, until, message);
                    if is_signed_in(until, inner.clock.now()) {
                        keep.extend(kept.extend(key, until, inner.clock.now()));
                    }
                }
                Order::Keep(key, until) => {
                    keep.extend(kept.extend(key, until, inner.clock.now()));
                }
                Order::Settle(key, tell) => {
                    pending.want(key);
                    settled.push(tell);
                }
                Order::Erase(key, tell) => {
                    kept.forget(&key);
                    pending.forget(&key);
                    let _ = tell.send(inner.rows.erase(&key).await.map_err(LogError::from));
                }
            }
        }
        if is_over {
            pending.want(None);
        }
        inner.keep(&keep, &mut kept).await;
        inner.append(&mut pending, &kept).await;
        for tell in settled {
            let _ = tell.send(());
        }
        if is_over {
            return;
        }
    }
}

/// Whether what is kept until `until` belongs to a session that somebody is signed in with. Others end by themselves soon.
fn is_signed_in(until: Timestamp, now: Timestamp) -> bool {
    until.as_millisecond() > now.as_millisecond().saturating_add(SOON_MILLIS)
}

impl Inner {
    fn row(
        &self,
        key: FlowKey,
        until: Timestamp,
        messages: &Encoded,
    ) -> Result<FlowRow, SealError> {
        let id = rand::rng().random();
        Ok(FlowRow {
            key,
            at: messages.at,
            id,
            sealed: self.sealer.seal(&key.0, id, &messages.content)?,
            expires_at: until.as_millisecond(),
        })
    }

    /// Writes those of `pending` that are due, to be kept as long as the rest of their flow.
    async fn append(&self, pending: &mut Pending, kept: &Kept) {
        let rows = pending.due().into_iter().filter_map(|(key, waiting)| {
            let until = kept.told(&key).max(Some(waiting.until))?;
            let row = self.row(key, until, &waiting.messages);
            row.inspect_err(|error| tracing::warn!(%error, "messages of the flow are left out"))
                .ok()
        });
        let rows: Vec<FlowRow> = rows.collect();
        if !rows.is_empty() {
            let limit = i64::try_from(KEPT_MESSAGES).unwrap_or(i64::MAX);
            self.warn(self.rows.append(&rows, limit).await);
        }
    }

    /// Keeps what is written of some flows as long as their sessions last.
    async fn keep(&self, flows: &[(FlowKey, Timestamp)], kept: &mut Kept) {
        if flows.is_empty() {
            return;
        }
        let told = flows
            .iter()
            .map(|(key, until)| (*key, until.as_millisecond()));
        let told = self.rows.keep(&told.collect::<Vec<_>>()).await;
        if told.is_err() {
            for (key, _) in flows {
                kept.forget(key);
            }
        }
        self.warn(told);
    }

    /// One warning while it lasts: the sign-ins go on, and say themselves when the database is down.
    fn warn(&self, result: Result<(), DatabaseError>) {
        match result {
            Ok(()) => self.has_warned.store(false, Ordering::Relaxed),
            Err(error) => {
                if !self.has_warned.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "messages of the flow can't be written and are left out");
                }
            }
        }
    }
}
