//! Opening the session store that the settings name, with the key that seals it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::ExposeSecret;

use super::StartError;
use crate::clock::Clock;
use crate::config::{Settings, StoreUrl};
use crate::database::DatabaseError;
use crate::flow::{FlowLog, FlowRows, MemoryFlow, PostgresFlow, Retention, SqliteFlow};
use crate::session::{
    Lifetimes, MemoryRows, PostgresRows, Rows, Sealer, SqliteRows, Store, read_or_make_key,
};

/// The session store that the settings name, opened.
///
/// # Errors
///
/// [`StartError`] when it can't be opened, or its key not be made.
pub async fn open_store(settings: &Settings, clock: Clock) -> Result<Store, StartError> {
    let session = &settings.session;
    let fail = |problem: String| {
        StartError(format!(
            "session.store: {} can't be opened: {problem}; expected a database that this user may read and write",
            session.store
        ))
    };
    let rows: Arc<dyn Rows> = match &session.store {
        StoreUrl::Memory => Arc::new(MemoryRows::default()),
        StoreUrl::Sqlite(file) => {
            let rows = SqliteRows::open(file).await;
            Arc::new(rows.map_err(|error| fail(error.0.to_string()))?)
        }
        StoreUrl::Postgres(url) => {
            let rows = PostgresRows::open(url.expose_secret()).await;
            Arc::new(rows.map_err(|error| fail(error.0.to_string()))?)
        }
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
pub async fn open_flow_log(settings: &Settings, clock: Clock) -> Result<FlowLog, StartError> {
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
    let rows: Arc<dyn FlowRows> = match &settings.session.store {
        StoreUrl::Memory => Arc::new(MemoryFlow::default()),
        StoreUrl::Sqlite(file) => {
            let file = file.with_file_name("flow.db");
            if retention.record || file.exists() {
                let rows = SqliteFlow::open(&file, retention.max_size).await;
                Arc::new(rows.map_err(fail)?)
            } else {
                Arc::new(MemoryFlow::default())
            }
        }
        StoreUrl::Postgres(url) => Arc::new(PostgresFlow::open(url.expose_secret()).map_err(fail)?),
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
