//! What a sandbox is opened with, and the checks those settings pass before anything listens.

use std::{collections::HashSet, fmt, path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;
use url::Url;

use super::access::Access;

/// Tells the time. Tests hand in one that they can move; everyone else uses [`Timestamp::now`].
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

const DAY: Duration = Duration::from_hours(24);

/// How a [`Sandbox`](super::Sandbox) behaves. `Options::default()` is Smartsheet's behaviour, with no app registered yet.
#[derive(Clone)]
pub struct Options {
    /// The apps that may ask for access, as they would be registered in Smartsheet's Developer Tools.
    pub apps: Vec<RegisteredApp>,
    /// How long an access token is valid: 7 days at Smartsheet. One second up to ten years.
    ///
    /// The token answer tells one second less, as Smartsheet does (`604799`).
    pub access_token_lifetime: Duration,
    /// How long an authorization code is valid: 10 minutes at Smartsheet. One second up to ten years.
    pub code_lifetime: Duration,
    /// With a seed, tokens, codes, ids and `refId`s are the same in every run that sends the same requests.
    /// Without one they come from the operating system's randomness.
    pub seed: Option<u64>,
    /// Where redirect URLs may lead a browser on to, beside the app's own site. Browsers hold a form to all redirects that come after
    /// it, so the consent page's policy names them.
    pub onward: Vec<Url>,
    /// A database file (`SQLite`) in which grants survive a restart and a crash; its folder is made when missing.
    /// `None` keeps them in memory only.
    pub grants_file: Option<PathBuf>,
    /// What time it is.
    pub clock: Clock,
    /// How many API calls a minute one access token may make before it is answered 429 (errorCode 4003).
    /// Smartsheet's limit is 300; `None`, the default, sets no limit.
    pub rate_limit: Option<u32>,
    /// By which names it may be asked, and who may steer it. The default is everybody, by any name.
    pub access: Access,
}

impl Default for Options {
    #[allow(clippy::disallowed_methods, reason = "this is where all others ask")]
    fn default() -> Self {
        Self {
            apps: Vec::new(),
            access_token_lifetime: 7 * DAY,
            code_lifetime: Duration::from_mins(10),
            seed: None,
            onward: Vec::new(),
            grants_file: None,
            clock: Arc::new(Timestamp::now),
            rate_limit: None,
            access: Access::default(),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("apps", &self.apps)
            .field("access_token_lifetime", &self.access_token_lifetime)
            .field("code_lifetime", &self.code_lifetime)
            .field("seed", &self.seed)
            .field("onward", &self.onward)
            .field("grants_file", &self.grants_file)
            .field("rate_limit", &self.rate_limit)
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

/// An app that is known to the sandbox.
#[derive(Clone)]
pub struct RegisteredApp {
    /// What the consent page calls it.
    pub name: String,
    /// Its public identifier, unique among the registered apps.
    pub client_id: String,
    /// The secret that it proves to know at the token endpoint. `Debug` does not show it.
    pub client_secret: String,
    /// Where its users may be sent back to, compared character by character. A request that names none goes to the first.
    pub redirect_urls: Vec<String>,
}

impl fmt::Debug for RegisteredApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisteredApp")
            .field("name", &self.name)
            .field("client_id", &self.client_id)
            .field("redirect_urls", &self.redirect_urls)
            .finish_non_exhaustive()
    }
}

/// Why a sandbox can't be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A client id or a secret is empty: nobody could use such an app.
    #[error("the app {name:?} has no {missing}")]
    Incomplete {
        /// The app's name.
        name: String,
        /// What it lacks.
        missing: &'static str,
    },
    /// Two apps have the same client id.
    #[error("the client id {0:?} is registered twice")]
    DuplicateClientId(String),
    /// A redirect URL that no browser could be sent to safely.
    #[error("the redirect URL {url:?} of the app {name:?} {problem}")]
    RedirectUrl {
        /// The app's name.
        name: String,
        /// The URL as it was given.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A lifetime outside one second to ten years.
    #[error("the {what} must be between one second and ten years, not {given:?}")]
    Lifetime {
        /// Which one.
        what: &'static str,
        /// What was given.
        given: Duration,
    },
    /// What should be a host is neither a name nor an address.
    #[error("{0:?} is no host by which the sandbox could be asked")]
    Host(String),
    /// The grants file, or its folder, can't be made or opened, is in use by another sandbox, or is no such file.
    #[error("the grants file {} can't be opened: {source}", path.display())]
    GrantsFile {
        /// Where it should be.
        path: PathBuf,
        /// What the database or the operating system says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Options {
    /// Refuses settings that could only fail later, in front of a user.
    pub(super) fn check(&self) -> Result<(), OpenError> {
        for (what, given) in [
            ("lifetime of access tokens", self.access_token_lifetime),
            ("lifetime of codes", self.code_lifetime),
        ] {
            if given < Duration::from_secs(1) || given > 3_650 * DAY {
                return Err(OpenError::Lifetime { what, given });
            }
        }
        let mut seen = HashSet::new();
        for app in &self.apps {
            app.check()?;
            if !seen.insert(&app.client_id) {
                return Err(OpenError::DuplicateClientId(app.client_id.clone()));
            }
        }
        Ok(())
    }
}

impl RegisteredApp {
    fn check(&self) -> Result<(), OpenError> {
        for (missing, absent) in [
            ("client id", self.client_id.is_empty()),
            ("client secret", self.client_secret.is_empty()),
            ("redirect URL", self.redirect_urls.is_empty()),
        ] {
            if absent {
                return Err(OpenError::Incomplete {
                    name: self.name.clone(),
                    missing,
                });
            }
        }
        for url in &self.redirect_urls {
            if let Err(problem) = check_redirect_url(url) {
                return Err(OpenError::RedirectUrl {
                    name: self.name.clone(),
                    url: url.clone(),
                    problem,
                });
            }
        }
        Ok(())
    }
}

/// RFC 6749 section 3.1.2: absolute and without a fragment. ASCII, because it becomes a `Location` header as it stands.
fn check_redirect_url(given: &str) -> Result<(), &'static str> {
    if !given.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("has a character other than printable ASCII");
    }
    match Url::parse(given) {
        Err(_) => Err("is not an absolute URL"),
        Ok(url) if url.cannot_be_a_base() => Err("is not one that a browser can be sent back to"),
        Ok(url) if url.fragment().is_some() => Err("has a fragment"),
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(redirect_url: &str) -> RegisteredApp {
        RegisteredApp {
            name: "Test".into(),
            client_id: "id".into(),
            client_secret: "hush".into(),
            redirect_urls: vec![redirect_url.into()],
        }
    }

    #[test]
    fn redirect_urls_are_absolute_plain_and_without_fragment() {
        for good in [
            "http://localhost:8080/redirect",
            "https://app.example/cb?tenant=7",
            "myapp://callback",
        ] {
            assert!(app(good).check().is_ok(), "{good}");
        }
        for bad in [
            "",
            "/redirect",
            "http://a/#x",
            "javascript:alert(1)",
            "http://a/\r\nX: y",
            "http://ä/",
        ] {
            assert!(app(bad).check().is_err(), "{bad}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let twice = Options {
            apps: vec![app("http://a/"), app("http://b/")],
            ..Options::default()
        };
        assert_eq!(
            twice.check().unwrap_err().to_string(),
            "the client id \"id\" is registered twice"
        );
        let brief = Options {
            code_lifetime: Duration::ZERO,
            ..Options::default()
        };
        assert!(matches!(brief.check(), Err(OpenError::Lifetime { .. })));
    }

    #[test]
    fn debug_shows_no_secret() {
        let options = Options {
            apps: vec![app("http://a/")],
            ..Options::default()
        };
        assert!(!format!("{options:?}").contains("hush"));
    }
}
