//! The one thread that writes. SQLite takes one writer at a time, and what a commit costs is the wait for the disk: so all
//! changes that came in during one commit share the next. It waits for the disk if one of them needs it.

use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::change::{Change, Failed};
use super::reserve::Reserve;
use super::shrink::shrink;
use super::written::Written;
use crate::database::DatabaseError;

/// How many changes wait in the queue before those who bring more must wait outside.
const QUEUE: usize = 1024;

/// How many changes one commit takes at most, so that no lock is held for long.
const BATCH: usize = 256;

/// Why a change is not begun.
const NO_ROOM: &str = "the disk is full, and the room that is left is kept for ending sessions";

type Answer<T> = oneshot::Sender<Result<T, DatabaseError>>;
type Asked = (Change, Answer<usize>);

enum Job {
    Write(Change, Answer<usize>),
    Shrink(Answer<()>),
    Close(oneshot::Sender<()>),
}

#[derive(Debug)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    /// Starts the thread. It ends, and closes `file`, when the writer is closed or dropped.
    pub(super) fn start(file: Written, reserve: Reserve) -> Result<Self, DatabaseError> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || work(file, reserve, queue))
            .map_err(|error| DatabaseError::new(error.to_string()))?;
        Ok(Self { jobs })
    }

    /// Returns when `change` is committed, or is not and won't be. When the future is dropped, either may come.
    pub(super) async fn write(&self, change: Change) -> Result<usize, DatabaseError> {
        let (answer, answered) = oneshot::channel();
        self.ask(Job::Write(change, answer), answered).await
    }

    /// Returns when the file is as small as it gets.
    pub(super) async fn shrink(&self) -> Result<(), DatabaseError> {
        let (answer, answered) = oneshot::channel();
        self.ask(Job::Shrink(answer), answered).await
    }

    async fn ask<T>(
        &self,
        job: Job,
        answered: oneshot::Receiver<Result<T, DatabaseError>>,
    ) -> Result<T, DatabaseError> {
        let sent = self.jobs.send(job).await;
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

fn work(mut file: Written, mut reserve: Reserve, mut queue: mpsc::Receiver<Job>) {
    let mut batch = Vec::new();
    while let Some(first) = queue.blocking_recv() {
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                // Nobody waits for this one any more. On a disk that hangs, that keeps the queue short.
                Job::Write(_, answer) if answer.is_closed() => {}
                Job::Write(change, answer) => batch.push((change, answer)),
                Job::Shrink(answer) => {
                    commit(&mut file, &mut reserve, &mut batch);
                    let _ = answer.send(shrink(file.connection()).map_err(DatabaseError::from));
                }
                Job::Close(closed) => {
                    commit(&mut file, &mut reserve, &mut batch);
                    drop(file);
                    let _ = closed.send(());
                    return;
                }
            }
            next = (batch.len() < BATCH)
                .then(|| queue.try_recv().ok())
                .flatten();
        }
        commit(&mut file, &mut reserve, &mut batch);
    }
}

/// Makes the changes of `batch` in one transaction, and then tells those who wait.
///
/// On a full disk those that end something are made once more for each piece of the reserve. Until the reserve is whole
/// again, no others are made.
fn commit(file: &mut Written, reserve: &mut Reserve, batch: &mut Vec<Asked>) {
    if batch.is_empty() {
        return;
    }
    let has_room = reserve.is_whole();
    let mut asked = Vec::with_capacity(batch.len());
    for (change, answer) in batch.drain(..) {
        if has_room || change.is_ending() {
            asked.push((change, answer));
        } else {
            let _ = answer.send(Err(DatabaseError::new(NO_ROOM)));
        }
    }
    let mut is_first = true;
    while !asked.is_empty() {
        let outcomes = file.transact(asked.iter_mut().map(|(change, _)| change).collect());
        let mut again = Vec::new();
        let mut errors = Vec::new();
        for ((change, answer), outcome) in asked.into_iter().zip(outcomes) {
            match outcome {
                Err(Failed { error, is_full }) if is_full && change.is_ending() => {
                    again.push((change, answer));
                    errors.push(error);
                }
                outcome => {
                    let _ = answer.send(outcome.map_err(|failed| failed.error));
                }
            }
        }
        if !again.is_empty() && !reserve.give_up() {
            for ((_, answer), error) in again.drain(..).zip(errors) {
                let _ = answer.send(Err(error));
            }
        }
        if again.is_empty() && !is_first {
            // A log that is copied begins anew, and what comes next takes no room.
            let log = file.connection();
            let _ = log.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        }
        is_first = false;
        asked = again;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::{Arc, mpsc};

    use rusqlite::Connection;
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
                Err(error) => assert!(error.text().contains("UNIQUE"), "{error}"),
            }
        }
        assert_eq!(succeeded, 25);
        let seen = seen.await.unwrap().unwrap();
        assert_eq!(seen, 0, "nothing is committed before the last of them");
        assert_eq!(count(&folder.path().join("test.db")), 25);
    }

    /// What SQLite's `synchronous` is within a transaction: 2 waits for the disk at each commit, 1 does not.
    fn waits(file: &Connection) -> rusqlite::Result<usize> {
        let waits = file.pragma_query_value(None, "synchronous", |row| row.get::<_, u8>(0));
        waits.map(usize::from)
    }

    #[tokio::test]
    async fn a_commit_waits_for_the_disk_if_one_of_its_changes_needs_it() {
        let folder = TempDir::new().unwrap();
        let database = database(&folder).await;
        assert_eq!(database.write(waits).await.unwrap(), 2);
        assert_eq!(database.write_light(waits).await.unwrap(), 1);
        assert_eq!(database.write_light(waits).await.unwrap(), 1);
        assert_eq!(database.write_ending(waits).await.unwrap(), 2);
        let go_on = occupy(&database).await;
        let write = |is_light| {
            let database = Arc::clone(&database);
            tokio::spawn(async move {
                if is_light {
                    database.write_light(waits).await
                } else {
                    database.write(waits).await
                }
            })
        };
        let together = [write(true), write(false), write(true)];
        while database.writer.jobs.capacity() > QUEUE - 3 {
            tokio::task::yield_now().await;
        }
        drop(go_on);
        for written in together {
            assert_eq!(written.await.unwrap().unwrap(), 2);
        }
        assert_eq!(database.write_light(waits).await.unwrap(), 1);
        assert_eq!(database.write(waits).await.unwrap(), 2);
        // A file whose commits may be undone anyway.
        let file = folder.path().join("other.db");
        let other = Database::open(&file, Durability::ProcessEnd, TABLE).await;
        let other = other.unwrap();
        assert_eq!(other.write(waits).await.unwrap(), 1);
        assert_eq!(other.write_light(waits).await.unwrap(), 1);
    }

    /// Making a file waits for no disk; its first change waits for all of it.
    #[tokio::test]
    async fn a_file_is_on_the_disk_with_its_first_change() {
        let folder = TempDir::new().unwrap();
        let database = database(&folder).await;
        let file = folder.path().join("test.db");
        let pages = || std::fs::metadata(&file).unwrap().len() / 4096;
        assert_eq!(pages(), 1, "the tables are in the log");
        assert_eq!(database.write_light(insert(1)).await.unwrap(), 1);
        assert!(pages() > 1, "the log was copied, which waits for the file");
        assert_eq!(database.write(insert(2)).await.unwrap(), 1);
        database.close().await;
        let opened = Database::open(&file, Durability::PowerFailure, TABLE).await;
        let database = opened.unwrap();
        assert_eq!(database.write(waits).await.unwrap(), 2, "opened again");
        assert_eq!(count(&file), 2);
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
