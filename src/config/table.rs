//! Every setting, once: its name, its default, whether it is secret, and what it does.
//!
//! The values are read by the sections beside this file, which take the defaults from here. `check`, `config.toml`'s order and
//! `docs/settings.md` are compared with it by tests.

/// A setting.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Setting {
    /// `section.key`, as in the file.
    pub name: &'static str,
    /// What counts when nothing is set.
    pub default: Default,
    /// Whether its value is never shown.
    pub is_secret: bool,
    /// What it does, in a line of Markdown.
    pub about: &'static str,
}

/// What counts when nothing is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// Nothing.
    None,
    /// This value.
    Value(&'static str),
    /// What these words say, in Markdown: it depends on other settings, or is made.
    Words(&'static str),
}

const fn setting(name: &'static str, default: Default, about: &'static str) -> Setting {
    Setting {
        name,
        default,
        is_secret: false,
        about,
    }
}

const fn secret(name: &'static str, default: Default, about: &'static str) -> Setting {
    Setting {
        is_secret: true,
        ..setting(name, default, about)
    }
}

/// Every setting, in the order of the file.
pub const TABLE: &[Setting] = &[
    setting(
        "server.listen",
        Default::Value("127.0.0.1:8080"),
        "address and port to listen on, or `unix:/path`. `PORT=8080` alone means `0.0.0.0:8080`",
    ),
    setting(
        "server.base_url",
        Default::Value("http://localhost:8080"),
        "how browsers reach the app; `https` makes cookies Secure and turns on HSTS",
    ),
    setting(
        "server.hosts",
        Default::None,
        "names besides `server.base_url`'s and loopback ones by which `/sandbox` may be asked; others get 421",
    ),
    setting(
        "server.metrics_listen",
        Default::None,
        "address and port for Prometheus, at `/metrics`; off unless set. Keep it private",
    ),
    setting(
        "server.trusted_proxies",
        Default::None,
        "proxies whose `X-Forwarded-For` and `X-Request-Id` are believed: addresses and networks, such as `10.0.0.5 10.1.0.0/16`",
    ),
    setting(
        "server.rate_limit",
        Default::Value("300"),
        "how often a minute one client may ask for each of `/login`, `/redirect`, `/refresh`, `/me`, `/flow` and the sheets, or `off`",
    ),
    setting(
        "server.max_connections",
        Default::Value("10000"),
        "how many connections may be open at once",
    ),
    setting(
        "server.drain_time",
        Default::Value("3s"),
        "how long a stop still takes requests, so that a balancer sees `/readyz` answer 503; at most half of `server.stop_timeout`",
    ),
    setting(
        "server.stop_timeout",
        Default::Value("10s"),
        "how long a stop may take in all",
    ),
    setting(
        "smartsheet.region",
        Default::Words("`sandbox`, or `us` with a client id"),
        "`us`, `eu`, `au`, `gov` or `sandbox`. For a sandbox that others can reach, say `sandbox`",
    ),
    setting(
        "smartsheet.client_id",
        Default::None,
        "from Developer Tools",
    ),
    secret(
        "smartsheet.client_secret",
        Default::None,
        "from Developer Tools",
    ),
    setting(
        "smartsheet.client_secret_file",
        Default::None,
        "a file that holds it",
    ),
    setting(
        "smartsheet.scopes",
        Default::Value("READ_SHEETS WRITE_SHEETS"),
        "what people are asked to allow",
    ),
    setting(
        "smartsheet.client_authentication",
        Default::Value("hash"),
        "or `secret`: how the app proves that it knows its secret",
    ),
    setting(
        "smartsheet.authorize_url",
        Default::Words("the region's"),
        "another server that asks people",
    ),
    setting(
        "smartsheet.api_url",
        Default::Words("the region's"),
        "another server of the API; the token endpoint is `api_url` + `/token`",
    ),
    setting(
        "smartsheet.integration_source",
        Default::Value("APPLICATION,,smartsheet-oauth-demo"),
        "what Smartsheet is told with every call about where it comes from: kind, organization, name",
    ),
    setting(
        "sandbox.control",
        Default::Value("local"),
        "who may steer the mounted sandbox: this machine alone, or, with `open`, whoever reaches the app; pages of other sites never",
    ),
    setting(
        "session.store",
        Default::Value("sqlite://data/sessions.db"),
        "or `postgres://…`, with several hosts or behind a pooler ([how](deploying.md#postgresql)), or `memory`",
    ),
    setting(
        "session.store_file",
        Default::None,
        "a file that holds it, for URLs with a password",
    ),
    secret(
        "session.key",
        Default::Words("made on first start"),
        "32 bytes in base64. `NEW,OLD` changes it without signing anybody out",
    ),
    setting("session.key_file", Default::None, "a file that holds it"),
    setting(
        "session.idle_timeout",
        Default::Value("7d"),
        "a session ends after so long without a visit",
    ),
    setting(
        "session.lifetime",
        Default::Value("90d"),
        "a session ends after so long in all",
    ),
    setting(
        "session.refresh_margin",
        Default::Value("5m"),
        "an access token with less left is refreshed before use",
    ),
    setting(
        "session.refresh_lease",
        Default::Value("20s"),
        "how long one instance may take for a refresh before another carries on",
    ),
    setting(
        "session.max_connections",
        Default::Value("12"),
        "how many connections to PostgreSQL one instance may have, sessions and messages together; 2 at least",
    ),
    secret(
        "session.migrate_url",
        Default::Words("`session.store`"),
        "where tables are made, when `session.store` is a pooler or a role that may not",
    ),
    setting(
        "flow.record",
        Default::Value("on"),
        "or `off`: nothing is recorded, and `/flow` shows an example",
    ),
    setting(
        "flow.max_size",
        Default::Value("256MB"),
        "how large the record of all flows may get; the oldest messages make room",
    ),
    setting(
        "gateway.sites",
        Default::None,
        "the sites that get the signed-in person from here, as origins; none turns the gateway off",
    ),
    setting(
        "gateway.allow",
        Default::None,
        "who may use them: `ada@example.com`, `@example.com`, `account:ID`, `group:NAME`; everybody who can sign in",
    ),
    setting(
        "gateway.remote_user",
        Default::Value("id"),
        "or `email`: what `Remote-User` says",
    ),
    setting(
        "gateway.recheck",
        Default::Value("15m"),
        "how old what is known of a person may get before Smartsheet is asked again",
    ),
    secret(
        "gateway.signing_key",
        Default::Words("made on first start"),
        "P-256 keys as PKCS#8 PEM: the first signs, all are published. Required with PostgreSQL",
    ),
    setting(
        "gateway.signing_key_file",
        Default::None,
        "the file that holds it",
    ),
    setting(
        "api.allow",
        Default::None,
        "what pages of this app and of sites may call of Smartsheet's API below `/auth/api/2.0`, as the person who is signed in: `METHOD /path`, `{id}` for a number, separated by commas, such as `GET /sheets/{id}, POST /sheets/{id}/rows`. Nothing turns it off",
    ),
    setting(
        "api.assertions",
        Default::Value("off"),
        "or `on`: a site's back end may call with the assertion that it was told, as `Authorization: Bearer …`. Assertions then name this app as well as the site (`aud` is a list)",
    ),
    setting(
        "log.format",
        Default::Value("text"),
        "or `json`; `RUST_LOG` chooses what is logged",
    ),
];

/// The names of all settings.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|setting| setting.name)
}

/// The setting of this name.
pub(super) fn find(name: &str) -> Option<&'static Setting> {
    TABLE.iter().find(|setting| setting.name == name)
}

/// The default of `name` as it would be written, empty where that is nothing or depends.
pub(super) fn default(name: &str) -> &'static str {
    match find(name).map(|setting| setting.default) {
        Some(Default::Value(value)) => value,
        _ => "",
    }
}

/// The environment variable of a setting: `server.listen` is `SERVER_LISTEN`.
#[must_use]
pub fn variable(name: &str) -> String {
    name.replace('.', "_").to_ascii_uppercase()
}

/// Whether the value of `name` is never shown.
pub(super) fn is_secret(name: &str) -> bool {
    find(name).is_some_and(|setting| setting.is_secret)
}

/// A hint at the setting that was probably meant: one of the same key in another section, or the most alike.
pub(super) fn nearest(name: &str) -> String {
    let key = name.rsplit('.').next().unwrap_or(name);
    let same_key = names().find(|known| known.ends_with(&format!(".{key}")));
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
        names()
            .max_by_key(|known| shared(known))
            .filter(|known| shared(known) * 3 >= known.len() * 2)
    };
    same_key
        .or_else(alike)
        .map(|known| format!("; did you mean {known}?"))
        .unwrap_or_default()
}
