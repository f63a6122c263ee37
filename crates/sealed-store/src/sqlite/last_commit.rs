//! Which commit of a file was the last, without asking SQLite.
//!
//! Beside a file in WAL mode there is its index (`-shm`), which all processes that use the file share in memory. It begins with
//! a header of 48 bytes, there twice, which each commit changes: <https://sqlite.org/walformat.html>, section 2.1. SQLite itself
//! compares these bytes with those that it saw last to find out whether what it has in memory still counts. We do the same.
//!
//! SQLite has the index mapped into memory, and we read it as a file. A few file systems don't show the one what the other wrote.
//! So nothing is believed before this process has seen a commit of its own, and never again once it has not seen one.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// One copy of the header.
const HEADER: usize = 48;

/// What the header begins with: the version of the index's format.
const FORMAT: u32 = 3_007_000;

/// Where the header says that it is filled in.
const IS_FILLED_IN: usize = 12;

/// A commit. Two that are equal are the same one: nothing was committed in between, by any process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit([u8; HEADER]);

/// The index of an open file.
///
/// Kept open for as long as a connection to the file is: who closes a file releases all locks that the process has on it, and
/// SQLite's are on this one.
#[derive(Debug, Clone)]
pub(super) struct Index(Option<Arc<Opened>>);

#[derive(Debug)]
struct Opened {
    file: File,
    /// Whether the index was seen to show this process's commits: [`NOT_SEEN_YET`], [`YES`] or [`NO`].
    shows_commits: AtomicU8,
}

const NOT_SEEN_YET: u8 = 0;
const YES: u8 = 1;
const NO: u8 = 2;

impl Index {
    /// Of `file`, which a connection has read from. Where it can't be opened, no commit is known.
    pub(super) fn of(file: &Path) -> Self {
        let mut name = file.as_os_str().to_owned();
        name.push("-shm");
        let opened = File::open(name).map(|file| Opened {
            file,
            shows_commits: AtomicU8::new(NOT_SEEN_YET),
        });
        Self(opened.ok().map(Arc::new))
    }

    /// The last commit; `None` while one is being made, and where it can't be known.
    pub(super) fn last_commit(&self) -> Option<Commit> {
        let opened = self.0.as_ref()?;
        let is_believed = opened.shows_commits.load(Ordering::Acquire) == YES;
        is_believed.then(|| opened.last_commit()).flatten()
    }

    /// What the index says, believed or not.
    pub(super) fn shown(&self) -> Option<Commit> {
        self.0.as_ref()?.last_commit()
    }

    /// Compares what the index says with what it said `before` a commit that was made since. To be called before that one is
    /// acknowledged.
    pub(super) fn check(&self, before: Option<Commit>) {
        if let Some(opened) = &self.0 {
            // Others may be in the middle of their commits, then or now. That says nothing.
            let (Some(before), Some(now)) = (before, opened.last_commit()) else {
                return;
            };
            let seen = if before == now { NO } else { YES };
            opened.shows_commits.fetch_max(seen, Ordering::AcqRel);
        }
    }
}

impl Opened {
    fn last_commit(&self) -> Option<Commit> {
        let mut copies = [0; 2 * HEADER];
        read_start(&self.file, &mut copies).ok()?;
        let (first, second) = copies.split_first_chunk::<HEADER>()?;
        let (format, _) = first.split_first_chunk()?;
        let is_whole =
            first == second && first[IS_FILLED_IN] == 1 && u32::from_ne_bytes(*format) == FORMAT;
        is_whole.then_some(Commit(*first))
    }
}

#[cfg(unix)]
fn read_start(file: &File, bytes: &mut [u8]) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, 0)
}

/// Elsewhere what is read need not be what others have written to the memory that they share.
#[cfg(not(unix))]
fn read_start(_: &File, _: &mut [u8]) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::*;
    use crate::sqlite::{Database, Durability};

    const TABLE: &[&str] = &["CREATE TABLE numbers (n INTEGER PRIMARY KEY) STRICT"];

    /// With one row.
    async fn open(file: &Path) -> Database {
        let opened = Database::open(file, Durability::PowerFailure, TABLE).await;
        let database = opened.unwrap();
        assert_eq!(database.last_commit(), None, "nothing was seen yet");
        database.write(insert).await.unwrap();
        database
    }

    fn insert(file: &Connection) -> rusqlite::Result<usize> {
        file.execute("INSERT INTO numbers DEFAULT VALUES", [])
    }

    #[tokio::test]
    async fn every_commit_is_another_whoever_makes_it() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("test.db");
        let database = open(&file).await;
        let other = Connection::open(&file).unwrap();
        let mut seen = vec![database.last_commit().unwrap()];
        let mut is_new = || {
            let commit = database.last_commit().unwrap();
            assert_eq!(database.last_commit(), Some(commit), "nothing was written");
            let is_new = !seen.contains(&commit);
            seen.push(commit);
            is_new
        };
        assert!(!is_new());
        for _ in 0..100 {
            insert(&other).unwrap();
            assert!(is_new());
            database.write(insert).await.unwrap();
            assert!(is_new());
            database.write_light(insert).await.unwrap();
            assert!(is_new());
            // Reading is no commit.
            let count = |file: &Connection| {
                file.query_row("SELECT count(*) FROM numbers", [], |row| {
                    row.get::<_, u32>(0)
                })
            };
            assert!(database.read(count).await.unwrap() > 0);
            assert!(!is_new());
            // The log begins anew.
            other
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                .unwrap();
            insert(&other).unwrap();
            assert!(is_new());
        }
        let changes_nothing = |file: &Connection| file.execute("DELETE FROM numbers WHERE 0", []);
        database.write(changes_nothing).await.unwrap();
        assert!(!is_new());
    }

    #[tokio::test]
    async fn what_is_not_committed_does_not_count() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("test.db");
        let database = open(&file).await;
        let before = database.last_commit();
        assert!(before.is_some());
        let other = Connection::open(&file).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        insert(&other).unwrap();
        assert_eq!(database.last_commit(), before);
        other.execute_batch("ROLLBACK").unwrap();
        assert_eq!(database.last_commit(), before);
    }

    #[tokio::test]
    async fn of_a_closed_file_none_is_known() {
        let folder = TempDir::new().unwrap();
        let database = open(&folder.path().join("test.db")).await;
        assert!(database.last_commit().is_some());
        database.close().await;
        assert_eq!(database.last_commit(), None);
    }

    /// A file system that keeps what is in memory and what is read apart.
    #[test]
    fn an_index_that_did_not_show_a_commit_is_not_believed_again() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("some.db");
        let write = |commit: &[u8]| std::fs::write(folder.path().join("some.db-shm"), commit);
        let header = |number| {
            let mut header = [number; HEADER];
            header[..4].copy_from_slice(&FORMAT.to_ne_bytes());
            header[IS_FILLED_IN] = 1;
            [header, header].concat()
        };
        write(&header(1)).unwrap();
        let index = Index::of(&file);
        let first = index.shown();
        assert!(first.is_some());
        index.check(None);
        assert_eq!(index.last_commit(), None);
        write(&header(2)).unwrap();
        index.check(first);
        let second = index.last_commit();
        assert!(second.is_some() && second != first);
        index.check(second);
        assert_eq!(index.last_commit(), None);
        write(&header(3)).unwrap();
        index.check(second);
        assert_eq!(index.last_commit(), None);
    }

    #[test]
    fn of_an_index_that_is_not_whole_none_is_known() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("some.db");
        let last_commit = |index: &[u8]| {
            std::fs::write(folder.path().join("some.db-shm"), index).unwrap();
            Index::of(&file).shown()
        };
        let mut copy = [7; HEADER];
        copy[..4].copy_from_slice(&FORMAT.to_ne_bytes());
        copy[IS_FILLED_IN] = 1;
        let twice = |copy: [u8; HEADER]| [copy, copy].concat();
        assert!(last_commit(&twice(copy)).is_some());

        assert_eq!(Index::of(&folder.path().join("none.db")).shown(), None);
        assert_eq!(last_commit(b""), None);
        assert_eq!(last_commit(&twice(copy)[1..]), None, "too short");
        assert_eq!(last_commit(&[0; 4096]), None, "not filled in");
        let mut later = copy;
        later[8] += 1;
        assert_eq!(last_commit(&[later, copy].concat()), None, "half written");
        assert_eq!(last_commit(&[copy, later].concat()), None, "half written");
        let mut of_another_format = copy;
        of_another_format[0] ^= 1;
        assert_eq!(last_commit(&twice(of_another_format)), None);
    }
}
