//! The log: messages in, in batches behind the answer; the newest of one flow out.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::encoded::decode;
use super::id::FlowId;
use super::message::Message;
use super::repeats::Repeats;
use super::retention::{KEPT_MESSAGES, Retention};
use super::rows::{FlowKey, FlowRows};
use super::writing::{Inner, LogError, Order, write};
use crate::clock::Clock;
use crate::seal::Sealer;

/// How many messages may wait to be written. Beyond that they are left out: the log must not fill the memory.
const QUEUE: usize = 4096;

/// How long an answer waits for its messages to be written.
const SETTLE_WITHIN: Duration = Duration::from_secs(1);

/// The messages of everybody's flows. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FlowLog {
    inner: Arc<Inner>,
    repeats: Arc<Repeats>,
    queue: mpsc::Sender<Order>,
}

impl FlowLog {
    /// A log in `rows`, sealed by `sealer`, that keeps what is kept by default. Starts the task that writes it, which ends
    /// with the last clone.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn new(rows: Arc<dyn FlowRows>, sealer: Sealer, clock: Clock) -> Self {
        Self::keeping(Retention::default(), rows, sealer, clock)
    }

    /// The same, keeping what `retention` says. With nothing recorded, what was recorded before is shown to nobody, and goes
    /// when its session ends or its time is up.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn keeping(
        retention: Retention,
        rows: Arc<dyn FlowRows>,
        sealer: Sealer,
        clock: Clock,
    ) -> Self {
        let inner = Arc::new(Inner {
            rows,
            sealer,
            clock,
            retention,
            has_warned: AtomicBool::new(false),
        });
        let (queue, orders) = mpsc::channel(QUEUE);
        tokio::spawn(write(Arc::clone(&inner), orders));
        Self {
            inner,
            repeats: Arc::default(),
            queue,
        }
    }

    /// Whether anything is recorded (`flow.record`).
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.inner.retention.record
    }

    /// Waits until what was recorded so far is written, of one flow or of all, but not for long.
    pub(super) async fn settled(&self, key: Option<FlowKey>) {
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
        if !self.is_recording() {
            return Ok(Vec::new());
        }
        let key = flow.key();
        self.settled(Some(key)).await;
        let now = self.inner.clock.now().as_millisecond();
        let limit = i64::try_from(KEPT_MESSAGES).unwrap_or(i64::MAX);
        let rows = self.inner.rows.newest(&key, now, limit).await?;
        let mut messages: Vec<Message> = Vec::new();
        for row in rows {
            // Of this row and those after it, none was later than it says.
            let oldest = messages.len().checked_sub(KEPT_MESSAGES);
            if oldest.is_some_and(|oldest| messages[oldest].at.as_microsecond() > row.at) {
                break;
            }
            // One that does not open was sealed with a key that is no longer ours, or encoded by another version.
            let content = self.inner.sealer.open(&key.0, row.id, &row.sealed).ok();
            messages.extend(
                content
                    .and_then(|content| decode(&content))
                    .into_iter()
                    .flatten(),
            );
            messages.sort_by_key(|message| message.at);
        }
        messages.drain(..messages.len().saturating_sub(KEPT_MESSAGES));
        Ok(messages)
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
            let gone = || LogError::new("it is not being written");
            let order = Order::Erase(flow.key(), tell);
            self.queue.send(order).await.map_err(|_| gone())?;
            told.await.map_err(|_| gone())?
        };
        timeout(SETTLE_WITHIN, erase)
            .await
            .unwrap_or_else(|_| Err(LogError::new("it takes too long")))
    }

    /// Writes what is waiting and ends the connections to the database.
    pub async fn close(&self) {
        self.settled(None).await;
        self.inner.rows.close().await;
    }

    /// Has `order` carried out, unless too many wait. Says whether it will be.
    pub(super) fn order(&self, order: Order) -> bool {
        self.queue.try_send(order).is_ok()
    }

    pub(super) fn repeats(&self) -> &Repeats {
        &self.repeats
    }

    pub(super) fn rows(&self) -> &Arc<dyn FlowRows> {
        &self.inner.rows
    }

    pub(super) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    pub(super) fn retention(&self) -> Retention {
        self.inner.retention
    }
}
