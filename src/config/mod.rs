//! The settings: what they are, where each value came from, and what is wrong with it.

mod parse;
mod sandbox;
mod server;
mod session;
mod smartsheet;
mod source;

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::oauth::ClientAuthentication;
use crate::transport::is_loopback;
use parse::Expected;
pub use parse::duration as parse_duration;
pub use sandbox::{SandboxControl, SandboxSettings};
pub use server::ServerSettings;
pub use server::reachable;
pub use session::{SessionSettings, StoreUrl};
pub use smartsheet::{Region, SmartsheetSettings};
pub use source::Origin;
use source::Sources;

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
    /// How events are written.
    pub log: LogFormat,
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
        let usual = Path::new("config.toml");
        let file = file.or_else(|| usual.exists().then_some(usual));
        let sources = Sources::read(file, environment, flags)?;
        let server = server::read(&sources)?;
        Ok(Self {
            smartsheet: smartsheet::read(&sources, &server)?,
            sandbox: sandbox::read(&sources)?,
            session: session::read(&sources)?,
            log: value(&sources, "log.format", "text", |text| {
                parse::one_of(
                    text,
                    &[("text", LogFormat::Text), ("json", LogFormat::Json)],
                )
            })?,
            server,
            sources,
        })
    }

    /// Where the value of `name` came from.
    #[must_use]
    pub fn origin(&self, name: &'static str) -> Origin {
        self.sources.origin(name)
    }

    /// What is allowed but probably not meant, a line each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let Self { server, .. } = self;
        let mut warnings = Vec::new();
        let base_port = server.base_url.port_or_known_default();
        if self.origin("server.base_url") == Origin::Default
            && base_port != Some(server.listen.port())
        {
            warnings.push(format!(
                "server.listen is {}, but server.base_url is its default {}: set it to how browsers reach the app",
                server.listen,
                server.base_url.origin().ascii_serialization()
            ));
        }
        if server.base_url.scheme() == "http" && !is_loopback(&server.base_url) {
            warnings.push(format!(
                "server.base_url is {}: without https, anybody on the way can read the session cookie",
                server.base_url.origin().ascii_serialization()
            ));
        }
        if self.smartsheet.region == Region::Sandbox
            && self.sandbox.control == SandboxControl::Open
            && !is_loopback(&server.base_url)
        {
            warnings.push(
                "sandbox.control is open: whoever reaches the app can end everybody's grants with the sandbox".to_owned(),
            );
        }
        warnings
    }

    /// What somebody who opens the app on their own machine should know of its settings, a line each: why it is in sandbox
    /// mode, if it is, and the [`warnings`](Self::warnings), which are nobody else's business.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        if self.smartsheet.region == Region::Sandbox {
            notices.push(match self.origin("smartsheet.region") {
                Origin::Default => {
                    "smartsheet.client_id and smartsheet.client_secret are not set, so the built-in sandbox stands in for \
                     Smartsheet"
                        .to_owned()
                }
                origin => format!("smartsheet.region is sandbox ({origin})"),
            });
        }
        if is_loopback(&self.server.base_url) {
            notices.extend(self.warnings());
        }
        notices
    }

    /// The redirect URL to register in Smartsheet's Developer Tools.
    #[must_use]
    pub fn redirect_url(&self) -> Url {
        let mut url = self.server.base_url.clone();
        url.set_path("/redirect");
        url
    }

    /// Every setting with its effective value, secrets masked, and where the value came from.
    #[must_use]
    pub fn describe(&self) -> Vec<(&'static str, String, Origin)> {
        let Self {
            server,
            smartsheet,
            session,
            ..
        } = self;
        let set = |name| {
            if self.origin(name) == Origin::Default {
                "not set"
            } else {
                "set"
            }
        };
        let given = |name| {
            let given = self.sources.get(name).map(|(value, _)| value.to_owned());
            given.unwrap_or_else(|| "not set".to_owned())
        };
        let scopes: Vec<&str> = smartsheet.scopes.iter().map(|scope| scope.name()).collect();
        let shown = |name: &'static str| match name {
            "server.listen" => server.listen.to_string(),
            "server.base_url" => server.base_url.origin().ascii_serialization(),
            "server.rate_limit" => {
                let rate = server.rate_limit.map(|rate| rate.to_string());
                rate.unwrap_or_else(|| "off".to_owned())
            }
            "server.max_connections" => server.max_connections.to_string(),
            "server.drain_time" => show_duration(server.drain_time),
            "server.stop_timeout" => show_duration(server.stop_timeout),
            "smartsheet.region" => smartsheet.region.name().to_owned(),
            "smartsheet.client_id" => smartsheet.client_id.clone(),
            "smartsheet.scopes" => scopes.join(" "),
            "smartsheet.client_authentication" => match smartsheet.client_authentication {
                ClientAuthentication::Hash => "hash".to_owned(),
                ClientAuthentication::Secret => "secret".to_owned(),
            },
            "smartsheet.authorize_url" => smartsheet.authorize_url.to_string(),
            "smartsheet.api_url" => smartsheet.api_url.to_string(),
            "sandbox.control" => self.sandbox.control.name().to_owned(),
            "session.store" => session.store.to_string(),
            "session.idle_timeout" => show_duration(session.idle_timeout),
            "session.lifetime" => show_duration(session.lifetime),
            "session.refresh_lease" => show_duration(session.refresh_lease),
            "session.refresh_margin" => show_duration(session.refresh_margin),
            "log.format" => match self.log {
                LogFormat::Text => "text".to_owned(),
                LogFormat::Json => "json".to_owned(),
            },
            secret if source::is_secret(secret) => set(secret).to_owned(),
            other => given(other),
        };
        // The file that names the store is where its value came from.
        let origin = |name| match (name, self.origin("session.store_file")) {
            ("session.store", Origin::Default) => self.origin(name),
            ("session.store", file) => file,
            (name, _) => self.origin(name),
        };
        source::NAMES
            .iter()
            .map(|name| (*name, shown(name), origin(name)))
            .collect()
    }
}

/// The value of `name`, or its default, read by `parse`.
fn value<T>(
    sources: &Sources,
    name: &'static str,
    default: &str,
    parse: impl FnOnce(&str) -> Result<T, Expected>,
) -> Result<T, SettingError> {
    let (text, origin) = sources.get(name).unwrap_or((default, &Origin::Default));
    parse(text).map_err(|expected| {
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
        Some(_) => value(sources, name, "", parse).map(Some),
    }
}

/// A secret given as it is, or as a file that holds it. White space around it is not part of it.
fn secret(
    sources: &Sources,
    name: &'static str,
    file_name: &'static str,
) -> Result<Option<SecretString>, SettingError> {
    match (sources.get(name), sources.get(file_name)) {
        (None, None) => Ok(None),
        (Some((value, _)), None) => Ok(Some(value.trim().into())),
        (Some(_), Some((_, origin))) => Err(SettingError::new(
            file_name,
            origin.clone(),
            format!(
                "is set, and so is {name} ({}); expected one of the two",
                sources.origin(name)
            ),
        )),
        (None, Some((path, origin))) => {
            let fail = |problem| SettingError::new(file_name, origin.clone(), problem);
            let text = std::fs::read_to_string(path)
                .map_err(|error| fail(format!("{path:?} can't be read: {error}")))?;
            if text.trim().is_empty() {
                return Err(fail(format!(
                    "{path:?} is empty; expected the secret in it"
                )));
            }
            Ok(Some(text.trim().into()))
        }
    }
}

fn show_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    for (unit, length) in [("d", 86_400), ("h", 3_600), ("m", 60)] {
        if seconds >= length && seconds.is_multiple_of(length) {
            return format!("{}{unit}", seconds / length);
        }
    }
    format!("{seconds}s")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "hunter2-hunter2";

    /// Lines of a file, of which some are settings, some nearly, and some have a secret where it belongs.
    fn lines() -> impl Strategy<Value = Vec<String>> {
        let key = prop_oneof![
            proptest::sample::select(source::NAMES),
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
