//! A connection to PostgreSQL that stays with whoever uses it.
//!
//! A pool asks the database before it hands out a connection and again when it takes it back: three round trips for one.

use std::io;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow};
use sqlx::query::Query;
use sqlx::{Connection as _, PgConnection, Postgres};
use tokio::time::{Instant, timeout};

use crate::database::{DatabaseError, in_time};

/// How long it may take to get a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// A connection that was idle for so long is asked whether it is alive before it is used.
const DOUBT_AFTER: Duration = Duration::from_secs(1);

/// A statement with its values.
pub type Statement<'a> = Query<'a, Postgres, PgArguments>;

/// How to connect to `url`, under the name of `application`. `synchronous_commit` says what is on disk when a commit returns,
/// whatever the server's own configuration is content with.
///
/// # Errors
///
/// When `url` can't be understood.
pub fn options(
    url: &str,
    application: &str,
    synchronous_commit: &str,
) -> Result<PgConnectOptions, DatabaseError> {
    let options = PgConnectOptions::from_str(url)?
        .application_name(application)
        // A statement that hangs must not hold its connection for ever.
        .options([
            ("statement_timeout", "5s"),
            ("lock_timeout", "3s"),
            ("synchronous_commit", synchronous_commit),
            // A plan that was made while a table was empty is kept when it is not empty any more. There is an index for
            // every statement, so no plan is to go through a whole table.
            ("enable_seqscan", "off"),
        ]);
    Ok(options)
}

/// One connection, made when it is needed, and given up with its first failure.
#[derive(Debug)]
pub struct Connection {
    options: PgConnectOptions,
    /// Taken out while it is used: one whose answer nobody waits for any more must not be used again.
    open: Option<PgConnection>,
    used: Instant,
    /// How many failures all connections have seen. One that fails is a reason to doubt the others: after a restart of the
    /// database none is alive.
    failures: Arc<AtomicU64>,
    /// How many there were when this connection was last known to be alive.
    known: u64,
}

impl Connection {
    /// A connection among those that share `failures`.
    #[must_use]
    pub fn new(options: &PgConnectOptions, failures: &Arc<AtomicU64>) -> Self {
        Self {
            options: options.clone(),
            open: None,
            used: Instant::now(),
            failures: Arc::clone(failures),
            known: 0,
        }
    }

    /// Whether there is a connection that can be used at once.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.open.is_some()
    }

    /// Says how many rows were changed.
    ///
    /// # Errors
    ///
    /// When PostgreSQL refuses or does not answer within 5 seconds. The change may have been made all the same.
    pub async fn execute(&mut self, statement: Statement<'_>) -> Result<u64, DatabaseError> {
        let done = in_time(async {
            let mut connection = self.connected().await?;
            let done = statement.execute(&mut connection).await?;
            Ok((connection, done.rows_affected()))
        });
        let done = done.await;
        self.settle(done)
    }

    /// Says how many rows were changed: none when the statement fails with one of the codes (SQLSTATE) in `refusals`.
    ///
    /// # Errors
    ///
    /// As with [`Connection::execute`], for every other failure.
    pub async fn execute_unless(
        &mut self,
        statement: Statement<'_>,
        refusals: &[&str],
    ) -> Result<u64, DatabaseError> {
        let done = in_time(async {
            let mut connection = self.connected().await?;
            let changed = match statement.execute(&mut connection).await {
                Ok(done) => done.rows_affected(),
                Err(sqlx::Error::Database(error))
                    if error.code().is_some_and(|code| refusals.contains(&&*code)) =>
                {
                    0
                }
                Err(error) => return Err(error.into()),
            };
            Ok((connection, changed))
        });
        let done = done.await;
        self.settle(done)
    }

    /// The rows that the statement finds.
    ///
    /// # Errors
    ///
    /// When PostgreSQL refuses or does not answer within 5 seconds.
    pub async fn fetch_all(
        &mut self,
        statement: Statement<'_>,
    ) -> Result<Vec<PgRow>, DatabaseError> {
        let found = in_time(async {
            let mut connection = self.connected().await?;
            let found = statement.fetch_all(&mut connection).await?;
            Ok((connection, found))
        });
        let found = found.await;
        self.settle(found)
    }

    /// Ends the connection, if there is one. The next statement makes another.
    pub async fn close(&mut self) {
        if let Some(connection) = self.open.take() {
            let _ = timeout(CONNECT_WITHIN, connection.close()).await;
        }
    }

    fn settle<T>(
        &mut self,
        outcome: Result<(PgConnection, T), DatabaseError>,
    ) -> Result<T, DatabaseError> {
        self.used = Instant::now();
        let (connection, answer) = outcome.inspect_err(|_| {
            self.failures.fetch_add(1, Ordering::Relaxed);
        })?;
        self.open = Some(connection);
        Ok(answer)
    }

    async fn connected(&mut self) -> Result<PgConnection, DatabaseError> {
        let failures = self.failures.load(Ordering::Relaxed);
        let connection = match self.alive(failures).await {
            Some(connection) => connection,
            None => timeout(CONNECT_WITHIN, PgConnection::connect_with(&self.options))
                .await
                .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))?,
        };
        self.known = failures;
        Ok(connection)
    }

    async fn alive(&mut self, failures: u64) -> Option<PgConnection> {
        let mut connection = self.open.take()?;
        if self.used.elapsed() > DOUBT_AFTER || self.known != failures {
            timeout(CONNECT_WITHIN, connection.ping())
                .await
                .ok()?
                .ok()?;
        }
        Some(connection)
    }
}
