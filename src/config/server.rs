//! The section `[server]`.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use super::origin::Origin;
use super::source::Sources;
use super::{Listen, SettingError, hosts, listen, optional, parse, shown, value};

/// The section `[server]`.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// `server.listen`: where the app listens.
    pub listen: Listen,
    /// `server.base_url`: how browsers reach the app, without a path.
    pub base_url: Url,
    /// `server.hosts`: the names and addresses, without a port, by which the mounted sandbox may be asked besides the base
    /// URL's and loopback ones.
    pub hosts: Vec<String>,
    /// `server.metrics_listen`: where metrics are served, if anywhere.
    pub metrics_listen: Option<SocketAddr>,
    /// `server.trusted_proxies`: whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// `server.rate_limit`: how often a minute one client may ask for each of `/login`, `/redirect`, `/refresh`, `/me` and
    /// `/flow`. `None` for as often as it likes.
    pub rate_limit: Option<NonZeroU32>,
    /// `server.max_connections`: how many connections may be open at once; one client may have a quarter of them.
    pub max_connections: usize,
    /// `server.drain_time`: how long a stop goes on to accept connections, so that a balancer sees `/readyz` answer 503.
    /// At most half of [`ServerSettings::stop_timeout`].
    pub drain_time: Duration,
    /// `server.stop_timeout`: how long a stop may take in all.
    pub stop_timeout: Duration,
}

pub(super) fn read(sources: &Sources) -> Result<ServerSettings, SettingError> {
    let stop_timeout = value(sources, "server.stop_timeout", parse::positive_duration)?;
    let mut drain_time = value(sources, "server.drain_time", parse::duration)?;
    let longest = stop_timeout / 2;
    if sources.origin("server.drain_time") == Origin::Default {
        drain_time = drain_time.min(longest);
    } else if drain_time > longest {
        return Err(SettingError::new(
            "server.drain_time",
            sources.origin("server.drain_time"),
            format!(
                "{:?} is not right; expected at most half of server.stop_timeout ({}): what was accepted needs time to end",
                shown::duration(drain_time),
                shown::duration(stop_timeout)
            ),
        ));
    }
    let listen = value(sources, "server.listen", |text| {
        if sources.is_port("server.listen") {
            listen::parse_port(text)
        } else {
            listen::parse(text)
        }
    })?;
    let metrics_listen = optional(sources, "server.metrics_listen", parse::address)?;
    if let Some(metrics) = metrics_listen.filter(|metrics| overlap(*metrics, &listen)) {
        return Err(SettingError::new(
            "server.metrics_listen",
            sources.origin("server.metrics_listen"),
            format!(
                "\"{metrics}\" is not right: server.listen is {listen}; expected another port, because metrics are not for \
                 everybody"
            ),
        ));
    }
    Ok(ServerSettings {
        listen,
        base_url: value(sources, "server.base_url", parse::base_url)?,
        hosts: value(sources, "server.hosts", hosts::hosts)?,
        metrics_listen,
        trusted_proxies: value(sources, "server.trusted_proxies", hosts::networks)?,
        rate_limit: value(sources, "server.rate_limit", parse::rate)?,
        max_connections: value(sources, "server.max_connections", parse::count)?,
        drain_time,
        stop_timeout,
    })
}

/// Whether the two can't be listened on at the same time: an unspecified address means all of them. Port 0 is one that the
/// system chooses.
fn overlap(one: SocketAddr, other: &Listen) -> bool {
    let Listen::Tcp(other) = other else {
        return false;
    };
    let same_ip =
        one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && same_ip
}
