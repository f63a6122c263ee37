//! Connections to PostgreSQL, each with a task that uses it.
//!
//! A pool asks the database before it hands out a connection and again when it takes it back: three round trips for one. Here
//! a connection stays with its task, and what waits meanwhile is taken along: all rows that are asked for are one question.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{Connection as _, PgConnection, Row as _};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{CONNECT_WITHIN, Change, Counts, Row, RowKey, RowsError, in_time};

/// How many connections read, and how many write. Each writer waits for its own commit, so there are more of them.
const READERS: usize = 2;
const WRITERS: usize = 8;

/// How many rows are asked for at once.
const BATCH: usize = 64;

/// How many wait in a queue before those who bring more must wait outside.
const QUEUE: usize = 1024;

/// A connection that was idle for so long is asked whether it is alive before it is used.
const DOUBT_AFTER: Duration = Duration::from_secs(1);

/// A connection that was idle for so long is closed.
const IDLE: Duration = Duration::from_mins(10);

/// What is not asked together with others.
enum Work {
    Change(Change, Answer<u64>),
    /// Count the rows that expire after this time.
    Count(i64, Answer<Counts>),
}

type Answer<T> = oneshot::Sender<Result<T, RowsError>>;

#[derive(Debug)]
pub(super) struct Lines {
    questions: mpsc::Sender<(RowKey, Answer<Option<Row>>)>,
    work: mpsc::Sender<Work>,
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl Lines {
    /// Starts the tasks. They connect when there is something to do, and end with [`Lines::close`] or when this is dropped.
    pub(super) fn new(options: &PgConnectOptions) -> Self {
        let (tasks, closing) = (TaskTracker::new(), CancellationToken::new());
        let (questions, asked) = mpsc::channel(QUEUE);
        let (work, wanted) = mpsc::channel(QUEUE);
        let (asked, wanted) = (Arc::new(Mutex::new(asked)), Arc::new(Mutex::new(wanted)));
        let failures = Arc::new(AtomicU64::new(0));
        for _ in 0..READERS {
            let (mut line, asked, closing) = (
                Line::new(options, &failures),
                asked.clone(),
                closing.clone(),
            );
            tasks.spawn(async move {
                let work = read(&mut line, &asked);
                closing.run_until_cancelled(work).await;
                line.hang_up().await;
            });
        }
        for _ in 0..WRITERS {
            let (mut line, wanted, closing) = (
                Line::new(options, &failures),
                wanted.clone(),
                closing.clone(),
            );
            tasks.spawn(async move {
                let work = Box::pin(write(&mut line, &wanted));
                closing.run_until_cancelled(work).await;
                line.hang_up().await;
            });
        }
        tasks.close();
        Self {
            questions,
            work,
            tasks,
            closing,
        }
    }

    pub(super) async fn find(&self, key: RowKey) -> Result<Option<Row>, RowsError> {
        let (answer, answered) = oneshot::channel();
        in_time(async {
            let asked = self.questions.send((key, answer)).await;
            asked.map_err(|_| closed())?;
            answered.await.unwrap_or_else(|_| Err(closed()))
        })
        .await
    }

    /// Says how many rows were changed.
    pub(super) async fn write(&self, change: Change) -> Result<u64, RowsError> {
        let (answer, answered) = oneshot::channel();
        self.want(Work::Change(change, answer), answered).await
    }

    /// Counts the rows that expire after `now`.
    pub(super) async fn count(&self, now: i64) -> Result<Counts, RowsError> {
        let (answer, answered) = oneshot::channel();
        self.want(Work::Count(now, answer), answered).await
    }

    async fn want<T>(
        &self,
        work: Work,
        answered: oneshot::Receiver<Result<T, RowsError>>,
    ) -> Result<T, RowsError> {
        in_time(async {
            let wanted = self.work.send(work).await;
            wanted.map_err(|_| closed())?;
            answered.await.unwrap_or_else(|_| Err(closed()))
        })
        .await
    }

    pub(super) async fn close(&self) {
        self.closing.cancel();
        self.tasks.wait().await;
    }
}

fn closed() -> RowsError {
    RowsError("it is closed".into())
}

type Queue<T> = Arc<Mutex<mpsc::Receiver<T>>>;

/// Takes at least one and at most `most` out of `queue`. `false` when nothing will ever come.
async fn take<T>(line: &mut Line, queue: &Queue<T>, taken: &mut Vec<T>, most: usize) -> bool {
    let next = async { queue.lock().await.recv_many(taken, most).await };
    if let Ok(count) = timeout(IDLE, next).await {
        return count > 0;
    }
    line.hang_up().await;
    queue.lock().await.recv_many(taken, most).await > 0
}

/// Answers what is asked.
async fn read(line: &mut Line, queue: &Queue<(RowKey, Answer<Option<Row>>)>) {
    let mut questions = Vec::with_capacity(BATCH);
    while take(line, queue, &mut questions, BATCH).await {
        questions.retain(|(_, answer)| !answer.is_closed());
        if questions.is_empty() {
            continue;
        }
        let keys: Vec<RowKey> = questions.iter().map(|(key, _)| *key).collect();
        let was_connected = line.connection.is_some();
        let mut found = line.find(&keys).await;
        if found.is_err() && was_connected && questions.iter().any(|(_, a)| !a.is_closed()) {
            // Between two questions the database was restarted, or the network forgot the connection. A new one may do.
            found = line.find(&keys).await;
        }
        for (key, answer) in questions.drain(..) {
            let _ = answer.send(match &found {
                Ok(rows) => Ok(rows.get(&key).cloned()),
                Err(error) => Err(error.clone()),
            });
        }
    }
}

/// Does the work that is wanted, one by one. What nobody waits for any more is not done: while the database hangs, that keeps
/// the queue short.
async fn write(line: &mut Line, queue: &Queue<Work>) {
    let mut wanted = Vec::with_capacity(1);
    while take(line, queue, &mut wanted, 1).await {
        for work in wanted.drain(..) {
            match work {
                Work::Change(change, answer) if !answer.is_closed() => {
                    let _ = answer.send(line.change(change).await);
                }
                Work::Count(now, answer) if !answer.is_closed() => {
                    let _ = answer.send(line.count(now).await);
                }
                Work::Change(..) | Work::Count(..) => {}
            }
        }
    }
}

/// One connection, made when it is needed, and given up with its first failure.
struct Line {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
    used: Instant,
    /// How many failures all lines have seen. One that fails is a reason to doubt the others: after a restart of the
    /// database none is alive.
    failures: Arc<AtomicU64>,
    /// How many there were when this connection was last known to be alive.
    known: u64,
}

impl Line {
    fn new(options: &PgConnectOptions, failures: &Arc<AtomicU64>) -> Self {
        Self {
            options: options.clone(),
            connection: None,
            used: Instant::now(),
            failures: Arc::clone(failures),
            known: 0,
        }
    }

    async fn find(&mut self, keys: &[RowKey]) -> Result<HashMap<RowKey, Row>, RowsError> {
        let found = in_time(async {
            let connection = self.connected().await?;
            let keys: Vec<&[u8]> = keys.iter().map(|key| &key.0[..]).collect();
            let rows = sqlx::query(
                "SELECT key, version, sealed, expires_at, transient FROM sessions WHERE key = ANY($1)",
            )
            .bind(keys)
            .fetch_all(connection)
            .await?;
            rows.iter().map(read_row).collect()
        });
        let found = found.await;
        self.settle(found)
    }

    async fn change(&mut self, change: Change) -> Result<u64, RowsError> {
        let changed = in_time(async {
            let connection = self.connected().await?;
            Ok(change.execute(connection).await?.rows_affected())
        });
        let changed = changed.await;
        self.settle(changed)
    }

    async fn count(&mut self, now: i64) -> Result<Counts, RowsError> {
        let counted = in_time(async {
            let connection = self.connected().await?;
            let row = sqlx::query(
                "SELECT count(*) FILTER (WHERE NOT transient), count(*) FILTER (WHERE transient)
                 FROM sessions WHERE expires_at > $1",
            )
            .bind(now)
            .fetch_one(connection)
            .await?;
            Ok(Counts {
                signed_in: row.try_get(0)?,
                transient: row.try_get(1)?,
            })
        });
        let counted = counted.await;
        self.settle(counted)
    }

    fn settle<T>(&mut self, outcome: Result<T, RowsError>) -> Result<T, RowsError> {
        if outcome.is_err() {
            self.connection = None;
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        self.used = Instant::now();
        outcome
    }

    async fn connected(&mut self) -> Result<&mut PgConnection, RowsError> {
        let failures = self.failures.load(Ordering::Relaxed);
        let connection = match self.alive(failures).await {
            Some(connection) => connection,
            None => timeout(CONNECT_WITHIN, PgConnection::connect_with(&self.options))
                .await
                .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))?,
        };
        self.known = failures;
        Ok(self.connection.insert(connection))
    }

    async fn alive(&mut self, failures: u64) -> Option<PgConnection> {
        let mut connection = self.connection.take()?;
        if self.used.elapsed() > DOUBT_AFTER || self.known != failures {
            timeout(CONNECT_WITHIN, connection.ping())
                .await
                .ok()?
                .ok()?;
        }
        Some(connection)
    }

    async fn hang_up(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = timeout(CONNECT_WITHIN, connection.close()).await;
        }
    }
}

fn read_row(row: &PgRow) -> Result<(RowKey, Row), RowsError> {
    let key: &[u8] = row.try_get(0)?;
    let key = key
        .try_into()
        .map_err(|_| RowsError("a key is not 32 bytes long".into()))?;
    let key = RowKey(key);
    let row = Row {
        key,
        version: row.try_get(1)?,
        sealed: row.try_get(2)?,
        expires_at: row.try_get(3)?,
        transient: row.try_get(4)?,
    };
    Ok((key, row))
}
