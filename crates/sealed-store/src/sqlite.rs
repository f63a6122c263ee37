//! SQLite files: opened with our settings, read without waiting for a thread, written by one thread that commits for many.
//!
//! ```text
//! Database ── read: on the caller's thread (Readers), or on another when the disk is slow
//!     └────── write: in a queue; the Writer commits all that wait at once, and keeps a Reserve for a full disk
//! ```
//!
//! Other processes may use the same file at the same time: each read sees the newest commit, whoever made it.

mod change;
mod last_commit;
mod other_processes;
mod readers;
mod reserve;
mod shrink;
mod tuning;
mod writer;
mod written;

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use tokio::task::JoinError;

use crate::database::{DatabaseError, PATIENCE, in_time};
use change::Change;
pub use last_commit::Commit;
use last_commit::Index;
pub use other_processes::OtherProcesses;
use readers::Readers;
use reserve::Reserve;
pub use tuning::Durability;
pub use tuning::Tuning;
use tuning::wait_for_no_disk;
use writer::Writer;
use written::Written;

/// How often the lock of another process is looked at. SQLite's own handler waits longer each time, up to 0.1 seconds, and
/// next to a process that writes all the time that never hits a gap.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// How many statements a connection keeps prepared: more than are ever used.
const STATEMENTS: usize = 32;

/// How much of a file a connection keeps in memory, in KiB. A writer meets the same pages again and again. There are several
/// readers, each would fill what it may, and the system keeps the file in memory anyway.
const WRITER_CACHE: i32 = 2048;
const READER_CACHE: i32 = 256;

/// An open SQLite file, in WAL mode. Closed by [`Database::close`], or when it is dropped.
#[derive(Debug)]
pub struct Database {
    readers: Readers,
    writer: Writer,
    index: Index,
}

impl Database {
    /// Opens `file`, making it (mode 0600) and its folder (mode 0700) when they are missing, and applies those of
    /// `migrations` that it has not seen: each is SQL that changes the tables, and is never changed itself.
    ///
    /// Call it within the runtime that will read.
    ///
    /// # Errors
    ///
    /// When the folder or the file can't be made, written or read as a database.
    pub async fn open(
        file: &Path,
        durability: Durability,
        migrations: &'static [&'static str],
    ) -> Result<Self, DatabaseError> {
        Self::open_tuned(file, Tuning::of(durability), migrations).await
    }

    /// The same, with more to choose.
    ///
    /// # Errors
    ///
    /// As with [`Database::open`].
    pub async fn open_tuned(
        file: &Path,
        tuning: Tuning,
        migrations: &'static [&'static str],
    ) -> Result<Self, DatabaseError> {
        let path = file.to_owned();
        let opened = tokio::task::spawn_blocking(move || {
            let is_new =
                prepare_file(&path).map_err(|error| DatabaseError::new(error.to_string()))?;
            let mut connection = connect(&path)?;
            keep_in_memory(&connection, WRITER_CACHE)?;
            if is_new {
                wait_for_no_disk(&connection)?;
            } else {
                tuning.durability().apply(&connection)?;
            }
            tuning.apply(&connection)?;
            use_write_ahead_log(&connection)?;
            migrate(&mut connection, migrations)?;
            Ok::<_, DatabaseError>(Written::new(&path, connection, tuning))
        });
        let written = joined(opened.await)?;
        let reserve = Reserve::beside(file, tuning.keeps_reserve());
        let index = written.index().clone();
        Ok(Self {
            readers: Readers::new(file.to_owned()),
            writer: Writer::start(written, reserve)?,
            index,
        })
    }

    /// Asks the file a question. It must be short, and may be asked again when the file was busy.
    ///
    /// # Errors
    ///
    /// When SQLite fails or does not answer within 5 seconds.
    pub async fn read<T: Send + 'static>(
        &self,
        question: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        self.readers.ask(question).await
    }

    /// The same for a question that is not short: asked on a thread made for waiting, while other questions are answered.
    ///
    /// # Errors
    ///
    /// As with [`Database::read`].
    pub async fn read_at_length<T: Send + 'static>(
        &self,
        question: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        self.readers.ask_at_length(question).await
    }

    /// The last commit, as of now. What was read since the same commit is still what the file says. `None` while one is being
    /// made, when the file is closed, and where it can't be known.
    #[must_use]
    pub fn last_commit(&self) -> Option<Commit> {
        if self.readers.are_closed() {
            return None;
        }
        self.index.last_commit()
    }

    /// Changes the file, and says how many rows `change` says it changed. Returns once the change is committed; when
    /// `change` fails, nothing of it is done. Changes are made in the order in which they were asked for.
    ///
    /// # Errors
    ///
    /// When SQLite fails or does not answer within 5 seconds. A change that is given up may have been made all the same.
    pub async fn write(
        &self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<usize> + Send + 'static,
    ) -> Result<usize, DatabaseError> {
        in_time(self.writer.write(Change::plain(change))).await
    }

    /// The same for a change that a power failure may undo: its commit waits for no disk. One that is acknowledged later and
    /// does wait takes it along.
    ///
    /// # Errors
    ///
    /// As with [`Database::write`].
    pub async fn write_light(
        &self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<usize> + Send + 'static,
    ) -> Result<usize, DatabaseError> {
        in_time(self.writer.write(Change::light(change))).await
    }

    /// The same as [`Database::write`] for a change that ends something, such as a session: on a full disk it gets the room that is kept for that.
    /// It is made again when there was no room.
    ///
    /// # Errors
    ///
    /// As with [`Database::write`].
    pub async fn write_ending(
        &self,
        change: impl Fn(&Connection) -> rusqlite::Result<usize> + Send + 'static,
    ) -> Result<usize, DatabaseError> {
        in_time(self.writer.write(Change::ending(change))).await
    }

    /// Gives the disk back what is free in the file, once that is an eighth of it. Takes as long as it takes.
    ///
    /// # Errors
    ///
    /// When SQLite fails; the file is then as large as it was.
    pub async fn give_back(&self) -> Result<(), DatabaseError> {
        self.writer.shrink().await
    }

    /// Ends the connections, once the writes that wait are done.
    pub async fn close(&self) {
        self.readers.close();
        self.writer.close().await;
    }
}

/// A connection to a file that exists, which waits for the locks of others.
fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_handler(Some(wait_for_lock))?;
    keep_in_memory(&connection, READER_CACHE)?;
    Ok(connection)
}

fn keep_in_memory(connection: &Connection, kibibytes: i32) -> rusqlite::Result<()> {
    // A positive number would be one of pages.
    connection.pragma_update(None, "cache_size", -kibibytes)
}

/// Called while another process has the lock, with how often it was called for that before. `false` gives up.
fn wait_for_lock(waits: i32) -> bool {
    std::thread::sleep(LOOK_AGAIN);
    u128::from(waits.unsigned_abs()) < PATIENCE.as_millis() / LOOK_AGAIN.as_millis()
}

/// The mode is the file's, so only who opens a new one changes it. That takes a lock while holding another, and where two do
/// so at once SQLite tells one of them that the file is busy, without the handler being asked: it tries again.
fn use_write_ahead_log(connection: &Connection) -> rusqlite::Result<()> {
    let started = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if is_busy(&error) && started.elapsed() < PATIENCE => {
                std::thread::sleep(LOOK_AGAIN);
            }
            outcome => return outcome,
        }
    }
}

/// Brings the tables up to date, in one transaction, so that of processes that start at once one does it.
///
/// SQLite keeps a number for whoever owns the file; here it is the number of migrations that were applied.
fn migrate(connection: &mut Connection, migrations: &[&str]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let applied: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for (number, migration) in (1..).zip(migrations) {
        if number > applied {
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "user_version", number)?;
        }
    }
    transaction.commit()
}

/// Whether another connection has a lock that this one needs.
fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed
        )
    )
}

/// The outcome of a task on another thread; that it panicked is a failure like others.
fn joined<T>(outcome: Result<Result<T, DatabaseError>, JoinError>) -> Result<T, DatabaseError> {
    outcome.unwrap_or_else(|_| Err(DatabaseError::new("it was interrupted")))
}

/// What is kept is nobody else's business: the file and its folder are made before SQLite would make them readable for all.
/// Says whether there is nothing in the file yet.
fn prepare_file(file: &Path) -> std::io::Result<bool> {
    if let Some(folder) = folder_of(file) {
        make_private_folder(folder)?;
    }
    Ok(open_private(file)?.metadata()?.len() == 0)
}

/// The folder that `file` is in; `None` for the current one.
fn folder_of(file: &Path) -> Option<&Path> {
    file.parent().filter(|path| !path.as_os_str().is_empty())
}

/// Opens `file` to write, making it (mode 0600) when it is missing.
///
/// # Errors
///
/// When the file can't be made or opened.
pub fn open_private(file: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(file)
}

/// Makes `folder` (mode 0700) unless it exists.
///
/// # Errors
///
/// When the folder can't be made.
pub fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tempfile::TempDir;

    use super::*;

    const TABLE: &[&str] = &["CREATE TABLE numbers (n INTEGER PRIMARY KEY) STRICT"];

    #[tokio::test]
    async fn who_opens_a_new_file_waits_for_another_who_does() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("new.db");
        let other = Connection::open(&file).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut opening = pin!(Database::open(&file, Durability::ProcessEnd, TABLE));
        let waited = tokio::time::timeout(Duration::from_millis(50), &mut opening).await;
        assert!(waited.is_err(), "{waited:?}");
        other.execute_batch("ROLLBACK").unwrap();
        let database = opening.await.unwrap();
        let add = |file: &Connection| file.execute("INSERT INTO numbers DEFAULT VALUES", []);
        assert_eq!(database.write(add).await.unwrap(), 1);
    }
}
