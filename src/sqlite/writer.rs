//! The one thread that writes. SQLite takes one writer at a time, and what a commit costs is the wait for the disk: so all
//! changes that came in during one commit share the next.

use std::thread;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::database::DatabaseError;

/// How many changes wait in the queue before those who bring more must wait outside.
const QUEUE: usize = 1024;

/// How many changes one commit takes at most, so that no lock is held for long.
const BATCH: usize = 256;

pub(super) type Change = Box<dyn FnOnce(&Connection) -> rusqlite::Result<usize> + Send>;
type Answer = oneshot::Sender<Result<usize, DatabaseError>>;

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
    pub(super) fn start(connection: Connection) -> Result<Self, DatabaseError> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || work(connection, queue))
            .map_err(|error| DatabaseError(error.to_string().into()))?;
        Ok(Self { jobs })
    }

    /// Returns when `change` is committed, or is not and won't be. When the future is dropped, either may come.
    pub(super) async fn write(&self, change: Change) -> Result<usize, DatabaseError> {
        let (answer, answered) = oneshot::channel();
        let sent = self.jobs.send(Job::Write(change, answer)).await;
        sent.map_err(|_| DatabaseError::closed())?;
        answered
            .await
            .unwrap_or_else(|_| Err(DatabaseError::closed()))
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
                let _ = answer.send(outcome.map_err(DatabaseError::from));
            }
        }
        Err(error) => {
            let error = DatabaseError::from(error);
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::{Arc, mpsc};

    use tempfile::TempDir;

    use super::*;
    use crate::sqlite::{Database, Durability};

    const TABLE: &[&str] = &["CREATE TABLE numbers (n INTEGER PRIMARY KEY) STRICT"];

    async fn database(folder: &TempDir) -> Arc<Database> {
        let file = folder.path().join("test.db");
        let opened = Database::open(&file, Durability::PowerFailure, TABLE).await;
        Arc::new(opened.unwrap())
    }

    fn insert(number: u32) -> impl FnOnce(&Connection) -> rusqlite::Result<usize> + Send {
        move |file| file.execute("INSERT INTO numbers VALUES (?1)", [number])
    }

    fn count(file: &Path) -> u32 {
        let file = Connection::open(file).unwrap();
        let count = file.query_row("SELECT count(*) FROM numbers", [], |row| row.get(0));
        count.unwrap()
    }

    /// Keeps the writer busy until the answer is sent or dropped, so that what is written meanwhile waits together.
    async fn occupy(database: &Arc<Database>) -> mpsc::Sender<()> {
        let (go_on, wait) = mpsc::channel::<()>();
        let (begun, has_begun) = oneshot::channel();
        let database = Arc::clone(database);
        tokio::spawn(async move {
            let busy = database.write(move |_| {
                let _ = begun.send(());
                let _ = wait.recv();
                Ok(0)
            });
            busy.await.unwrap();
        });
        has_begun.await.unwrap();
        go_on
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_waits_is_committed_at_once_and_each_hears_of_its_own() {
        let folder = TempDir::new().unwrap();
        let database = database(&folder).await;
        let file = folder.path().join("test.db");
        let go_on = occupy(&database).await;
        let mut writes = Vec::new();
        for number in 0..50 {
            // Every number comes twice: the second time it is taken.
            let database = Arc::clone(&database);
            let write = async move { database.write(insert(number / 2)).await };
            writes.push(tokio::spawn(write));
        }
        let seen = {
            let database = Arc::clone(&database);
            tokio::spawn(async move { database.write(move |_| Ok(count(&file) as usize)).await })
        };
        while database.writer.jobs.capacity() > QUEUE - 51 {
            tokio::task::yield_now().await;
        }
        drop(go_on);
        let mut succeeded = 0;
        for write in writes {
            match write.await.unwrap() {
                Ok(changed) => succeeded += changed,
                Err(error) => assert!(error.0.contains("UNIQUE"), "{error}"),
            }
        }
        assert_eq!(succeeded, 25);
        let seen = seen.await.unwrap().unwrap();
        assert_eq!(seen, 0, "nothing is committed before the last of them");
        assert_eq!(count(&folder.path().join("test.db")), 25);
    }

    #[tokio::test]
    async fn a_change_that_fails_half_way_leaves_nothing() {
        let folder = TempDir::new().unwrap();
        let database = database(&folder).await;
        let failed = database.write(|file| {
            insert(1)(file)?;
            insert(1)(file)
        });
        assert!(failed.await.is_err());
        assert_eq!(database.write(insert(2)).await.unwrap(), 1);
        assert_eq!(count(&folder.path().join("test.db")), 1);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_not_begun() {
        let folder = TempDir::new().unwrap();
        let database = database(&folder).await;
        let go_on = occupy(&database).await;
        let impatient = tokio::spawn({
            let database = Arc::clone(&database);
            async move { database.write(insert(1)).await }
        });
        while database.writer.jobs.capacity() == QUEUE {
            tokio::task::yield_now().await;
        }
        impatient.abort();
        assert!(impatient.await.unwrap_err().is_cancelled());
        drop(go_on);
        database.write(insert(2)).await.unwrap();
        assert_eq!(count(&folder.path().join("test.db")), 1);
    }

    #[tokio::test]
    async fn closing_finishes_and_then_refuses() {
        let folder = TempDir::new().unwrap();
        let database = database(&folder).await;
        let written = tokio::spawn({
            let database = Arc::clone(&database);
            async move { database.write(insert(1)).await }
        });
        tokio::task::yield_now().await;
        database.close().await;
        assert_eq!(written.await.unwrap().unwrap(), 1);
        assert!(database.write(insert(2)).await.is_err());
        assert!(database.read(|_| Ok(())).await.is_err());
        database.close().await;
        assert!(
            !folder.path().join("test.db-wal").exists(),
            "the last connection is closed"
        );
        assert_eq!(count(&folder.path().join("test.db")), 1);
    }
}
