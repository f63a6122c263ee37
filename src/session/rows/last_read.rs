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
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use proptest::prelude::*;
    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::super::{Change, Kind, MemoryRows, Rows as _, SqliteRows};
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

    fn session(key: u8, version: i64, expires_at: i64) -> Row {
        Row {
            key: RowKey([key; 32]),
            version,
            sealed: vec![key; usize::from(key)],
            expires_at,
            kind: Kind::Session,
        }
    }

    async fn open(folder: &TempDir) -> SqliteRows {
        let rows = SqliteRows::open(&folder.path().join("sessions.db")).await;
        rows.unwrap()
    }

    #[tokio::test]
    async fn what_is_kept_counts_until_anybody_writes() {
        let folder = TempDir::new().unwrap();
        let rows = open(&folder).await;
        let find = async |unless: Option<&RowKey>, now: i64| {
            rows.find(&RowKey([1; 32]), unless, now).await.unwrap()
        };
        let inserted = Change::Insert(session(1, 1, 10));
        assert!(rows.apply(&[inserted]).await.unwrap());
        for _ in 0..2 {
            assert_eq!(find(None, 9).await, Some(session(1, 1, 10)));
            assert!(rows.keeps(RowKey([1; 32])));
            assert_eq!(find(None, 10).await, None, "expired while it was kept");
        }
        let unless = RowKey([2; 32]);
        for _ in 0..2 {
            assert_eq!(find(Some(&unless), 9).await, Some(session(1, 1, 10)));
        }
        assert!(
            rows.apply(&[Change::Insert(session(2, 1, 1))])
                .await
                .unwrap()
        );
        assert!(!rows.keeps(RowKey([1; 32])));
        assert_eq!(find(Some(&unless), 9).await, None);
        assert_eq!(find(None, 9).await, Some(session(1, 1, 10)));

        // Somebody with a tool for databases, or a program of before: not one that knows of us.
        let other = Connection::open(folder.path().join("sessions.db")).unwrap();
        assert!(rows.keeps(RowKey([1; 32])));
        let update = "UPDATE sessions SET version = 7, expires_at = 20 WHERE version = 1";
        other.execute(update, []).unwrap();
        assert_eq!(find(None, 19).await, Some(session(1, 7, 20)));
        assert!(rows.keeps(RowKey([1; 32])));
        other.execute("DELETE FROM sessions", []).unwrap();
        assert_eq!(find(None, 9).await, None);

        assert!(
            rows.apply(&[Change::Insert(session(1, 1, 10))])
                .await
                .unwrap()
        );
        assert_eq!(find(None, 9).await, Some(session(1, 1, 10)));
        rows.close().await;
        assert!(rows.find(&RowKey([1; 32]), None, 9).await.is_err());
    }

    /// Readers ask all the time while somebody else writes: what was acknowledged before they asked is what they see, or newer.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nobody_sees_what_was_replaced_before_they_asked() {
        const WRITES: i64 = 500;
        let folder = TempDir::new().unwrap();
        let rows = Arc::new(open(&folder).await);
        assert!(
            rows.apply(&[Change::Insert(session(1, 1, 9))])
                .await
                .unwrap()
        );
        let acknowledged = Arc::new(AtomicI64::new(1));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let (rows, acknowledged) = (Arc::clone(&rows), Arc::clone(&acknowledged));
                tokio::spawn(async move {
                    let mut answers = 0;
                    loop {
                        let at_least = acknowledged.load(Ordering::SeqCst);
                        let found = rows.find(&RowKey([1; 32]), None, 0).await.unwrap();
                        let version = found.unwrap().version;
                        assert!(version >= at_least, "{version} after {at_least}");
                        answers += 1;
                        if version > WRITES {
                            return answers;
                        }
                    }
                })
            })
            .collect();
        let file = folder.path().join("sessions.db");
        let writer = tokio::task::spawn_blocking(move || {
            let other = Connection::open(file).unwrap();
            other.pragma_update(None, "synchronous", "OFF").unwrap();
            for version in 2..=WRITES + 1 {
                let update = "UPDATE sessions SET version = ?1";
                other.execute(update, [version]).unwrap();
                acknowledged.store(version, Ordering::SeqCst);
            }
        });
        writer.await.unwrap();
        for reader in readers {
            assert!(reader.await.unwrap() > 0);
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Find { unless: Option<u8>, now: i64 },
        Insert { expires_at: i64 },
        Update { expires_at: i64 },
        Delete,
        Sweep { now: i64 },
    }

    fn steps() -> impl Strategy<Value = Vec<(bool, u8, Step)>> {
        let time = 0..4_i64;
        let find = (prop::option::of(0..3_u8), time.clone());
        let step = prop_oneof![
            6 => find.prop_map(|(unless, now)| Step::Find { unless, now }),
            2 => time.clone().prop_map(|expires_at| Step::Insert { expires_at }),
            1 => time.clone().prop_map(|expires_at| Step::Update { expires_at }),
            1 => Just(Step::Delete),
            1 => time.prop_map(|now| Step::Sweep { now }),
        ];
        prop::collection::vec((any::<bool>(), 0..3_u8, step), 1..40)
    }

    /// Two that use one file answer as one that keeps nothing would.
    async fn two_are_as_one(steps: Vec<(bool, u8, Step)>) {
        let folder = TempDir::new().unwrap();
        let both = [open(&folder).await, open(&folder).await];
        let model = MemoryRows::default();
        let mut versions = [0_i64; 3];
        for (which, key, step) in steps {
            let rows = &both[usize::from(which)];
            let current = &mut versions[usize::from(key)];
            let id = RowKey([key; 32]);
            let ended = |row: Row| Row {
                kind: Kind::Ended { revoke_at: None },
                ..row
            };
            let change = match step {
                Step::Find { unless, now } => {
                    let unless = unless.map(|key| RowKey([key; 32]));
                    let found = rows.find(&id, unless.as_ref(), now).await.unwrap();
                    let expected = model.find(&id, unless.as_ref(), now).await.unwrap();
                    assert_eq!(found, expected);
                    continue;
                }
                Step::Sweep { now } => {
                    let deleted = rows.delete_expired(now, 9).await.unwrap();
                    assert_eq!(deleted, model.delete_expired(now, 9).await.unwrap());
                    continue;
                }
                Step::Insert { expires_at } => Change::Insert(ended(session(key, 1, expires_at))),
                Step::Update { expires_at } => {
                    Change::Update(ended(session(key, *current + 1, expires_at)))
                }
                Step::Delete => Change::Delete {
                    key: id,
                    version: *current,
                },
            };
            let made = rows.apply(std::slice::from_ref(&change)).await.unwrap();
            assert_eq!(
                made,
                model.apply(std::slice::from_ref(&change)).await.unwrap()
            );
            if let (true, Change::Insert(row) | Change::Update(row)) = (made, change) {
                *current = row.version;
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn two_processes_answer_as_one_that_keeps_nothing(steps in steps()) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(two_are_as_one(steps));
        }
    }
}
