//! Makes the tables, as sqlx's migrator would and in the same table of what was done, but in one transaction and without prepared
//! statements: sqlx's needs a session, which not every pooler gives.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use super::connection::Connection;
use super::servers::Servers;
use super::settings::Wait;
use super::statement::Statement;
use crate::database::DatabaseError;

/// The key of the lock that instances which start at once wait for. A random number.
const LOCK: i64 = 0x2c57_91d3_0be8_46af;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMPTZ NOT NULL DEFAULT now(),
    success BOOLEAN NOT NULL,
    checksum BYTEA NOT NULL,
    execution_time BIGINT NOT NULL
)";

const APPLIED: &str = "SELECT version, checksum FROM _sqlx_migrations";

/// `insufficient_privilege`.
const NOT_ALLOWED: &str = "42501";

/// Why the tables can't be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// The role may not make tables.
    #[error("{0}")]
    NotAllowed(DatabaseError),
    /// They were made by another migration of the same number.
    #[error("migration {0} of this program is another one than was made there")]
    Changed(i64),
    /// Anything else.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<sqlx::Error> for MigrateError {
    fn from(error: sqlx::Error) -> Self {
        let database = error.as_database_error();
        let is_not_allowed =
            database.is_some_and(|error| error.code().as_deref() == Some(NOT_ALLOWED));
        let error = DatabaseError::from(error);
        if is_not_allowed {
            Self::NotAllowed(error)
        } else {
            Self::Database(error)
        }
    }
}

/// What another role gets that uses the tables.
#[derive(Debug, Clone, Copy)]
pub struct Grant<'a> {
    /// The tables.
    pub tables: &'a [&'a str],
    /// The role.
    pub to: &'a str,
}

/// Whether all of `migrations` were made. Those that are unknown here are of a later version, beside which this one goes on.
///
/// # Errors
///
/// [`MigrateError::Changed`], and when the server does not answer. One that does not let this role look counts as "no".
pub async fn is_migrated(
    connection: &mut Connection,
    migrations: &Migrator,
) -> Result<bool, MigrateError> {
    let exists = Statement::new(
        "SELECT coalesce(has_table_privilege(to_regclass('_sqlx_migrations'), 'SELECT'), FALSE)",
    );
    let exists = connection.fetch_all(exists).await?;
    let exists = exists.first().map(|row| row.try_get::<bool, _>(0));
    if !exists.transpose()?.unwrap_or(false) {
        return Ok(false);
    }
    let rows = connection.fetch_all(Statement::new(APPLIED)).await?;
    let applied = read_applied(&rows)?;
    let mut is_complete = true;
    for migration in migrations.iter() {
        is_complete &= is_applied(&applied, migration.version, &migration.checksum)?;
    }
    Ok(is_complete)
}

/// Makes those of `migrations` that were not made, all or none, and lets another role use the tables.
///
/// # Errors
///
/// [`MigrateError`].
pub async fn migrate(
    servers: &Arc<Servers>,
    migrations: &Migrator,
    grant: Option<Grant<'_>>,
) -> Result<(), MigrateError> {
    let mut connection = servers.connect(Wait::StandbyDisk).await?.connection;
    // An index of a large table takes long, and whoever starts at the same time waits for it.
    let begin = format!(
        "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'; SET LOCAL synchronous_commit = 'on'; \
         SET LOCAL client_min_messages = 'warning'; SELECT pg_advisory_xact_lock({LOCK}); {TABLE}"
    );
    run(&mut connection, begin).await?;
    let rows = sqlx::raw_sql(APPLIED).fetch_all(&mut connection).await?;
    let applied = read_applied(&rows)?;
    for migration in migrations.iter() {
        if is_applied(&applied, migration.version, &migration.checksum)? {
            continue;
        }
        sqlx::raw_sql(migration.sql.clone())
            .execute(&mut connection)
            .await?;
        let note = Statement::new(format!(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES ($1, '{}', TRUE, $2, -1)",
            migration.description.replace('\'', "''")
        ));
        let note = note.bind(migration.version).bind(&migration.checksum[..]);
        run(&mut connection, note.text("")).await?;
    }
    if let Some(Grant { tables, to }) = grant {
        let (tables, to) = (tables.join(", "), to.replace('"', "\"\""));
        let grant = format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO \"{to}\"");
        run(&mut connection, grant).await?;
    }
    run(&mut connection, "COMMIT".to_owned()).await?;
    Ok(connection.close().await?)
}

async fn run(connection: &mut PgConnection, sql: String) -> Result<(), sqlx::Error> {
    let statements = sqlx::raw_sql(AssertSqlSafe(sql));
    statements.execute(connection).await?;
    Ok(())
}

fn read_applied(rows: &[sqlx::postgres::PgRow]) -> Result<HashMap<i64, Vec<u8>>, sqlx::Error> {
    let rows = rows.iter();
    rows.map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect()
}

fn is_applied(
    applied: &HashMap<i64, Vec<u8>>,
    version: i64,
    checksum: &[u8],
) -> Result<bool, MigrateError> {
    match applied.get(&version) {
        Some(known) if known == checksum => Ok(true),
        Some(_) => Err(MigrateError::Changed(version)),
        None => Ok(false),
    }
}
