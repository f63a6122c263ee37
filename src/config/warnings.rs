//! What is allowed but probably not meant.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

use super::{Origin, Region, SandboxControl, Settings, StoreUrl};
use crate::transport::is_loopback;

/// What a token request (10 seconds) and the write that takes the lease (5 seconds) may take.
const LEAST_LEASE: Duration = Duration::from_secs(15);

/// How long Smartsheet's access tokens live (Smartsheet's documentation, "Request an access token").
const TOKENS_LIVE: Duration = Duration::from_hours(7 * 24);

impl Settings {
    /// What is allowed but probably not meant, a line each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.about_addresses();
        warnings.extend(self.about_the_sandbox());
        warnings.extend(self.about_the_sandbox_s_control());
        warnings.extend(self.about_the_database());
        warnings.extend(self.about_times());
        warnings.extend(self.about_secrets_that_others_see());
        warnings.extend(self.about_sites());
        warnings.extend(self.about_the_api());
        warnings.extend(self.sources.misspelt.iter().cloned());
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

    fn about_addresses(&self) -> Vec<String> {
        let server = &self.server;
        let mut warnings = Vec::new();
        let base_port = server.base_url.port_or_known_default();
        // Behind a socket's file there is a proxy, whose port is its own business.
        let differs = server
            .listen
            .port()
            .is_some_and(|port| base_port != Some(port));
        if self.origin("server.base_url") == Origin::Default && differs {
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
        let wide = server
            .trusted_proxies
            .iter()
            .filter(|network| is_wide(network));
        warnings.extend(wide.map(|network| {
            format!(
                "server.trusted_proxies has {network}: whoever connects from there can claim to be anybody; name the proxies alone"
            )
        }));
        warnings
    }

    fn about_the_sandbox(&self) -> Option<String> {
        let is_by_default = self.smartsheet.region == Region::Sandbox
            && self.origin("smartsheet.region") == Origin::Default;
        (is_by_default && !self.server.listen.is_local()).then(|| {
            format!(
                "sandbox mode, and server.listen is {}: whoever can connect signs in as anybody; set smartsheet.client_id and \
                 its secret, or smartsheet.region to sandbox if that is meant",
                self.server.listen
            )
        })
    }

    fn about_the_sandbox_s_control(&self) -> Option<String> {
        let is_open = self.smartsheet.region == Region::Sandbox
            && self.sandbox.control == SandboxControl::Open;
        (is_open && !is_loopback(&self.server.base_url)).then(|| {
            "sandbox.control is open: whoever reaches the app can end everybody's grants with the sandbox".to_owned()
        })
    }

    fn about_times(&self) -> Vec<String> {
        let session = &self.session;
        let shown = super::shown::duration;
        let mut warnings = Vec::new();
        if session.refresh_lease < LEAST_LEASE {
            warnings.push(format!(
                "session.refresh_lease is {}: a refresh may take 15 seconds, and another instance would begin the same one meanwhile",
                shown(session.refresh_lease)
            ));
        }
        if session.refresh_margin >= TOKENS_LIVE {
            warnings.push(format!(
                "session.refresh_margin is {}: Smartsheet's access tokens live 7 days, so each visit would refresh them",
                shown(session.refresh_margin)
            ));
        }
        if session.idle_timeout > session.lifetime {
            warnings.push(format!(
                "session.idle_timeout is {}, but no session lasts longer than session.lifetime, {}",
                shown(session.idle_timeout),
                shown(session.lifetime)
            ));
        }
        warnings
    }

    fn about_the_database(&self) -> Option<String> {
        if self.sources.has_sslmode {
            return None;
        }
        let hosts = self.session.store.hosts_without_sslmode();
        if hosts.is_empty() {
            return None;
        }
        Some(format!(
            "session.store is on {} without sslmode: what is said to it may be readable on the way; \
             add ?sslmode=verify-full, or ?sslmode=disable if nobody is in between",
            hosts.join(", ")
        ))
    }

    fn about_secrets_that_others_see(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let secrets = [
            "smartsheet.client_secret",
            "session.key",
            "gateway.signing_key",
            "session.store",
        ];
        let secrets = secrets
            .into_iter()
            .filter(|name| *name != "session.store" || self.session.store.has_password());
        for name in secrets {
            match self.sources.get(name).map(|(_, origin)| origin) {
                Some(Origin::Flag) => warnings.push(format!(
                    "{name} is on the command line, where everybody on this machine can read it: use {name}_file"
                )),
                Some(Origin::File(file)) => warnings.extend(readable(name, file)),
                Some(Origin::Dotenv(_)) => warnings.extend(readable(name, Path::new(".env"))),
                Some(Origin::Environment(_) | Origin::Default) | None => {}
            }
            let name = match name {
                "smartsheet.client_secret" => "smartsheet.client_secret_file",
                "session.key" => "session.key_file",
                "gateway.signing_key" => "gateway.signing_key_file",
                _ => "session.store_file",
            };
            if let Some((file, _)) = self.sources.get(name) {
                warnings.extend(readable(name, Path::new(file)));
            }
        }
        for (name, file, is_set) in [
            ("session.key", "session.key", self.session.key.is_some()),
            (
                "gateway.signing_key",
                "signing.key",
                self.gateway.signing_key.is_some(),
            ),
        ] {
            if let Some(file) = self.made_key_file(file, is_set) {
                warnings.extend(readable(name, &file));
            }
        }
        warnings
    }

    fn about_sites(&self) -> Option<String> {
        if self.gateway.sites.is_empty() {
            return self.gateway.allow.is_some().then(|| {
                "gateway.allow is set, and gateway.sites is not: there is no site that anybody could be kept from"
                    .to_owned()
            });
        }
        self.server.trusted_proxies.is_empty().then(|| {
            "gateway.sites is set, and server.trusted_proxies is not: what a site's proxy says of a request is not believed, only \
             its Host header; name the proxies"
                .to_owned()
        })
    }

    fn about_the_api(&self) -> Option<String> {
        (self.api.assertions && self.api.allow.is_empty()).then(|| {
            "api.assertions is on, and api.allow is not set: there is nothing that a back end may call".to_owned()
        })
    }

    /// Where the key of this name is that the app makes, unless one is set.
    fn made_key_file(&self, name: &str, is_set: bool) -> Option<PathBuf> {
        match &self.session.store {
            StoreUrl::Sqlite(file) if !is_set => Some(file.with_file_name(name)),
            _ => None,
        }
    }
}

/// Whether so many addresses are in `network` that they can't all be a company's own. The largest private networks are
/// 10.0.0.0/8 and `fc00::/7` (RFC 1918, RFC 4193).
fn is_wide(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => network.prefix_len() < 8,
        IpNet::V6(network) => network.prefix_len() < 7,
    }
}

/// A line when users other than the owner and its group may read `file`, in which the secret of `name` is.
#[cfg(unix)]
fn readable(name: &str, file: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = std::fs::metadata(file).ok()?.permissions().mode() & 0o777;
    (mode & 0o004 != 0).then(|| {
        format!(
            "{name}: everybody on this machine may read {} (mode {mode:04o}); expected mode 0600",
            file.display()
        )
    })
}

/// Elsewhere files have no such modes.
#[cfg(not(unix))]
fn readable(_: &str, _: &Path) -> Option<String> {
    None
}
