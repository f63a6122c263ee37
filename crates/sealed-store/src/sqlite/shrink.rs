//! Making a file smaller: what is removed leaves free pages in it, which SQLite uses again and keeps.

use rusqlite::Connection;

/// How many pages are given back at once, so that no lock is held for long and the log stays short.
const STEP: &str = "PRAGMA incremental_vacuum(100)";

/// Fewer free pages are kept: they will be needed again soon.
const LEAST_FREE: i64 = 256;

/// Gives the disk back what is free in the file, once that is an eighth of it. Not within a transaction.
pub(super) fn shrink(file: &Connection) -> rusqlite::Result<()> {
    let is_free = free_pages(file)?;
    if is_free < LEAST_FREE.max(number(file, "page_count")? / 8) {
        return Ok(());
    }
    if number(file, "auto_vacuum")? == 0 {
        // A file of an earlier version can't do without being written anew, once.
        file.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        file.execute_batch("VACUUM")?;
    }
    let mut before = i64::MAX;
    let mut left = free_pages(file)?;
    while left > 0 && left < before {
        // A row for each page, and the pages are given back while they are read.
        let mut pages = file.prepare_cached(STEP)?;
        let mut pages = pages.query([])?;
        while pages.next()?.is_some() {}
        (before, left) = (left, free_pages(file)?);
    }
    // The file gets shorter when the log is copied into it. Where others read or write, that comes later.
    file.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

fn free_pages(file: &Connection) -> rusqlite::Result<i64> {
    number(file, "freelist_count")
}

fn number(file: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    file.pragma_query_value(None, pragma, |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::Connection;
    use tempfile::TempDir;

    use crate::sqlite::{Database, Durability, Tuning};

    const TABLE: &[&str] = &["CREATE TABLE texts (text BLOB) STRICT"];
    const FILL: &str =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
                        INSERT INTO texts SELECT randomblob(4000) FROM n";

    fn length(file: &Path) -> u64 {
        std::fs::metadata(file).unwrap().len()
    }

    async fn open(file: &Path) -> Database {
        let tuning = Tuning::of(Durability::ProcessEnd).with_log(1 << 20);
        Database::open_tuned(file, tuning, TABLE).await.unwrap()
    }

    async fn shrinks(file: &Path) {
        let database = open(file).await;
        database
            .write(|file| file.execute("DELETE FROM texts", []))
            .await
            .unwrap();
        assert!(length(file) > 8_000_000);
        database.give_back().await.unwrap();
        assert!(length(file) < 100_000, "{}", length(file));
        database.close().await;
    }

    #[tokio::test]
    async fn a_file_gets_as_small_as_what_is_in_it() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("texts.db");
        let database = open(&file).await;
        database.write(|file| file.execute(FILL, [])).await.unwrap();
        database.give_back().await.unwrap();
        let logged = file.with_file_name("texts.db-wal");
        // What the log took for one large commit is given back with the next one that begins it anew.
        database
            .write(|file| file.execute("INSERT INTO texts VALUES (x'00')", []))
            .await
            .unwrap();
        database
            .write(|file| file.execute("INSERT INTO texts VALUES (x'00')", []))
            .await
            .unwrap();
        assert!(length(&logged) < 1 << 20, "{}", length(&logged));
        database.close().await;
        shrinks(&file).await;
    }

    #[tokio::test]
    async fn a_file_of_an_earlier_version_too() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("texts.db");
        let earlier = Connection::open(&file).unwrap();
        earlier
            .execute_batch(&format!(
                "PRAGMA journal_mode = WAL; {}; PRAGMA user_version = 1; {FILL}",
                TABLE[0]
            ))
            .unwrap();
        drop(earlier);
        shrinks(&file).await;
        shrinks_not_below_what_is_in_it(&file).await;
    }

    async fn shrinks_not_below_what_is_in_it(file: &Path) {
        let database = open(file).await;
        database.write(|file| file.execute(FILL, [])).await.unwrap();
        database.give_back().await.unwrap();
        let count = |file: &Connection| {
            file.query_row("SELECT count(*) FROM texts", [], |row| row.get::<_, u32>(0))
        };
        assert_eq!(database.read(count).await.unwrap(), 2000);
    }
}
