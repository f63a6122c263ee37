//! What a server says of itself, through whatever is in between.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection as _, PgConnection, Row as _};
use tokio::time::timeout;

use super::connection::Connection;
use super::servers::Servers;
use super::settings::Wait;
use super::statement::Statement;
use crate::database::DatabaseError;

/// What a server says inside a transaction that is set up as one that writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// `synchronous_commit` in force: what a commit waits for.
    pub synchronous_commit: String,
    /// Whether what is written is forced to the disk at all.
    pub fsync: bool,
    /// Whether it can be written to.
    pub is_writable: bool,
    /// Its version, such as 170011 for 17.11.
    pub version: i64,
    /// Its clock, in milliseconds since 1970.
    pub clock: i64,
}

impl Report {
    /// Asks for it, in one round trip.
    ///
    /// # Errors
    ///
    /// When PostgreSQL refuses or does not answer within 5 seconds.
    pub async fn ask(connection: &mut Connection) -> Result<Self, DatabaseError> {
        let question = Statement::new(
            "SELECT current_setting('synchronous_commit'), current_setting('fsync') = 'on', \
             current_setting('transaction_read_only') = 'off', current_setting('server_version_num')::bigint, \
             (extract(epoch FROM clock_timestamp()) * 1000)::bigint",
        );
        let rows = connection.fetch_all(question).await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        Ok(Self {
            synchronous_commit: row.try_get(0)?,
            fsync: row.try_get(1)?,
            is_writable: row.try_get(2)?,
            version: row.try_get(3)?,
            clock: row.try_get(4)?,
        })
    }
}

/// How long the second connection is waited for: a pooler may have no session left for it.
const SECOND_WITHIN: Duration = Duration::from_secs(2);

/// Whether a pooler in between gives a session for one transaction at a time: then a second client in a transaction has the session
/// that the first has just used, or the first has another one meanwhile.
///
/// # Errors
///
/// When the server does not answer.
pub async fn is_pooled_by_transaction(servers: &Arc<Servers>) -> Result<bool, DatabaseError> {
    let mut first = servers.connect(Wait::StandbyDisk).await?.connection;
    let before = backend(&mut first, ASK).await?;
    let mut second = None;
    let during = async {
        let second = second.insert(servers.connect(Wait::StandbyDisk).await?.connection);
        backend(second, BEGIN_AND_ASK).await
    };
    let is_pooled = match timeout(SECOND_WITHIN, during).await {
        Ok(Ok(during)) => during == before || backend(&mut first, ASK).await? != before,
        _ => false,
    };
    for connection in [Some(first), second].into_iter().flatten() {
        // Closed properly: otherwise the server logs a client that went away in the middle of a transaction.
        let _ = timeout(SECOND_WITHIN, connection.close()).await;
    }
    Ok(is_pooled)
}

const ASK: &str = "SELECT pg_backend_pid()";
const BEGIN_AND_ASK: &str = "BEGIN; SELECT pg_backend_pid()";

/// Which process of the server answers.
async fn backend(
    connection: &mut PgConnection,
    question: &'static str,
) -> Result<i32, DatabaseError> {
    let row = sqlx::raw_sql(question).fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}
