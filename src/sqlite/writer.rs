//! The one thread that writes. SQLite takes one writer at a time, and what a commit costs is the wait for the disk: so all
//! changes that came in during one commit share the next.

use std::thread;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::SqliteError;

/// How many changes wait in the queue before those who bring more must wait outside.
const QUEUE: usize = 1024;

/// How many changes one commit takes at most, so that no lock is held for long.
const BATCH: usize = 256;

pub(super) type Change = Box<dyn FnOnce(&Connection) -> rusqlite::Result<usize> + Send>;
type Answer = oneshot::Sender<Result<usize, SqliteError>>;

enum Job {
    Write(Change, Answer),
    Close(oneshot::Sender<()>),
}

#[derive(Debug)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    /// Starts the thread. It ends, and closes `connection`, when the writer is closed or dropped.
    pub(super) fn start(connection: Connection) -> Result<Self, SqliteError> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || work(connection, queue))
            .map_err(|error| SqliteError(error.to_string().into()))?;
        Ok(Self { jobs })
    }

    /// Returns when `change` is committed, or is not and won't be. When the future is dropped, either may come.
    pub(super) async fn write(&self, change: Change) -> Result<usize, SqliteError> {
        let (answer, answered) = oneshot::channel();
        let sent = self.jobs.send(Job::Write(change, answer)).await;
        sent.map_err(|_| SqliteError::closed())?;
        answered
            .await
            .unwrap_or_else(|_| Err(SqliteError::closed()))
    }

    pub(super) async fn close(&self) {
        let (closed, done) = oneshot::channel();
        if self.jobs.send(Job::Close(closed)).await.is_ok() {
            // Fails when it was closed already.
            let _ = done.await;
        }
    }
}

fn work(connection: Connection, mut queue: mpsc::Receiver<Job>) {
    let mut batch = Vec::new();
    while let Some(first) = queue.blocking_recv() {
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                // Nobody waits for this one any more. On a disk that hangs, that keeps the queue short.
                Job::Write(_, answer) if answer.is_closed() => {}
                Job::Write(change, answer) => batch.push((change, answer)),
                Job::Close(closed) => {
                    commit(&connection, &mut batch);
                    drop(connection);
                    let _ = closed.send(());
                    return;
                }
            }
            next = (batch.len() < BATCH)
                .then(|| queue.try_recv().ok())
                .flatten();
        }
        commit(&connection, &mut batch);
    }
}

/// Makes the changes of `batch` in one transaction, and then tells those who wait.
fn commit(connection: &Connection, batch: &mut Vec<(Change, Answer)>) {
    if batch.is_empty() {
        return;
    }
    let (changes, answers): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
    match transact(connection, changes) {
        Ok(outcomes) => {
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                let _ = answer.send(outcome.map_err(SqliteError::from));
            }
        }
        Err(error) => {
            let error = SqliteError::from(error);
            for answer in answers {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}

/// The outcome of each change, once those that succeeded are committed.
fn transact(
    connection: &Connection,
    changes: Vec<Change>,
) -> rusqlite::Result<Vec<rusqlite::Result<usize>>> {
    run(connection, "BEGIN IMMEDIATE")?;
    let outcomes = changes
        .into_iter()
        .map(|change| apart(connection, change))
        .collect::<rusqlite::Result<Vec<_>>>()
        .and_then(|outcomes| run(connection, "COMMIT").map(|()| outcomes));
    if outcomes.is_err() && !connection.is_autocommit() {
        // When that fails, too, the next transaction can't begin, and says so.
        let _ = run(connection, "ROLLBACK");
    }
    outcomes
}

/// Makes one change, whole or not at all, whatever becomes of the others. Fails when the whole transaction is lost.
fn apart(connection: &Connection, change: Change) -> rusqlite::Result<rusqlite::Result<usize>> {
    run(connection, "SAVEPOINT change")?;
    let outcome = change(connection);
    if let Err(error) = outcome {
        if connection.is_autocommit() {
            // SQLite has undone everything, as it does on a full disk.
            return Err(error);
        }
        run(connection, "ROLLBACK TO change")?;
        run(connection, "RELEASE change")?;
        return Ok(Err(error));
    }
    run(connection, "RELEASE change")?;
    Ok(outcome)
}

fn run(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([])?;
    Ok(())
}
