//! The settings: what they are, where each value came from, and what is wrong with it.

mod api;
mod dotenv;
mod flow;
mod gateway;
mod hosts;
mod listen;
mod origin;
mod parse;
mod passwords;
mod sandbox;
mod secret;
mod server;
mod session;
mod shown;
mod smartsheet;
mod source;
mod table;
mod variables;
mod warnings;

use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use url::Url;

pub use api::ApiSettings;
pub use flow::FlowSettings;
pub use gateway::GatewaySettings;
pub use listen::Listen;
pub use origin::Origin;
use parse::Expected;
pub use parse::duration as parse_duration;
pub use sandbox::{SandboxControl, SandboxSettings};
use secret::secret;
pub use server::ServerSettings;
pub use session::{SessionSettings, StoreUrl};
pub use smartsheet::{Region, SmartsheetSettings};
use source::Sources;
pub use table::{Default, Setting, TABLE, variable};

/// Where settings are looked for.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// The settings file. `None`: `config.toml` of this folder, if there is one.
    pub file: Option<&'a Path>,
    /// A file of variables for those that the environment does not have.
    pub dotenv: Option<&'a Path>,
    /// Looks a variable up in the environment.
    pub environment: &'a dyn Fn(&str) -> Option<OsString>,
    /// The names of all variables of the environment, to find those that are misspelt.
    pub variables: &'a [OsString],
    /// Pairs of name and value of the command line.
    pub flags: &'a [(String, String)],
}

/// Everything that can be set, checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How the app is reached.
    pub server: ServerSettings,
    /// The provider and the app's registration with it.
    pub smartsheet: SmartsheetSettings,
    /// The stand-in for Smartsheet that is mounted in sandbox mode.
    pub sandbox: SandboxSettings,
    /// What is kept for a browser, where and for how long.
    pub session: SessionSettings,
    /// The record of what was said.
    pub flow: FlowSettings,
    /// Other sites that get the signed-in person from here.
    pub gateway: GatewaySettings,
    /// Smartsheet's API for pages and back ends.
    pub api: ApiSettings,
    /// How events are written.
    pub log: LogFormat,
    /// Which events are written: what `RUST_LOG` says, in the environment or in `.env`.
    pub log_filter: String,
    sources: Sources,
}

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// JSON objects, one a line.
    Json,
}

/// What is wrong with a setting, in one line: its name, where the value came from, the value (never a secret's), and
/// what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    name: String,
    origin: Origin,
    problem: String,
}

impl SettingError {
    fn new(name: &str, origin: Origin, problem: String) -> Self {
        let name = name.to_owned();
        Self {
            name,
            origin,
            problem,
        }
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            origin,
            problem,
        } = self;
        // In a file, a key can be any text in quotes.
        let name = name.escape_debug();
        match origin {
            Origin::Default => write!(formatter, "{name}: {problem}"),
            origin => write!(formatter, "{name} ({origin}): {problem}"),
        }
    }
}

impl std::error::Error for SettingError {}

impl Settings {
    /// Loads the settings: `config.toml` of this folder if there is one, or `file`, which must exist; the environment, as
    /// `environment` tells it; and `flags`, pairs of name and value.
    ///
    /// # Errors
    ///
    /// The first [`SettingError`] found.
    pub fn load(
        file: Option<&Path>,
        environment: &dyn Fn(&str) -> Option<OsString>,
        flags: &[(String, String)],
    ) -> Result<Self, SettingError> {
        Self::from_given(Given {
            file,
            dotenv: None,
            environment,
            variables: &[],
            flags,
        })
    }

    /// Loads the settings from everything that is `given`.
    ///
    /// # Errors
    ///
    /// The first [`SettingError`] found.
    pub fn from_given(given: Given<'_>) -> Result<Self, SettingError> {
        let usual = Path::new("config.toml");
        let file = given.file.or_else(|| usual.exists().then_some(usual));
        let sources = Sources::read(&Given { file, ..given })?;
        let server = server::read(&sources)?;
        let session = session::read(&sources)?;
        Ok(Self {
            gateway: gateway::read(&sources, &session.store)?,
            api: api::read(&sources)?,
            smartsheet: smartsheet::read(&sources, &server)?,
            sandbox: sandbox::read(&sources)?,
            session,
            flow: flow::read(&sources)?,
            log: value(&sources, "log.format", |text| {
                parse::one_of(
                    text,
                    &[("text", LogFormat::Text), ("json", LogFormat::Json)],
                )
            })?,
            log_filter: sources.log_filter.clone(),
            server,
            sources,
        })
    }

    /// These settings, now that it is known where the app listens: port 0 has become a real one, or systemd has chosen. What is
    /// derived from that follows, unless it was set: where the mounted sandbox is, and in sandbox mode the base URL.
    #[must_use]
    pub fn listening_at(mut self, listen: Listen) -> Self {
        if self.server.listen == listen {
            return self;
        }
        self.server.listen = listen;
        if self.smartsheet.region == Region::Sandbox {
            let port = self.server.listen.port();
            if port.is_some() && self.origin("server.base_url") == Origin::Default {
                // Fails only for URLs that can't have a port.
                let _ = self.server.base_url.set_port(port);
            }
            let (authorize_url, api_url) = smartsheet::sandbox_hosts(&self.server);
            if self.origin("smartsheet.authorize_url") == Origin::Default {
                self.smartsheet.authorize_url = authorize_url;
            }
            if self.origin("smartsheet.api_url") == Origin::Default {
                self.smartsheet.api_url = api_url;
            }
        }
        self
    }

    /// Whether Smartsheet is the sandbox that is mounted in this server.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        self.smartsheet.region == Region::Sandbox
            && self.origin("smartsheet.api_url") == Origin::Default
    }

    /// Where the value of `name` came from.
    #[must_use]
    pub fn origin(&self, name: &'static str) -> Origin {
        self.sources.origin(name)
    }

    /// The redirect URL to register in Smartsheet's Developer Tools.
    #[must_use]
    pub fn redirect_url(&self) -> Url {
        let mut url = self.server.base_url.clone();
        url.set_path("/redirect");
        url
    }
}

/// The value of `name`, or its default, read by `parse`.
fn value<T>(
    sources: &Sources,
    name: &'static str,
    parse: impl FnOnce(&str) -> Result<T, Expected>,
) -> Result<T, SettingError> {
    value_or(sources, name, table::default(name), parse)
}

/// The value of `name`, or `default` where that depends on other settings, read by `parse`.
fn value_or<T>(
    sources: &Sources,
    name: &'static str,
    default: &str,
    parse: impl FnOnce(&str) -> Result<T, Expected>,
) -> Result<T, SettingError> {
    let (text, origin) = sources.get(name).unwrap_or((default, &Origin::Default));
    parse(text).map_err(|expected| {
        let text = passwords::without_password(text);
        let problem = format!("{text:?} is not right; {expected}");
        SettingError::new(name, origin.clone(), problem)
    })
}

/// The value of `name`, if it is set.
fn optional<T>(
    sources: &Sources,
    name: &'static str,
    parse: impl FnOnce(&str) -> Result<T, Expected>,
) -> Result<Option<T>, SettingError> {
    match sources.get(name) {
        None => Ok(None),
        Some(_) => value(sources, name, parse).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "hunter2-hunter2";

    /// Lines of a file, of which some are settings, some nearly, and some have a secret where it belongs.
    fn lines() -> impl Strategy<Value = Vec<String>> {
        let key = prop_oneof![
            proptest::sample::select(table::names().collect::<Vec<_>>()),
            Just("session.stoer"),
            Just("x\\ny.\\u0007"),
        ];
        let name = key.prop_map(|name| name.replacen('.', "\".\"", 1));
        let value =
            "\"[ !#-\\[\\]-~]{0,12}\"|[0-9]{1,3}|\\[\\]|\\{ a = 1 \\}|\"[0-9]{1,4}[smhd]?\"";
        let other = (name, value).prop_map(|(name, value)| format!("\"{name}\" = {value}"));
        let secret = proptest::sample::select(vec![
            "smartsheet.client_secret = \"hunter2-hunter2\"",
            "smartsheet.client_secret = hunter2-hunter2",
            "smartsheet.client_secret = { a = \"hunter2-hunter2\" }",
            "session.key = [\"hunter2-hunter2\", 1]",
            "gateway.signing_key = \"hunter2-hunter2\"",
            "gateway.signing_key = [\"hunter2-hunter2\", 1]",
            "session.store = \"postgres://app:hunter2-hunter2@localhost/app\"",
            "session.store = \"mysql://app:hunter2-hunter2@localhost/app\"",
            "session.store = { url = \"postgres://app:hunter2-hunter2@localhost/app\" }",
        ]);
        let line = prop_oneof![2 => other, 1 => secret.prop_map(str::to_owned)];
        proptest::collection::vec(line, 0..4)
    }

    proptest! {
        #[test]
        fn any_file_gives_settings_or_one_line_and_never_shows_a_secret(lines in lines()) {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), lines.join("\n")).unwrap();
            let shown = match Settings::load(Some(file.path()), &|_| None, &[]) {
                Ok(settings) => format!("{:?} {settings:?}", settings.describe()),
                Err(error) => {
                    let line = error.to_string();
                    prop_assert!(!line.contains(char::is_control), "{line:?}");
                    line
                }
            };
            prop_assert!(!shown.contains(SECRET), "{shown}");
        }
    }
}
