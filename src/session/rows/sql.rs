//! Rows in SQLite and in PostgreSQL. Both understand the same statements, so they are written once.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, PgConnection, PgPool, Row as _, SqlitePool};

use tokio::time::timeout;

use super::{Row, RowKey, Rows, RowsError};

/// How long an operation may take, waiting for SQLite's write lock included, before the store counts as unavailable.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it may take to get a connection to PostgreSQL.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// Rows in one SQLite file, in WAL mode with full synchronisation: what was acknowledged survives `kill -9` and a power
/// failure.
#[derive(Debug)]
pub struct SqliteRows {
    /// SQLite takes one writer at a time. With a connection of its own the next writer waits here, in turn, and not
    /// in SQLite's busy loop.
    writer: SqlitePool,
    reader: SqlitePool,
}

impl SqliteRows {
    /// Opens the file, making it (mode 0600) and its folder (mode 0700) when they are missing.
    ///
    /// # Errors
    ///
    /// When the folder or the file can't be made, written or read as a database of ours.
    pub async fn open(file: &Path) -> Result<Self, RowsError> {
        prepare_file(file).map_err(|error| RowsError(error.to_string().into()))?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(PATIENCE);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(PATIENCE)
            .connect_with(options.clone())
            .await?;
        migrate(&writer).await?;
        let reader = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(PATIENCE)
            .connect_lazy_with(options);
        Ok(Self { writer, reader })
    }
}

/// Brings the tables up to date. sqlx takes a lock for that in PostgreSQL and none in SQLite: of processes that start at
/// once, one finds another's tables in its way. It looks again, and then finds the work done.
async fn migrate(writer: &SqlitePool) -> Result<(), RowsError> {
    const TRIES: u32 = 5;
    let mut tries = 1;
    loop {
        match sqlx::migrate!("migrations/sqlite").run(writer).await {
            Ok(()) => return Ok(()),
            Err(error) if tries == TRIES => return Err(sqlx::Error::from(error).into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
        tries += 1;
    }
}

/// Sessions are nobody else's business: the file and its folder are made before SQLite would make them readable for all.
fn prepare_file(file: &Path) -> std::io::Result<()> {
    if let Some(folder) = file.parent().filter(|path| !path.as_os_str().is_empty()) {
        make_private_folder(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(file).map(drop)
}

/// Makes `folder` (mode 0700) unless it exists.
pub(crate) fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// Rows in a PostgreSQL database, which several instances may share.
#[derive(Debug)]
pub struct PostgresRows {
    writer: PgPool,
    reader: PgPool,
}

impl PostgresRows {
    /// Connects to `url` (`postgres://user:password@host/database`, with `sslmode` and the other options of sqlx) and
    /// brings the tables up to date; sqlx takes an advisory lock for that, so instances may start at once.
    ///
    /// # Errors
    ///
    /// When the URL can't be read, the server doesn't answer, or the tables can't be made.
    pub async fn open(url: &str) -> Result<Self, RowsError> {
        let options = PgConnectOptions::from_str(url)?
            .application_name(env!("CARGO_PKG_NAME"))
            // A statement that hangs must not hold its connection for ever. And what is acknowledged here must be on disk,
            // even if the server's own configuration is content with less.
            .options([
                ("statement_timeout", "5s"),
                ("lock_timeout", "3s"),
                ("synchronous_commit", "on"),
            ]);
        // A pool tries again for a while and then only says that it took too long; one connection says why there is none.
        in_time(async { Ok(PgConnection::connect_with(&options).await?.close().await?) }).await?;
        let pool = PgPoolOptions::new()
            .max_connections(10)
            .acquire_timeout(CONNECT_WITHIN)
            .connect_with(options)
            .await?;
        sqlx::migrate!("migrations/postgres")
            .run(&pool)
            .await
            .map_err(sqlx::Error::from)?;
        Ok(Self {
            writer: pool.clone(),
            reader: pool,
        })
    }
}

macro_rules! rows_in {
    ($database:ty) => {
        #[async_trait]
        impl Rows for $database {
            async fn insert(&self, row: &Row) -> Result<bool, RowsError> {
                in_time(async {
                    let done = sqlx::query(
                        "INSERT INTO sessions (key, version, sealed, expires_at, transient) VALUES ($1, $2, $3, $4, $5)
                         ON CONFLICT (key) DO NOTHING",
                    )
                    .bind(row.key.0.as_slice())
                    .bind(row.version)
                    .bind(row.sealed.as_slice())
                    .bind(row.expires_at)
                    .bind(row.transient)
                    .execute(&self.writer)
                    .await?;
                    Ok(done.rows_affected() == 1)
                })
                .await
            }

            async fn find(&self, key: &RowKey, now: i64) -> Result<Option<Row>, RowsError> {
                in_time(async {
                    let found = sqlx::query(
                        "SELECT version, sealed, expires_at, transient FROM sessions WHERE key = $1 AND expires_at > $2",
                    )
                    .bind(key.0.as_slice())
                    .bind(now)
                    .fetch_optional(&self.reader)
                    .await?;
                    let row = found.map(|found| {
                        Ok::<_, sqlx::Error>(Row {
                            key: *key,
                            version: found.try_get(0)?,
                            sealed: found.try_get(1)?,
                            expires_at: found.try_get(2)?,
                            transient: found.try_get(3)?,
                        })
                    });
                    Ok(row.transpose()?)
                })
                .await
            }

            async fn update(&self, row: &Row) -> Result<bool, RowsError> {
                in_time(async {
                    let done = sqlx::query(
                        "UPDATE sessions SET version = $2, sealed = $3, expires_at = $4, transient = $5
                         WHERE key = $1 AND version = $2 - 1",
                    )
                    .bind(row.key.0.as_slice())
                    .bind(row.version)
                    .bind(row.sealed.as_slice())
                    .bind(row.expires_at)
                    .bind(row.transient)
                    .execute(&self.writer)
                    .await?;
                    Ok(done.rows_affected() == 1)
                })
                .await
            }

            async fn replace(&self, old: &RowKey, version: i64, new: &Row) -> Result<bool, RowsError> {
                in_time(async {
                    let mut transaction = self.writer.begin().await?;
                    let removed = sqlx::query("DELETE FROM sessions WHERE key = $1 AND version = $2")
                        .bind(old.0.as_slice())
                        .bind(version)
                        .execute(&mut *transaction)
                        .await?;
                    if removed.rows_affected() == 0 {
                        transaction.rollback().await?;
                        return Ok(false);
                    }
                    sqlx::query(
                        "INSERT INTO sessions (key, version, sealed, expires_at, transient) VALUES ($1, $2, $3, $4, $5)",
                    )
                    .bind(new.key.0.as_slice())
                    .bind(new.version)
                    .bind(new.sealed.as_slice())
                    .bind(new.expires_at)
                    .bind(new.transient)
                    .execute(&mut *transaction)
                    .await?;
                    transaction.commit().await?;
                    Ok(true)
                })
                .await
            }

            async fn delete(&self, key: &RowKey, version: i64) -> Result<bool, RowsError> {
                in_time(async {
                    let done = sqlx::query("DELETE FROM sessions WHERE key = $1 AND version = $2")
                        .bind(key.0.as_slice())
                        .bind(version)
                        .execute(&self.writer)
                        .await?;
                    Ok(done.rows_affected() == 1)
                })
                .await
            }

            async fn touch(&self, key: &RowKey, expires_at: i64) -> Result<(), RowsError> {
                in_time(async {
                    sqlx::query("UPDATE sessions SET expires_at = $2 WHERE key = $1")
                        .bind(key.0.as_slice())
                        .bind(expires_at)
                        .execute(&self.writer)
                        .await?;
                    Ok(())
                })
                .await
            }

            async fn delete_expired(&self, now: i64, limit: i64) -> Result<u64, RowsError> {
                in_time(async {
                    let done = sqlx::query(
                        "DELETE FROM sessions WHERE expires_at <= $1 AND key IN
                         (SELECT key FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
                    )
                    .bind(now)
                    .bind(limit)
                    .execute(&self.writer)
                    .await?;
                    Ok(done.rows_affected())
                })
                .await
            }

            async fn trim_transient(&self, keep: i64, limit: i64) -> Result<u64, RowsError> {
                in_time(async {
                    let done = sqlx::query(
                        "DELETE FROM sessions WHERE transient AND key IN
                         (SELECT key FROM sessions WHERE transient ORDER BY expires_at DESC LIMIT $2 OFFSET $1)",
                    )
                    .bind(keep)
                    .bind(limit)
                    .execute(&self.writer)
                    .await?;
                    Ok(done.rows_affected())
                })
                .await
            }

            async fn ping(&self) -> Result<(), RowsError> {
                in_time(async {
                    sqlx::query("SELECT 1").execute(&self.reader).await?;
                    Ok(())
                })
                .await
            }

            async fn close(&self) {
                self.reader.close().await;
                self.writer.close().await;
            }
        }
    };
}

/// Does `work`, for [`PATIENCE`] at most: a database that hangs must not hang its callers. A write that is given up may have
/// been done all the same.
async fn in_time<T>(work: impl Future<Output = Result<T, RowsError>>) -> Result<T, RowsError> {
    timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| Err(RowsError("no answer in time".into())))
}

rows_in!(SqliteRows);
rows_in!(PostgresRows);
