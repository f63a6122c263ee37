//! Where settings come from: defaults, then `config.toml`, then `.env`, then the environment, then flags. The last one counts.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use super::dotenv::{self, Variables, without_mark};
use super::origin::Origin;
use super::passwords::without_password;
use super::table::{find, is_secret, names, nearest, variable};
use super::{Given, SettingError, variables};

/// What platforms tell a program to listen on.
const PORT: &str = "PORT";

/// What chooses the events that are logged.
const RUST_LOG: &str = "RUST_LOG";

/// The values as they were given, each with its origin.
#[derive(Clone, Default)]
pub(super) struct Sources {
    values: BTreeMap<&'static str, (String, Origin)>,
    /// The value of `RUST_LOG`, or nothing.
    pub(super) log_filter: String,
    /// Whether the environment says how to use TLS to PostgreSQL (`PGSSLMODE`), for URLs that don't.
    pub(super) has_sslmode: bool,
    /// Variables that are no setting's but nearly have the name of one.
    pub(super) misspelt: Vec<String>,
}

impl fmt::Debug for Sources {
    /// The names and the origins. Some of the values are secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origins = self.values.iter().map(|(name, (_, origin))| (name, origin));
        formatter.debug_map().entries(origins).finish()
    }
}

impl Sources {
    /// Reads everything that is `given`, the weakest first.
    pub(super) fn read(given: &Given<'_>) -> Result<Self, SettingError> {
        let mut sources = Self::default();
        if let Some(path) = given.file {
            sources.read_file(path)?;
        }
        let dotenv = given.dotenv.map(dotenv::read).transpose()?;
        let dotenv = dotenv.unwrap_or_default();
        sources.read_variables(&dotenv, given.environment)?;
        sources.has_sslmode = (given.environment)("PGSSLMODE").is_some();
        let names = given.variables.iter().map(|name| name.to_string_lossy());
        let names = names.chain(dotenv.keys().map(Into::into));
        sources.misspelt = variables::misspelt(names);
        for (name, value) in given.flags {
            let known = find(name).ok_or_else(|| {
                SettingError::new(
                    name,
                    Origin::Flag,
                    format!("there is no such setting{}", nearest(name)),
                )
            })?;
            sources.insert(known.name, value.clone(), Origin::Flag);
        }
        Ok(sources)
    }

    /// Takes each setting's variable from the environment, or else from `.env`.
    fn read_variables(
        &mut self,
        dotenv: &Variables,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<(), SettingError> {
        // An empty variable is how compose files say "not set". No scopes at all is a choice, though.
        let find = |setting: &str, variable: &str| {
            let counts = |value: &str| !value.is_empty() || setting == "smartsheet.scopes";
            let origin = Origin::Environment(variable.to_owned());
            if let Some(value) = environment(variable) {
                let value = value.into_string().map_err(|_| {
                    let problem = "is not UTF-8; expected text".to_owned();
                    SettingError::new(setting, origin.clone(), problem)
                })?;
                if counts(&value) {
                    return Ok(Some((value, origin)));
                }
            }
            let value = dotenv.get(variable).filter(|value| counts(value));
            Ok(value.map(|value| (value.clone(), Origin::Dotenv(variable.to_owned()))))
        };
        for name in names() {
            let found = match find(name, &variable(name))? {
                None if name == "server.listen" => find(name, PORT)?,
                found => found,
            };
            if let Some((value, origin)) = found {
                self.insert(name, value, origin);
            }
        }
        // A filter that is no text is reported like one that is no filter.
        let filter = environment(RUST_LOG).filter(|filter| !filter.is_empty());
        let filter = filter.map(|filter| filter.to_string_lossy().into_owned());
        self.log_filter = filter
            .or_else(|| dotenv.get(RUST_LOG).cloned())
            .unwrap_or_default();
        Ok(())
    }

    fn insert(&mut self, name: &'static str, value: String, origin: Origin) {
        self.values.insert(name, (value, origin));
    }

    fn read_file(&mut self, path: &Path) -> Result<(), SettingError> {
        let origin = Origin::File(path.to_owned());
        let fail = |name: &str, problem: String| SettingError::new(name, origin.clone(), problem);
        let text = std::fs::read_to_string(path)
            .map_err(|error| fail("--config", format!("can't be read: {error}")))?;
        let text = without_mark(&text);
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
                let known = find(&name).ok_or_else(|| {
                    fail(&name, format!("there is no such setting{}", nearest(&name)))
                })?;
                let known = known.name;
                let text = text_of(known, &value).ok_or_else(|| {
                    // The store's URL may have a password in it.
                    let shown = if is_secret(&name) || name == "session.store" {
                        "its value".to_owned()
                    } else {
                        without_password(&value.to_string()).into_owned()
                    };
                    fail(
                        &name,
                        format!("{shown} has the wrong type; expected text in quotes"),
                    )
                })?;
                if !text.is_empty() || known == "smartsheet.scopes" {
                    self.insert(known, text, origin.clone());
                }
            }
        }
        Ok(())
    }

    /// The value of `name` and its origin, if it was given.
    pub(super) fn get(&self, name: &'static str) -> Option<(&str, &Origin)> {
        debug_assert!(find(name).is_some(), "{name} is not in the table");
        self.values
            .get(name)
            .map(|(value, origin)| (value.as_str(), origin))
    }

    /// The origin of `name`.
    pub(super) fn origin(&self, name: &'static str) -> Origin {
        self.get(name)
            .map_or(Origin::Default, |(_, origin)| origin.clone())
    }

    /// Whether the value of `name` came from [`PORT`], which is a port alone.
    pub(super) fn is_port(&self, name: &'static str) -> bool {
        matches!(
            self.get(name),
            Some((_, Origin::Environment(variable) | Origin::Dotenv(variable))) if variable == PORT
        )
    }
}

/// Text as it is; a list of texts joined by spaces, as `scopes` and `trusted_proxies` may be written. Where what is listed has
/// spaces itself, it is joined by commas, and a comma within is written `%2C`.
fn text_of(name: &str, value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
            if !matches!(name, "gateway.allow" | "api.allow") {
                return Some(texts?.join(" "));
            }
            let texts = texts?.into_iter().map(|text| text.replace(',', "%2C"));
            let texts = texts.collect::<Vec<_>>().join(",");
            // A list of nobody is not the same as no list, which is everybody.
            let is_nobody = texts.is_empty() && name == "gateway.allow";
            Some(if is_nobody { "[]".to_owned() } else { texts })
        }
        _ => None,
    }
}
