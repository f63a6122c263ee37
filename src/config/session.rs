//! The section `[session]`.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::origin::Origin;
use super::passwords::without_password;
use super::source::Sources;
use super::table::default;
use super::{SettingError, parse, secret, value};
use crate::postgres::Address;
use crate::seal::Sealer;

/// The section `[session]`.
#[derive(Debug, Clone)]
pub struct SessionSettings {
    /// `session.store`, or what `session.store_file` holds: the database.
    pub store: StoreUrl,
    /// `session.key`, or what `session.key_file` holds: base64 keys, separated by commas. `None`: made on first start.
    pub key: Option<SecretString>,
    /// `session.idle_timeout`: how long a session lasts without a visit.
    pub idle_timeout: Duration,
    /// `session.lifetime`: how long a session lasts in all.
    pub lifetime: Duration,
    /// `session.refresh_margin`: an access token with less to live is refreshed before use.
    pub refresh_margin: Duration,
    /// `session.refresh_lease`: how long an instance may take for a refresh before another one carries on.
    pub refresh_lease: Duration,
    /// `session.max_connections`: how many connections to PostgreSQL, sessions and messages together.
    pub max_connections: usize,
    /// `session.migrate_url`: where tables are made, when that is another place than `session.store`.
    pub migrate_url: Option<SecretString>,
}

/// Where sessions are kept.
#[derive(Debug, Clone)]
pub enum StoreUrl {
    /// One SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database. The URL may hold a password.
    Postgres(SecretString),
    /// This process's memory.
    Memory,
}

impl PartialEq for StoreUrl {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sqlite(one), Self::Sqlite(two)) => one == two,
            (Self::Postgres(one), Self::Postgres(two)) => {
                one.expose_secret() == two.expose_secret()
            }
            (Self::Memory, Self::Memory) => true,
            _ => false,
        }
    }
}

impl StoreUrl {
    /// Whether the URL has a password in it.
    #[must_use]
    pub fn has_password(&self) -> bool {
        match self {
            Self::Postgres(url) => without_password(url.expose_secret()) != url.expose_secret(),
            Self::Sqlite(_) | Self::Memory => false,
        }
    }

    /// The hosts of a database elsewhere to which the URL does not say whether to use TLS. Without a word on that (`sslmode`),
    /// a server or whoever stands in between can have it off.
    #[must_use]
    pub fn hosts_without_sslmode(&self) -> Vec<String> {
        let Self::Postgres(url) = self else {
            return Vec::new();
        };
        let Ok(address) = Address::parse(url.expose_secret()) else {
            return Vec::new();
        };
        let hosts = address.hosts().filter(|host| {
            // A folder is a socket's.
            !address.says_sslmode() && !is_this_machine(host) && !host.starts_with('/')
        });
        hosts.map(str::to_owned).collect()
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for StoreUrl {
    /// The setting's value with a password masked.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "sqlite://{}", path.display()),
            Self::Memory => formatter.write_str("memory"),
            Self::Postgres(url) => {
                // A password may be among the parameters, too.
                let url = url.expose_secret();
                let url = url.split(['?', '#']).next().unwrap_or(url);
                formatter.write_str(&without_password(url))
            }
        }
    }
}

pub(super) fn read(sources: &Sources) -> Result<SessionSettings, SettingError> {
    let store = store(sources)?;
    let key = secret(sources, "session.key", "session.key_file")?;
    if let Some(key) = &key {
        let name = if sources.get("session.key").is_some() {
            "session.key"
        } else {
            "session.key_file"
        };
        Sealer::from_base64(key.expose_secret()).map_err(|error| {
            let problem = format!(
                "{error}; expected 32 bytes in base64, as `openssl rand -base64 32` prints them, or several separated by commas"
            );
            SettingError::new(name, sources.origin(name), problem)
        })?;
    } else if matches!(store, StoreUrl::Postgres(_)) {
        return Err(SettingError::new(
            "session.key",
            Origin::Default,
            "is missing; expected 32 bytes in base64, as `openssl rand -base64 32` prints them, because all instances \
             on PostgreSQL must share it"
                .to_owned(),
        ));
    }
    Ok(SessionSettings {
        store,
        key,
        idle_timeout: value(sources, "session.idle_timeout", parse::positive_duration)?,
        refresh_lease: value(sources, "session.refresh_lease", parse::positive_duration)?,
        lifetime: value(sources, "session.lifetime", parse::positive_duration)?,
        refresh_margin: value(sources, "session.refresh_margin", parse::duration)?,
        max_connections: value(sources, "session.max_connections", parse::connections)?,
        migrate_url: migrate_url(sources)?,
    })
}

/// Where sessions are kept. Its value is never shown: a URL may hold a password, and so may anything that was meant to be one.
fn store(sources: &Sources) -> Result<StoreUrl, SettingError> {
    let given = secret(sources, "session.store", "session.store_file")?;
    let text = given
        .as_ref()
        .map_or(default("session.store"), ExposeSecret::expose_secret);
    parse::store(text).map_err(|expected| {
        let name = if sources.get("session.store_file").is_some() {
            "session.store_file"
        } else {
            "session.store"
        };
        let problem = format!("can't be read; {expected}");
        SettingError::new(name, sources.origin(name), problem)
    })
}

/// Never shown either.
fn migrate_url(sources: &Sources) -> Result<Option<SecretString>, SettingError> {
    const NAME: &str = "session.migrate_url";
    let Some((text, origin)) = sources.get(NAME) else {
        return Ok(None);
    };
    match Address::parse(text.trim()) {
        Ok(_) => Ok(Some(text.trim().into())),
        Err(error) => {
            let problem =
                format!("can't be read; {error}; expected postgres://USER:PASSWORD@HOST/DATABASE");
            Err(SettingError::new(NAME, origin.clone(), problem))
        }
    }
}
