//! The section `[server]`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use url::Url;

use super::source::Sources;
use super::{SettingError, optional, parse, value};

/// The section `[server]`.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// `server.listen`: the address that the app listens on.
    pub listen: SocketAddr,
    /// `server.base_url`: how browsers reach the app, without a path.
    pub base_url: Url,
    /// `server.metrics_listen`: where metrics are served, if anywhere.
    pub metrics_listen: Option<SocketAddr>,
    /// `server.trusted_proxies`: whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
}

pub(super) fn read(sources: &Sources) -> Result<ServerSettings, SettingError> {
    Ok(ServerSettings {
        listen: value(sources, "server.listen", "127.0.0.1:8080", parse::address)?,
        base_url: value(
            sources,
            "server.base_url",
            "http://localhost:8080",
            parse::base_url,
        )?,
        metrics_listen: optional(sources, "server.metrics_listen", parse::address)?,
        trusted_proxies: value(sources, "server.trusted_proxies", "", parse::addresses)?,
    })
}

/// Where to reach a server of this machine that listens on `listen`: an unspecified address means all of them.
#[must_use]
pub fn reachable(mut listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    listen
}
