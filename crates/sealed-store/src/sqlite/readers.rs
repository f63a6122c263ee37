//! Reading: on the caller's own thread as a rule. What is asked for is in memory nearly always, so that the answer is there
//! in a few microseconds, sooner than another thread would wake up.
//!
//! But a disk can hang, and a thread that waits for it runs no other task. So one thread of the runtime may read at a
//! time, and a runtime that has a single one reads elsewhere. Who finds the place taken tries again for some milliseconds, and
//! then reads on a thread made for waiting: a disk that hangs takes one thread of the runtime, and the others go on.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::{connect, is_busy, joined};
use crate::database::{DatabaseError, in_time};

/// How often a reader looks whether the place is free again, before it finds it taken: about ten microseconds.
const LOCK_TRIES: u32 = 200;

/// How often a reader that finds the place taken lets other tasks run first and tries again.
const TRIES: u32 = 4;

/// How often it tries again after that, a little later. The system may have put the thread aside that reads, to let
/// others run for a few milliseconds; meanwhile hundreds of readers come by, more than the threads for waiting get done soon.
const PAUSED_TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(1);

/// How many threads wait for the disk at most; further readers queue.
const MAX_WAITING_THREADS: usize = 4;

#[derive(Debug)]
pub(super) struct Readers {
    file: PathBuf,
    /// The connection for reading on the caller's thread.
    here: Mutex<Idle>,
    /// Whether the runtime has a thread to spare.
    may_read_here: bool,
    /// Connections for reading on other threads, those that nobody uses at the moment.
    elsewhere: Arc<Mutex<Idle>>,
    places: Arc<Semaphore>,
}

/// Connections that nobody uses at the moment. Made when they are needed.
type Idle = Vec<Connection>;

impl Readers {
    pub(super) fn new(file: PathBuf) -> Self {
        let runtime = tokio::runtime::Handle::current();
        Self {
            file,
            here: Mutex::default(),
            may_read_here: runtime.metrics().num_workers() > 1,
            elsewhere: Arc::default(),
            places: Arc::new(Semaphore::new(MAX_WAITING_THREADS)),
        }
    }

    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        if self.are_closed() {
            return Err(DatabaseError::closed());
        }
        if self.may_read_here {
            for attempt in 0..TRIES + PAUSED_TRIES {
                let answer = self.ask_here(&question);
                match answer {
                    Some(Err(error)) if is_busy(&error) => break,
                    Some(answer) => return Ok(answer?),
                    None if attempt < TRIES => tokio::task::yield_now().await,
                    None => sleep(PAUSE).await,
                }
            }
        }
        self.ask_at_length(question).await
    }

    pub(super) async fn ask_at_length<T: Send + 'static>(
        &self,
        question: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        in_time(self.ask_elsewhere(question)).await
    }

    /// `None` when another thread reads.
    fn ask_here<T>(
        &self,
        question: &impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Option<rusqlite::Result<T>> {
        let mut here = self.place()?;
        if here.is_empty() {
            match connect_without_patience(&self.file) {
                Ok(connection) => here.push(connection),
                Err(error) => return Some(Err(error)),
            }
        }
        here.first().map(question)
    }

    /// The connection for reading here. A read takes microseconds, so that waiting for one is cheaper than doing something
    /// else meanwhile; `None` when it takes longer.
    fn place(&self) -> Option<MutexGuard<'_, Idle>> {
        for _ in 0..LOCK_TRIES {
            match self.here.try_lock() {
                Ok(here) => return Some(here),
                // SQLite keeps its connections whole, whatever panicked.
                Err(TryLockError::Poisoned(here)) => return Some(here.into_inner()),
                Err(TryLockError::WouldBlock) => std::hint::spin_loop(),
            }
        }
        None
    }

    async fn ask_elsewhere<T: Send + 'static>(
        &self,
        question: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_| DatabaseError::closed())?;
        let (idle, file) = (Arc::clone(&self.elsewhere), self.file.clone());
        let answered = tokio::task::spawn_blocking(move || {
            // Held by the thread, not by who asked: who gives up waiting does not make the disk faster.
            let _place = place;
            let known = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = known.map_or_else(|| connect(&file), Ok)?;
            let answer = question(&connection);
            idle.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
            Ok(answer?)
        });
        joined(answered.await)
    }

    pub(super) fn are_closed(&self) -> bool {
        self.places.is_closed()
    }

    pub(super) fn close(&self) {
        self.places.close();
        for idle in [&self.here, &self.elsewhere] {
            // A connection that is in use now is closed with its last question.
            if let Ok(mut idle) = idle.try_lock() {
                idle.clear();
            }
        }
    }
}

/// A connection that says at once that the file is locked: waiting is for other threads.
fn connect_without_patience(file: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(file)?;
    connection.busy_timeout(Duration::ZERO)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tempfile::TempDir;
    use tokio::sync::oneshot;

    use super::*;
    use crate::sqlite::{Database, Durability};

    async fn database(folder: &TempDir) -> Arc<Database> {
        let file = folder.path().join("test.db");
        let opened = Database::open(&file, Durability::PowerFailure, &[]).await;
        Arc::new(opened.unwrap())
    }

    /// A question whose answer does not come before the sender is dropped: a disk that hangs.
    async fn hang(database: &Arc<Database>) -> mpsc::Sender<()> {
        let (go_on, wait) = mpsc::channel::<()>();
        let (begun, has_begun) = oneshot::channel();
        let (wait, begun) = (Mutex::new(wait), Mutex::new(Some(begun)));
        let database = Arc::clone(database);
        tokio::spawn(async move {
            let hanging = database.read(move |_| {
                begun.lock().unwrap().take().map(|begun| begun.send(()));
                let _ = wait.lock().unwrap().recv();
                Ok(())
            });
            hanging.await
        });
        has_begun.await.unwrap();
        go_on
    }

    async fn answers(database: &Database) -> Result<u32, DatabaseError> {
        database
            .read(|file| file.query_row("SELECT 1", [], |row| row.get(0)))
            .await
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_disk_that_hangs_takes_one_thread_of_the_runtime() {
        let folder = TempDir::new().unwrap();
        let database = database(&folder).await;
        let mut hanging = vec![hang(&database).await];
        assert_eq!(answers(&database).await.unwrap(), 1);
        while hanging.len() < MAX_WAITING_THREADS {
            hanging.push(hang(&database).await);
            assert_eq!(answers(&database).await.unwrap(), 1);
        }
        // With every place taken nobody is answered; but nobody is stuck either.
        hanging.push(hang(&database).await);
        let error = answers(&database).await.unwrap_err();
        assert_eq!(&**error.text(), "no answer in time");
        drop(hanging);
        assert_eq!(answers(&database).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn the_only_thread_of_a_runtime_does_not_read() {
        let folder = TempDir::new().unwrap();
        let database = database(&folder).await;
        let hanging = hang(&database).await;
        assert_eq!(answers(&database).await.unwrap(), 1);
        drop(hanging);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_others_wrote_a_moment_ago_is_seen() {
        let folder = TempDir::new().unwrap();
        let database = database(&folder).await;
        let other = Connection::open(folder.path().join("test.db")).unwrap();
        other
            .execute("CREATE TABLE numbers (n INTEGER)", [])
            .unwrap();
        for written in 1..=100_u32 {
            other.execute("INSERT INTO numbers VALUES (1)", []).unwrap();
            let seen = database.read(|file| {
                file.prepare_cached("SELECT count(*) FROM numbers")?
                    .query_row([], |row| row.get::<_, u32>(0))
            });
            assert_eq!(seen.await.unwrap(), written);
        }
    }
}
