//! The table of sessions, looked at and spoiled behind the app's back.

use std::sync::{Arc, Mutex};

use rusqlite::{Connection, params_from_iter};
use sha2::{Digest as _, Sha256};
use smartsheet_oauth_demo::postgres::{Address, Servers, Wait, migrate};
use smartsheet_oauth_demo::session::{Id, MIGRATIONS, PostgresRows, Rows, SqliteRows};
use sqlx::{AssertSqlSafe, PgPool, Row as _};

use super::Browser;

/// A connection to the database of a cluster.
#[derive(Clone)]
pub(crate) enum Table {
    Sqlite(Arc<Mutex<Connection>>),
    Postgres(PgPool),
}

impl Table {
    pub(crate) async fn open(store: &str) -> Self {
        if let Some(file) = store.strip_prefix("sqlite://") {
            Self::Sqlite(Arc::new(Mutex::new(Connection::open(file).unwrap())))
        } else {
            Self::Postgres(PgPool::connect(store).await.unwrap())
        }
    }

    /// Runs a statement with bytes for its parameters, and says how many rows it changed.
    pub(crate) async fn run(&self, sql: &str, values: &[&[u8]]) -> u64 {
        match self {
            Self::Sqlite(file) => {
                let file = file.lock().unwrap();
                // In SQLite `$1` is a name, `?1` a number.
                let sql = sql.replace('$', "?");
                file.execute(&sql, params_from_iter(values)).unwrap() as u64
            }
            Self::Postgres(pool) => {
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for value in values {
                    query = query.bind(value.to_vec());
                }
                query.execute(pool).await.unwrap().rows_affected()
            }
        }
    }

    /// The number of rows for which `condition` holds.
    pub(crate) async fn count(&self, condition: &str) -> i64 {
        self.try_count(condition).await.unwrap()
    }

    /// The same; an error when the database does not answer.
    pub(crate) async fn try_count(&self, condition: &str) -> Result<i64, sqlx::Error> {
        let sql = format!("SELECT count(*) FROM sessions WHERE {condition}");
        match self {
            Self::Sqlite(file) => {
                let file = file.lock().unwrap();
                Ok(file.query_row(&sql, [], |row| row.get(0)).unwrap())
            }
            Self::Postgres(pool) => {
                let query = sqlx::query(AssertSqlSafe(sql));
                Ok(query.fetch_one(pool).await?.get(0))
            }
        }
    }

    /// The sealed content of a browser's session.
    pub(crate) async fn sealed(&self, browser: &Browser) -> Vec<u8> {
        let sql = "SELECT sealed FROM sessions WHERE key = $1";
        let key = key_of(browser);
        match self {
            Self::Sqlite(file) => {
                let file = file.lock().unwrap();
                file.query_row(sql, [key], |row| row.get(0)).unwrap()
            }
            Self::Postgres(pool) => {
                let query = sqlx::query(sql).bind(key.to_vec());
                query.fetch_one(pool).await.unwrap().get(0)
            }
        }
    }

    /// Puts other content in a browser's session.
    pub(crate) async fn put(&self, browser: &Browser, sealed: &[u8]) {
        let sql = "UPDATE sessions SET sealed = $2 WHERE key = $1";
        assert_eq!(self.run(sql, &[&key_of(browser), sealed]).await, 1);
    }

    /// Sessions in which somebody is signed in.
    pub(crate) async fn logins(&self) -> i64 {
        self.count("NOT transient AND NOT ended").await
    }

    pub(crate) async fn close(&self) {
        if let Self::Postgres(pool) = self {
            pool.close().await;
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
    Arc::new(PostgresRows::new(
        &servers(store).await,
        Wait::StandbyDisk,
        10,
    ))
}

/// The servers of `store`, with the tables in its database.
pub(crate) async fn servers(store: &str) -> Arc<Servers> {
    let servers = Servers::new(&Address::parse(store).unwrap(), "tests");
    migrate(&servers, &MIGRATIONS, None).await.unwrap();
    servers
}
