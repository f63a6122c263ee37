//! A connection to PostgreSQL that stays with whoever uses it.
//!
//! A pool asks the database before it hands out a connection and again when it takes it back: three round trips for one.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::time::{Instant, timeout};

use super::address::Pooler;
use super::servers::{CONNECT_WITHIN, Made, Servers};
use super::settings::Wait;
use super::statement::Statement;
use crate::database::{DatabaseError, in_time};

/// A connection that was idle for so long is asked whether it is alive before it is used.
const DOUBT_AFTER: Duration = Duration::from_secs(1);

/// One connection, made when it is needed, and given up with its first failure.
#[derive(Debug)]
pub struct Connection {
    servers: Arc<Servers>,
    wait: Wait,
    /// Taken out while it is used: one whose answer nobody waits for any more must not be used again.
    open: Option<PgConnection>,
    /// Which server it leads to.
    server: usize,
    used: Instant,
    /// How many failures there were when this connection was last known to be alive.
    known: u64,
}

impl Connection {
    /// A connection to one of `servers`, whose commits wait as `wait` says.
    #[must_use]
    pub fn new(servers: &Arc<Servers>, wait: Wait) -> Self {
        Self {
            servers: Arc::clone(servers),
            wait,
            open: None,
            server: 0,
            used: Instant::now(),
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
        self.execute_unless(statement, &[]).await
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
            let changed = match self.run(&mut connection, statement).await {
                Ok(changed) => changed,
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
            let found = match self.servers.pooler() {
                Pooler::Session => statement.query().fetch_all(&mut connection).await?,
                Pooler::Transaction => {
                    let text = statement.text(&self.wait.for_transaction());
                    let question = sqlx::raw_sql(AssertSqlSafe(text));
                    question.fetch_all(&mut connection).await?
                }
            };
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

    /// Says how many rows were changed. Through a pooler that gives a session for one transaction at a time, all that the transaction
    /// needs goes with it: the statements of one message are one transaction, which ends with the message or with the first that
    /// fails.
    async fn run(
        &self,
        connection: &mut PgConnection,
        statement: Statement<'_>,
    ) -> Result<u64, sqlx::Error> {
        let done = match self.servers.pooler() {
            Pooler::Session => statement.query().execute(connection).await?,
            Pooler::Transaction => {
                let text = statement.text(&self.wait.for_transaction());
                let change = sqlx::raw_sql(AssertSqlSafe(text));
                change.execute(connection).await?
            }
        };
        Ok(done.rows_affected())
    }

    fn settle<T>(
        &mut self,
        outcome: Result<(PgConnection, T), DatabaseError>,
    ) -> Result<T, DatabaseError> {
        self.used = Instant::now();
        let (connection, answer) = outcome.inspect_err(|_| self.servers.count_failure())?;
        self.open = Some(connection);
        Ok(answer)
    }

    async fn connected(&mut self) -> Result<PgConnection, DatabaseError> {
        let failures = self.servers.failures();
        let connection = if let Some(connection) = self.alive(failures).await {
            connection
        } else {
            let Made { connection, server } = self.servers.connect(self.wait).await?;
            self.server = server;
            connection
        };
        self.known = failures;
        Ok(connection)
    }

    async fn alive(&mut self, failures: u64) -> Option<PgConnection> {
        let mut connection = self.open.take()?;
        if !self.servers.is_chosen(self.server) {
            return None;
        }
        let is_doubtful = self.used.elapsed() > DOUBT_AFTER || self.known != failures;
        if is_doubtful && !self.servers.is_alive(&mut connection).await {
            return None;
        }
        Some(connection)
    }
}
