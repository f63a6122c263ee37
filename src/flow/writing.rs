//! The task that writes the log: it takes together what waits, and nobody waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use rand::RngExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout_at;

use super::encoded::{Encoded, EncodedRow};
use super::kept::Kept;
use super::pending::{Due, Pending};
use super::retention::{Retention, Room, is_signed_in};
use super::rows::{Batch, FlowKey, FlowRow, FlowRows};
use crate::clock::Clock;
use crate::database::DatabaseError;
use crate::seal::{SealError, Sealer};

/// How many orders are taken at once.
const BATCH: usize = 256;

/// The log can't be read or written.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the log of messages does not answer: {0}")]
pub struct LogError(Arc<str>);

impl From<DatabaseError> for LogError {
    fn from(error: DatabaseError) -> Self {
        Self(Arc::clone(error.text()))
    }
}

impl LogError {
    pub(super) fn new(why: &str) -> Self {
        Self(why.into())
    }
}

/// What the task is to do.
#[derive(Debug)]
pub(super) enum Order {
    Add {
        key: FlowKey,
        /// What is kept as long.
        along: Option<FlowKey>,
        until: Timestamp,
        message: Encoded,
    },
    Erase(FlowKey, oneshot::Sender<Result<(), LogError>>),
    /// Says when everything before it is written: of one flow, or of all.
    Settle(Option<FlowKey>, oneshot::Sender<()>),
}

/// What the task writes with, and whoever reads reads with.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) rows: Arc<dyn FlowRows>,
    pub(super) sealer: Sealer,
    pub(super) clock: Clock,
    pub(super) retention: Retention,
    /// Whether it was said already that messages could not be written.
    pub(super) has_warned: AtomicBool,
}

/// Carries out what is ordered, taking together what waits.
pub(super) async fn write(inner: Arc<Inner>, mut orders: mpsc::Receiver<Order>) {
    let mut batch = Vec::new();
    let mut pending = Pending::new(inner.retention.may_wait());
    let mut kept = Kept::default();
    let mut room = Room::default();
    loop {
        let receive = orders.recv_many(&mut batch, BATCH);
        let received = match pending.due_at() {
            None => Ok(receive.await),
            Some(due_at) => timeout_at(due_at, receive).await,
        };
        let is_over = received == Ok(0);
        let mut settled = Vec::new();
        for order in batch.drain(..) {
            match order {
                Order::Add {
                    key,
                    along,
                    until,
                    message,
                } => {
                    pending.add(key, until, message);
                    let now = inner.clock.now();
                    let moved = [Some(key), along].into_iter().flatten();
                    for key in moved.filter(|_| is_signed_in(until, now)) {
                        if let Some((key, until)) = kept.extend(key, until, now) {
                            pending.keep(key, until);
                        }
                    }
                }
                Order::Settle(key, tell) => {
                    pending.want(key);
                    settled.push(tell);
                }
                Order::Erase(key, tell) => {
                    kept.forget(&key);
                    pending.forget(&key);
                    room.forget(&key);
                    let _ = tell.send(inner.rows.erase(&key).await.map_err(LogError::from));
                }
            }
        }
        if is_over {
            pending.want(None);
        }
        inner.write(pending.due(), &mut kept, &mut room).await;
        for tell in settled {
            let _ = tell.send(());
        }
        if is_over {
            return;
        }
    }
}

impl Inner {
    fn row(
        &self,
        key: FlowKey,
        until: Timestamp,
        messages: &EncodedRow,
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

    /// Writes what is `due`, to be kept as long as the rest of its flow, and makes room when it is time.
    async fn write(&self, due: Due, kept: &mut Kept, room: &mut Room) {
        let rows = due.messages.into_iter().filter_map(|(key, waiting)| {
            let until = kept.told(&key).max(Some(waiting.until))?;
            let row = self.row(key, until, &waiting.messages);
            row.inspect_err(|error| tracing::warn!(%error, "messages of the flow are left out"))
                .ok()
        });
        let rows: Vec<FlowRow> = rows.collect();
        let told = due.keep.iter();
        let told = told.map(|(key, until)| (*key, until.as_millisecond()));
        let batch = Batch {
            keep: told.collect(),
            trims: room.trims(&rows, self.clock.now()),
            rows,
        };
        if batch.keep.is_empty() && batch.rows.is_empty() {
            return;
        }
        let written = self.rows.write(batch).await;
        if written.is_err() {
            for (key, _) in &due.keep {
                kept.forget(key);
            }
        }
        self.warn(written);
        if room.is_due(self.retention) {
            let made = self.rows.make_room(self.retention.make_room_to()).await;
            self.warn(made.map(drop));
        }
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
