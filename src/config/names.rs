//! The names of the settings.

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
    "smartsheet.integration_source",
    "sandbox.control",
    "session.store",
    "session.store_file",
    "session.key",
    "session.key_file",
    "session.idle_timeout",
    "session.lifetime",
    "session.refresh_margin",
    "session.refresh_lease",
    "session.max_connections",
    "session.migrate_url",
    "flow.record",
    "flow.max_size",
    "gateway.sites",
    "gateway.allow",
    "gateway.remote_user",
    "gateway.recheck",
    "gateway.signing_key",
    "gateway.signing_key_file",
    "api.allow",
    "api.assertions",
    "log.format",
];

/// Those whose value is never shown.
const SECRETS: &[&str] = &[
    "smartsheet.client_secret",
    "session.key",
    "session.migrate_url",
    "gateway.signing_key",
];

/// The environment variable of a setting: `server.listen` is `SERVER_LISTEN`.
pub(super) fn variable(name: &str) -> String {
    name.replace('.', "_").to_ascii_uppercase()
}

/// Whether the value of `name` is never shown.
pub(super) fn is_secret(name: &str) -> bool {
    SECRETS.contains(&name)
}

/// A hint at the setting that was probably meant: one of the same key in another section, or the most alike.
pub(super) fn nearest(name: &str) -> String {
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
