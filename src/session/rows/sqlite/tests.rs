//! That a file is read as what it is at that moment, whoever wrote to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use proptest::prelude::*;
use tempfile::TempDir;

use super::super::MemoryRows;
use super::*;

#[tokio::test]
async fn a_file_that_did_not_count_its_migrations_keeps_its_rows() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("sessions.db");
    let file = Connection::open(&path).unwrap();
    file.execute_batch(MIGRATIONS[0]).unwrap();
    file.execute_batch("INSERT INTO sessions VALUES (zeroblob(32), 3, x'01', 9, 0)")
        .unwrap();
    drop(file);
    for _ in 0..2 {
        let rows = SqliteRows::open(&path).await.unwrap();
        let row = rows.find(&RowKey([0; 32]), None, 0).await.unwrap().unwrap();
        assert_eq!((row.version, row.sealed), (3, vec![1]));
        rows.close().await;
    }
    let file = Connection::open(&path).unwrap();
    let version = file.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0));
    assert_eq!(version.unwrap(), 2);
}

fn row(key: u8, version: i64, expires_at: i64) -> Row {
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

/// A row that is kept since it was read.
fn is_kept(rows: &SqliteRows, key: u8) -> bool {
    let commit = rows.database.last_commit().unwrap();
    let asked = (RowKey([key; 32]), None);
    rows.last_read.get(&asked, commit).is_some()
}

#[tokio::test]
async fn what_is_kept_counts_until_anybody_writes() {
    let folder = TempDir::new().unwrap();
    let rows = open(&folder).await;
    let find = async |unless: Option<&RowKey>, now: i64| {
        rows.find(&RowKey([1; 32]), unless, now).await.unwrap()
    };
    let inserted = Change::Insert(row(1, 1, 10));
    assert!(rows.apply(&[inserted]).await.unwrap());
    for _ in 0..2 {
        assert_eq!(find(None, 9).await, Some(row(1, 1, 10)));
        assert!(is_kept(&rows, 1));
        assert_eq!(find(None, 10).await, None, "expired while it was kept");
    }
    let unless = RowKey([2; 32]);
    for _ in 0..2 {
        assert_eq!(find(Some(&unless), 9).await, Some(row(1, 1, 10)));
    }
    assert!(rows.apply(&[Change::Insert(row(2, 1, 1))]).await.unwrap());
    assert!(!is_kept(&rows, 1));
    assert_eq!(find(Some(&unless), 9).await, None);
    assert_eq!(find(None, 9).await, Some(row(1, 1, 10)));

    // Somebody with a tool for databases, or a program of before: not one that knows of us.
    let other = Connection::open(folder.path().join("sessions.db")).unwrap();
    assert!(is_kept(&rows, 1));
    let update = "UPDATE sessions SET version = 7, expires_at = 20 WHERE version = 1";
    other.execute(update, []).unwrap();
    assert_eq!(find(None, 19).await, Some(row(1, 7, 20)));
    assert!(is_kept(&rows, 1));
    other.execute("DELETE FROM sessions", []).unwrap();
    assert_eq!(find(None, 9).await, None);

    assert!(rows.apply(&[Change::Insert(row(1, 1, 10))]).await.unwrap());
    assert_eq!(find(None, 9).await, Some(row(1, 1, 10)));
    rows.close().await;
    assert!(rows.find(&RowKey([1; 32]), None, 9).await.is_err());
}

/// Readers ask all the time while somebody else writes: what was acknowledged before they asked is what they see, or newer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sees_what_was_replaced_before_they_asked() {
    const WRITES: i64 = 500;
    let folder = TempDir::new().unwrap();
    let rows = Arc::new(open(&folder).await);
    assert!(rows.apply(&[Change::Insert(row(1, 1, 9))]).await.unwrap());
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
            Step::Insert { expires_at } => Change::Insert(ended(row(key, 1, expires_at))),
            Step::Update { expires_at } => {
                Change::Update(ended(row(key, *current + 1, expires_at)))
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

#[tokio::test]
async fn changes_are_made_all_or_none() {
    let folder = TempDir::new().unwrap();
    let rows = SqliteRows::open(&folder.path().join("sessions.db"))
        .await
        .unwrap();
    super::super::change::tests::all_or_none(&rows).await;
}
