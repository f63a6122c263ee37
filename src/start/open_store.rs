//! Opening the session store that the settings name, with the key that seals it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::ExposeSecret;

use super::StartError;
use super::open_postgres::PostgresDatabase;
use crate::clock::Clock;
use crate::config::{Settings, StoreUrl};
use crate::database::DatabaseError;
use crate::flow::{FlowLog, FlowRows, MemoryFlow, Retention, SqliteFlow};
use crate::session::{Lifetimes, MemoryRows, Rows, Sealer, SqliteRows, Store, read_or_make_key};

/// The database that the settings name.
#[derive(Debug)]
pub enum Database {
    /// This process's memory.
    Memory,
    /// One SQLite file for the sessions, with others beside it.
    Sqlite(PathBuf),
    /// Sessions and messages in one database, over connections that they share.
    Postgres(PostgresDatabase),
}

/// Looks at the database that the settings name, where it is one that others share.
///
/// # Errors
///
/// [`StartError`] when it can't be opened, does not keep what it acknowledges, or its tables can't be made.
pub async fn open_database(settings: &Settings, clock: &Clock) -> Result<Database, StartError> {
    match &settings.session.store {
        StoreUrl::Memory => Ok(Database::Memory),
        StoreUrl::Sqlite(file) => Ok(Database::Sqlite(file.clone())),
        StoreUrl::Postgres(url) => {
            let database = PostgresDatabase::open(url.expose_secret(), settings, clock).await?;
            Ok(Database::Postgres(database))
        }
    }
}

impl Database {
    /// What is probably not meant, a line each.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        match self {
            Self::Postgres(database) => &database.warnings,
            Self::Memory | Self::Sqlite(_) => &[],
        }
    }
}

/// The session store in `database`.
///
/// # Errors
///
/// [`StartError`] when it can't be opened, or its key not be made.
pub async fn open_store(
    settings: &Settings,
    database: &Database,
    clock: Clock,
) -> Result<Store, StartError> {
    let session = &settings.session;
    let fail = |problem: &str| {
        StartError(format!(
            "session.store: {} can't be opened: {problem}; expected a database that this user may read and write",
            session.store
        ))
    };
    let rows: Arc<dyn Rows> = match database {
        Database::Memory => Arc::new(MemoryRows::default()),
        Database::Sqlite(file) => {
            let rows = SqliteRows::open(file).await;
            Arc::new(rows.map_err(|error| fail(error.0.text()))?)
        }
        Database::Postgres(database) => Arc::new(database.rows()),
    };
    let lifetimes = Lifetimes {
        idle: session.idle_timeout,
        total: session.lifetime,
    };
    Ok(Store::new(rows, sealer(settings)?, lifetimes, clock))
}

/// The log of messages, beside the session store that the settings name: in the same PostgreSQL database, or in a file in the
/// same folder. Sealed with the same key.
///
/// # Errors
///
/// [`StartError`] when it can't be opened.
pub async fn open_flow_log(
    settings: &Settings,
    database: &Database,
    clock: Clock,
) -> Result<FlowLog, StartError> {
    let fail = |error: DatabaseError| {
        StartError(format!(
            "session.store: the log of messages beside {} can't be opened: {error}; expected a place that this user may \
             write",
            settings.session.store
        ))
    };
    let retention = Retention {
        record: settings.flow.record,
        max_size: settings.flow.max_size,
    };
    // With nothing recorded there may be what was recorded before, which goes when its time is up.
    let rows: Arc<dyn FlowRows> = match database {
        Database::Memory => Arc::new(MemoryFlow::default()),
        Database::Postgres(database) => Arc::new(database.flow()),
        Database::Sqlite(file) => {
            let file = file.with_file_name("flow.db");
            if retention.record || file.exists() {
                let rows = SqliteFlow::open(&file, retention.max_size).await;
                Arc::new(rows.map_err(fail)?)
            } else {
                Arc::new(MemoryFlow::default())
            }
        }
    };
    let sealer = sealer(settings)?;
    Ok(FlowLog::keeping(retention, rows, sealer, clock))
}

/// Where the key that is made on first start is kept: beside the embedded store.
fn made_key_file(store: &StoreUrl) -> PathBuf {
    beside(store, "session.key").unwrap_or_else(|| PathBuf::from("data/session.key"))
}

/// `name` in the folder of the embedded store, if there is one.
pub(super) fn beside(store: &StoreUrl, name: &str) -> Option<PathBuf> {
    match store {
        StoreUrl::Sqlite(file) => Some(file.with_file_name(name)),
        StoreUrl::Memory | StoreUrl::Postgres(_) => None,
    }
}

fn sealer(settings: &Settings) -> Result<Sealer, StartError> {
    let session = &settings.session;
    let (key, named) = if let Some(key) = &session.key {
        (key.clone(), "session.key".to_owned())
    } else {
        let file = made_key_file(&session.store);
        match read_or_make_key(&file) {
            Ok(key) => (
                key,
                format!("session.key (made by this app in {})", file.display()),
            ),
            // Nothing outlives the process in memory mode, so neither need the key.
            Err(_) if session.store == StoreUrl::Memory => {
                (Sealer::new_key().into(), String::new())
            }
            Err(error) => return Err(key_error(&file, &error)),
        }
    };
    Sealer::from_base64(key.expose_secret()).map_err(|error| {
        StartError(format!(
            "{named}: {error}; expected 32 bytes in base64, as `openssl rand -base64 32` prints them"
        ))
    })
}

fn key_error(file: &Path, error: &io::Error) -> StartError {
    StartError(format!(
        "session.key: {} can't be read or made: {error}; expected a folder that this user may write, or session.key to be set",
        file.display()
    ))
}
