//! The table of sessions, looked at and spoiled behind the app's back.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use smartsheet_oauth_demo::session::{Id, PostgresRows, Rows, SqliteRows};
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};

use super::Browser;

/// A connection to the database of a cluster.
#[derive(Clone)]
pub(crate) enum Table {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// One statement on either database.
macro_rules! on_either {
    ($table:expr, $sql:expr, $values:expr, |$query:ident, $pool:ident| $run:expr) => {{
        let sql = AssertSqlSafe($sql.to_owned());
        match $table {
            Table::Sqlite($pool) => {
                let mut $query = sqlx::query(sql);
                for value in $values {
                    $query = $query.bind(value.to_vec());
                }
                $run
            }
            Table::Postgres($pool) => {
                let mut $query = sqlx::query(sql);
                for value in $values {
                    $query = $query.bind(value.to_vec());
                }
                $run
            }
        }
    }};
}

impl Table {
    pub(super) async fn open(store: &str) -> Self {
        if store.starts_with("sqlite:") {
            Self::Sqlite(SqlitePool::connect(store).await.unwrap())
        } else {
            Self::Postgres(PgPool::connect(store).await.unwrap())
        }
    }

    /// Runs a statement with bytes for its parameters, and says how many rows it changed.
    pub(crate) async fn run(&self, sql: &str, values: &[&[u8]]) -> u64 {
        on_either!(self, sql, values, |query, pool| query
            .execute(pool)
            .await
            .unwrap()
            .rows_affected())
    }

    /// The number of rows for which `condition` holds.
    pub(crate) async fn count(&self, condition: &str) -> i64 {
        use sqlx::Row as _;
        let sql = format!("SELECT count(*) FROM sessions WHERE {condition}");
        let nothing: &[&[u8]] = &[];
        on_either!(self, sql, nothing, |query, pool| query
            .fetch_one(pool)
            .await
            .unwrap()
            .get(0))
    }

    /// The sealed content of a browser's session.
    pub(crate) async fn sealed(&self, browser: &Browser) -> Vec<u8> {
        use sqlx::Row as _;
        let sql = "SELECT sealed FROM sessions WHERE key = $1";
        let key = key_of(browser);
        on_either!(self, sql, [&key], |query, pool| query
            .fetch_one(pool)
            .await
            .unwrap()
            .get(0))
    }

    /// Puts other content in a browser's session.
    pub(crate) async fn put(&self, browser: &Browser, sealed: &[u8]) {
        let sql = "UPDATE sessions SET sealed = $2 WHERE key = $1";
        assert_eq!(self.run(sql, &[&key_of(browser), sealed]).await, 1);
    }

    /// Sessions in which somebody is signed in.
    pub(crate) async fn logins(&self) -> i64 {
        self.count("NOT transient").await
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// What the row of a browser's session is found by.
pub(crate) fn key_of(browser: &Browser) -> [u8; 32] {
    let id: Id = browser.cookie().unwrap().parse().unwrap();
    Sha256::digest(id.0.to_le_bytes()).into()
}

/// The rows of `store`, through the library.
pub(crate) async fn open_rows(store: &str) -> Arc<dyn Rows> {
    if let Some(file) = store.strip_prefix("sqlite://") {
        return Arc::new(SqliteRows::open(file.as_ref()).await.unwrap());
    }
    Arc::new(PostgresRows::open(store).await.unwrap())
}
