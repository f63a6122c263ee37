//! Where settings come from: defaults, then `config.toml`, then the environment, then flags. The last one counts.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::SettingError;

/// Every setting, by its name in the file (`section.key`).
pub(super) const NAMES: &[&str] = &[
    "server.listen",
    "server.base_url",
    "server.hosts",
    "server.metrics_listen",
    "server.trusted_proxies",
    "server.rate_limit",
    "server.max_connections",
    "server.drain_time",
    "server.stop_timeout",
    "smartsheet.region",
    "smartsheet.client_id",
    "smartsheet.client_secret",
    "smartsheet.client_secret_file",
    "smartsheet.scopes",
    "smartsheet.client_authentication",
    "smartsheet.authorize_url",
    "smartsheet.api_url",
    "sandbox.control",
    "session.store",
    "session.store_file",
    "session.key",
    "session.key_file",
    "session.idle_timeout",
    "session.lifetime",
    "session.refresh_margin",
    "session.refresh_lease",
    "log.format",
];

/// Those whose value is never shown.
const SECRETS: &[&str] = &["smartsheet.client_secret", "session.key"];

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: it is the default.
    Default,
    /// In the settings file.
    File(PathBuf),
    /// In the environment variable of this name.
    Environment(String),
    /// On the command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Environment(name) => write!(formatter, "environment {name}"),
            Self::Flag => formatter.write_str("command line"),
        }
    }
}

/// The values as they were given, each with its origin.
#[derive(Clone, Default)]
pub(super) struct Sources(BTreeMap<&'static str, (String, Origin)>);

impl fmt::Debug for Sources {
    /// The names and the origins. Some of the values are secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origins = self.0.iter().map(|(name, (_, origin))| (name, origin));
        formatter.debug_map().entries(origins).finish()
    }
}

impl Sources {
    /// Reads the file (when there is one), then asks `environment` for each setting's variable, then takes `flags`.
    pub(super) fn read(
        file: Option<&Path>,
        environment: &dyn Fn(&str) -> Option<OsString>,
        flags: &[(String, String)],
    ) -> Result<Self, SettingError> {
        let mut sources = Self::default();
        if let Some(path) = file {
            sources.read_file(path)?;
        }
        for name in NAMES {
            let variable = variable(name);
            if let Some(value) = environment(&variable) {
                let value = value.into_string().map_err(|_| {
                    let origin = Origin::Environment(variable.clone());
                    SettingError::new(name, origin, "is not UTF-8; expected text".to_owned())
                })?;
                // An empty variable is how compose files say "not set". No scopes at all is a choice, though.
                if !value.is_empty() || *name == "smartsheet.scopes" {
                    sources
                        .0
                        .insert(name, (value, Origin::Environment(variable)));
                }
            }
        }
        for (name, value) in flags {
            let known = NAMES.iter().find(|known| *known == name).ok_or_else(|| {
                SettingError::new(
                    name,
                    Origin::Flag,
                    format!("there is no such setting{}", nearest(name)),
                )
            })?;
            sources.0.insert(known, (value.clone(), Origin::Flag));
        }
        Ok(sources)
    }

    fn read_file(&mut self, path: &Path) -> Result<(), SettingError> {
        let origin = Origin::File(path.to_owned());
        let fail = |name: &str, problem: String| SettingError::new(name, origin.clone(), problem);
        let text = std::fs::read_to_string(path)
            .map_err(|error| fail("--config", format!("can't be read: {error}")))?;
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let line = error.span().map_or(1, |span| {
                text[..span.start.min(text.len())].lines().count().max(1)
            });
            let message = error
                .message()
                .lines()
                .next()
                .unwrap_or("not TOML")
                .to_owned();
            fail("--config", format!("line {line} is not TOML: {message}"))
        })?;
        for (section, keys) in table {
            let toml::Value::Table(keys) = keys else {
                return Err(fail(
                    &section,
                    format!(
                        "is outside a section; there is no such setting{}",
                        nearest(&section)
                    ),
                ));
            };
            for (key, value) in keys {
                let name = format!("{section}.{key}");
                let known = NAMES.iter().find(|known| **known == name).ok_or_else(|| {
                    fail(&name, format!("there is no such setting{}", nearest(&name)))
                })?;
                let text = text_of(&value).ok_or_else(|| {
                    // The store's URL may have a password in it.
                    let shown = if is_secret(&name) || name == "session.store" {
                        "its value".to_owned()
                    } else {
                        value.to_string()
                    };
                    fail(
                        &name,
                        format!("{shown} has the wrong type; expected text in quotes"),
                    )
                })?;
                if !text.is_empty() || *known == "smartsheet.scopes" {
                    self.0.insert(known, (text, origin.clone()));
                }
            }
        }
        Ok(())
    }

    /// The value of `name` and its origin, if it was given.
    pub(super) fn get(&self, name: &'static str) -> Option<(&str, &Origin)> {
        debug_assert!(NAMES.contains(&name), "{name} is not listed in NAMES");
        self.0
            .get(name)
            .map(|(value, origin)| (value.as_str(), origin))
    }

    /// The origin of `name`.
    pub(super) fn origin(&self, name: &'static str) -> Origin {
        self.get(name)
            .map_or(Origin::Default, |(_, origin)| origin.clone())
    }
}

/// The environment variable of a setting: `server.listen` is `SERVER_LISTEN`.
pub(super) fn variable(name: &str) -> String {
    name.replace('.', "_").to_ascii_uppercase()
}

/// Whether the value of `name` is never shown.
pub(super) fn is_secret(name: &str) -> bool {
    SECRETS.contains(&name)
}

/// Text as it is; a list of texts joined by spaces, as `scopes` and `trusted_proxies` may be written.
fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
            Some(texts?.join(" "))
        }
        _ => None,
    }
}

/// A hint at the setting that was probably meant: one of the same key in another section, or the most alike.
fn nearest(name: &str) -> String {
    let key = name.rsplit('.').next().unwrap_or(name);
    let same_key = NAMES
        .iter()
        .find(|known| known.ends_with(&format!(".{key}")));
    let alike = || {
        let shared = |known: &str| {
            let start = known
                .chars()
                .zip(name.chars())
                .take_while(|(a, b)| a == b)
                .count();
            let end = known
                .chars()
                .rev()
                .zip(name.chars().rev())
                .take_while(|(a, b)| a == b)
                .count();
            start + end
        };
        NAMES
            .iter()
            .max_by_key(|known| shared(known))
            .filter(|known| shared(known) * 3 >= known.len() * 2)
    };
    same_key
        .or_else(alike)
        .map(|known| format!("; did you mean {known}?"))
        .unwrap_or_default()
}
