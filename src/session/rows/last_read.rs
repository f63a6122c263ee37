//! Rows that were read from a file since its last commit: what the file says is what it said then.
//!
//! They are as they are in the file, sealed. The first that is asked for after somebody wrote, in this process or another, finds
//! all of them gone.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Row, RowKey};
use crate::sqlite::Commit;

/// How much is kept, in bytes: about two thousand sessions.
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// What a row takes beside its sealed content, about.
const OVERHEAD: usize = 256;

/// The row that was asked for, and the one that must not be there.
type Asked = (RowKey, Option<RowKey>);

/// The rows, and the commit that all of them were read after.
#[derive(Debug, Default)]
pub(super) struct LastRead(Mutex<Read>);

#[derive(Debug, Default)]
struct Read {
    after: Option<Commit>,
    rows: HashMap<Asked, Row>,
    bytes: usize,
}

impl Read {
    fn since(commit: Commit) -> Self {
        Self {
            after: Some(commit),
            ..Self::default()
        }
    }
}

impl LastRead {
    /// The row that was read for `asked`, if the last commit is `now` what it was then. It may have expired meanwhile.
    pub(super) fn get(&self, asked: &Asked, now: Commit) -> Option<Row> {
        let mut read = self.read();
        if read.after != Some(now) {
            *read = Read::since(now);
        }
        read.rows.get(asked).cloned()
    }

    /// Keeps `row`, which was read for `asked` while the last commit was `after`.
    pub(super) fn keep(&self, asked: Asked, row: &Row, after: Commit) {
        let bytes = row.sealed.len() + OVERHEAD;
        let mut read = self.read();
        if read.after != Some(after) || read.bytes + bytes > MAX_BYTES {
            *read = Read::since(after);
        }
        if bytes <= MAX_BYTES && read.rows.insert(asked, row.clone()).is_none() {
            read.bytes += bytes;
        }
    }

    fn read(&self) -> MutexGuard<'_, Read> {
        // Each critical section leaves the rows whole, so a panic elsewhere does not make them unusable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::super::Kind;
    use super::*;
    use crate::sqlite::{Database, Durability};

    fn row(key: RowKey, length: usize) -> Row {
        Row {
            key,
            version: 1,
            sealed: vec![0; length],
            expires_at: 0,
            kind: Kind::Session,
        }
    }

    fn asked(number: u64) -> Asked {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&number.to_be_bytes());
        (RowKey(key), None)
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("some.db");
        let tables = &["CREATE TABLE numbers (n INTEGER) STRICT"];
        let database = Database::open(&file, Durability::ProcessEnd, tables).await;
        let database = database.unwrap();
        let insert = |file: &Connection| file.execute("INSERT INTO numbers VALUES (1)", []);
        database.write(insert).await.unwrap();
        let commit = database.last_commit().unwrap();
        let last_read = LastRead::default();
        let mut most = 0;
        for number in 0..10_000 {
            let asked = asked(number);
            last_read.keep(asked, &row(asked.0, 1000), commit);
            assert!(last_read.get(&asked, commit).is_some(), "the newest stays");
            let read = last_read.read();
            let bytes: usize = read.rows.values().map(|row| row.sealed.len()).sum();
            most = most.max(bytes);
            assert!(read.bytes >= bytes);
        }
        assert!((MAX_BYTES / 2..=MAX_BYTES).contains(&most), "{most}");
        let asked = asked(0);
        last_read.keep(asked, &row(asked.0, MAX_BYTES), commit);
        assert!(last_read.get(&asked, commit).is_none());
        // The same row again takes no more room.
        for _ in 0..3 {
            last_read.keep(asked, &row(asked.0, MAX_BYTES / 2), commit);
            assert_eq!(last_read.read().rows.len(), 1);
            assert!(last_read.get(&asked, commit).is_some());
        }
    }
}
