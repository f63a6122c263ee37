//! The workers: tasks with a connection to PostgreSQL each. A worker that reads takes all questions that wait, and asks them as
//! one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Row as _;
use sqlx::postgres::PgRow;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Counts, Kind, Query, Row, RowKey};
use crate::database::{DatabaseError, in_time};
use crate::postgres::{Connection, Servers, Statement, Wait};

/// How many connections read, of the more that there may be. Each writer waits for its own commit, so there are more of them.
const READERS: usize = 2;

/// How many rows are asked for at once.
const BATCH: usize = 64;

/// How many wait in a queue before those who bring more must wait outside.
const QUEUE: usize = 1024;

/// A connection that was idle for so long is closed.
const IDLE: Duration = Duration::from_mins(10);

/// What a statement of several changes fails with when one of them can't be made: it divides by zero.
const DIVISION_BY_ZERO: &str = "22012";
/// Two statements waited for each other's rows, and this one gave way.
const DEADLOCK: &str = "40P01";
const REFUSALS: [&str; 2] = [DIVISION_BY_ZERO, DEADLOCK];

/// What is not asked together with others.
enum Work {
    Change(Query, Answer<u64>),
    /// List rows.
    List(Query, Answer<Vec<Row>>),
    /// Count the rows that expire after this time.
    Count(i64, Answer<Counts>),
}

type Answer<T> = oneshot::Sender<Result<T, DatabaseError>>;

/// A row that is asked for, and the answer.
struct Question {
    key: RowKey,
    /// With a row of this key there, the one that is asked for does not count.
    unless: Option<RowKey>,
    answer: Answer<Option<Row>>,
}

#[derive(Debug)]
pub(super) struct Workers {
    questions: mpsc::Sender<Question>,
    work: mpsc::Sender<Work>,
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl Workers {
    /// Starts the tasks, each with one of at most `connections`. They connect when there is something to do, and end with
    /// [`Workers::close`] or when this is dropped.
    pub(super) fn new(servers: &Arc<Servers>, wait: Wait, connections: usize) -> Self {
        let (tasks, closing) = (TaskTracker::new(), CancellationToken::new());
        let (questions, asked) = mpsc::channel(QUEUE);
        let (work, wanted) = mpsc::channel(QUEUE);
        let (asked, wanted) = (Arc::new(Mutex::new(asked)), Arc::new(Mutex::new(wanted)));
        for does in division(connections) {
            let mut connection = Connection::new(servers, wait);
            let (asked, wanted, closing) = (asked.clone(), wanted.clone(), closing.clone());
            tasks.spawn(async move {
                let work = Box::pin(async {
                    match does {
                        Does::Read => read(&mut connection, &asked).await,
                        Does::Write => write(&mut connection, &wanted).await,
                        Does::Both => both(&mut connection, &asked, &wanted).await,
                    }
                });
                closing.run_until_cancelled(work).await;
                connection.close().await;
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

    pub(super) async fn find(
        &self,
        key: RowKey,
        unless: Option<RowKey>,
    ) -> Result<Option<Row>, DatabaseError> {
        let (answer, answered) = oneshot::channel();
        in_time(async {
            let question = Question {
                key,
                unless,
                answer,
            };
            let asked = self.questions.send(question).await;
            asked.map_err(|_| DatabaseError::closed())?;
            answered
                .await
                .unwrap_or_else(|_| Err(DatabaseError::closed()))
        })
        .await
    }

    /// Says how many rows were changed: none when `change` divides by zero, or gave way to another.
    pub(super) async fn write(&self, change: Query) -> Result<u64, DatabaseError> {
        let (answer, answered) = oneshot::channel();
        self.want(Work::Change(change, answer), answered).await
    }

    /// The rows that `question` gives, with all their columns.
    pub(super) async fn list(&self, question: Query) -> Result<Vec<Row>, DatabaseError> {
        let (answer, answered) = oneshot::channel();
        self.want(Work::List(question, answer), answered).await
    }

    /// Counts the rows that expire after `now`.
    pub(super) async fn count(&self, now: i64) -> Result<Counts, DatabaseError> {
        let (answer, answered) = oneshot::channel();
        self.want(Work::Count(now, answer), answered).await
    }

    async fn want<T>(
        &self,
        work: Work,
        answered: oneshot::Receiver<Result<T, DatabaseError>>,
    ) -> Result<T, DatabaseError> {
        in_time(async {
            let wanted = self.work.send(work).await;
            wanted.map_err(|_| DatabaseError::closed())?;
            answered
                .await
                .unwrap_or_else(|_| Err(DatabaseError::closed()))
        })
        .await
    }

    pub(super) async fn close(&self) {
        self.closing.cancel();
        self.tasks.wait().await;
    }
}

type Queue<T> = Arc<Mutex<mpsc::Receiver<T>>>;

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Read,
    Write,
    /// For want of connections.
    Both,
}

/// What each of so many workers does.
fn division(connections: usize) -> Vec<Does> {
    let readers = match connections {
        0 | 1 => return vec![Does::Both],
        2..6 => 1,
        _ => READERS,
    };
    let mut workers = vec![Does::Read; readers];
    workers.resize(connections, Does::Write);
    workers
}

/// Takes at least one and at most `most` out of `queue`. `false` when nothing will ever come.
async fn take<T>(
    connection: &mut Connection,
    queue: &Queue<T>,
    taken: &mut Vec<T>,
    most: usize,
) -> bool {
    let next = async { queue.lock().await.recv_many(taken, most).await };
    if let Ok(count) = timeout(IDLE, next).await {
        return count > 0;
    }
    connection.close().await;
    queue.lock().await.recv_many(taken, most).await > 0
}

async fn read(connection: &mut Connection, queue: &Queue<Question>) {
    let mut questions = Vec::with_capacity(BATCH);
    while take(connection, queue, &mut questions, BATCH).await {
        answer(connection, &mut questions).await;
    }
}

async fn write(connection: &mut Connection, queue: &Queue<Work>) {
    let mut wanted = Vec::with_capacity(1);
    while take(connection, queue, &mut wanted, 1).await {
        for work in wanted.drain(..) {
            carry_out(connection, work).await;
        }
    }
}

/// Both, with the only connection.
async fn both(connection: &mut Connection, questions: &Queue<Question>, work: &Queue<Work>) {
    let (mut questions, mut work) = (questions.lock().await, work.lock().await);
    let mut asked = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            count = questions.recv_many(&mut asked, BATCH) => match count {
                0 => return,
                _ => answer(connection, &mut asked).await,
            },
            wanted = work.recv() => match wanted {
                None => return,
                Some(wanted) => carry_out(connection, wanted).await,
            },
            () = tokio::time::sleep(IDLE), if connection.is_connected() => connection.close().await,
        }
    }
}

/// Answers what is asked.
async fn answer(connection: &mut Connection, questions: &mut Vec<Question>) {
    questions.retain(|question| !question.answer.is_closed());
    if questions.is_empty() {
        return;
    }
    let keys = questions
        .iter()
        .flat_map(|question| [Some(question.key), question.unless]);
    let keys: Vec<RowKey> = keys.flatten().collect();
    let was_connected = connection.is_connected();
    let mut found = find(connection, &keys).await;
    if found.is_err() && was_connected && questions.iter().any(|q| !q.answer.is_closed()) {
        // Between two questions the database was restarted, or the network forgot the connection. A new one may do.
        found = find(connection, &keys).await;
    }
    for question in questions.drain(..) {
        let _ = question.answer.send(match &found {
            Ok(rows) if question.unless.is_some_and(|key| rows.contains_key(&key)) => Ok(None),
            Ok(rows) => Ok(rows.get(&question.key).cloned()),
            Err(error) => Err(error.clone()),
        });
    }
}

/// Does what is wanted. What nobody waits for any more is not done: while the database hangs, that keeps the queue short.
async fn carry_out(connection: &mut Connection, work: Work) {
    match work {
        Work::Change(change, answer) if !answer.is_closed() => {
            let _ = answer.send(connection.execute_unless(change, &REFUSALS).await);
        }
        Work::List(question, answer) if !answer.is_closed() => {
            let rows = connection.fetch_all(question).await;
            let _ = answer.send(rows.and_then(|rows| rows.iter().map(read_row).collect()));
        }
        Work::Count(now, answer) if !answer.is_closed() => {
            let _ = answer.send(count(connection, now).await);
        }
        Work::Change(..) | Work::List(..) | Work::Count(..) => {}
    }
}

/// The rows of `keys`, those that there are.
async fn find(
    connection: &mut Connection,
    keys: &[RowKey],
) -> Result<HashMap<RowKey, Row>, DatabaseError> {
    let keys: Vec<&[u8]> = keys.iter().map(|key| &key.0[..]).collect();
    let question = Statement::new(
        "SELECT key, version, sealed, expires_at, transient, ended, revoke_at FROM sessions WHERE key = ANY($1)",
    );
    let rows = connection.fetch_all(question.bind(keys)).await?;
    let rows = rows.iter().map(read_row);
    rows.map(|row| row.map(|row| (row.key, row))).collect()
}

async fn count(connection: &mut Connection, now: i64) -> Result<Counts, DatabaseError> {
    let question = Statement::new(
        "SELECT count(*) FILTER (WHERE NOT transient AND NOT ended), count(*) FILTER (WHERE transient),
         count(*) FILTER (WHERE revoke_at IS NOT NULL) FROM sessions WHERE expires_at > $1",
    );
    let rows = connection.fetch_all(question.bind(now)).await?;
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    Ok(Counts {
        signed_in: row.try_get(0)?,
        used_states: row.try_get(1)?,
        revocations: row.try_get(2)?,
    })
}

fn read_row(row: &PgRow) -> Result<Row, DatabaseError> {
    // As bytes of its own: in text, which a pooler may make necessary, they are not there to borrow.
    let key: Vec<u8> = row.try_get(0)?;
    let key = key
        .try_into()
        .map_err(|_| DatabaseError::new("a key is not 32 bytes long"))?;
    Ok(Row {
        key: RowKey(key),
        version: row.try_get(1)?,
        sealed: row.try_get(2)?,
        expires_at: row.try_get(3)?,
        kind: Kind::of_columns(row.try_get(4)?, row.try_get(5)?, row.try_get(6)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_has_its_worker() {
        assert_eq!(division(1), [Does::Both]);
        for connections in 2..100 {
            let workers = division(connections);
            assert_eq!(workers.len(), connections);
            assert!(workers.contains(&Does::Read) && workers.contains(&Does::Write));
            assert!(!workers.contains(&Does::Both));
        }
        assert_eq!(
            division(10)
                .iter()
                .filter(|does| **does == Does::Read)
                .count(),
            2
        );
    }
}
