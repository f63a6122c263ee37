//! What someone who just started the app wants to know, in the log.

use std::net::SocketAddr;

use crate::config::{Listen, Origin, Region, Settings};

/// Says where the app is, with the settings as they were `set`, and as they are `in_force` now that it listens.
pub(super) fn announce(set: &Settings, in_force: &Settings, metrics: Option<SocketAddr>) {
    let server = &in_force.server;
    tracing::info!(
        address = %server.listen,
        mode = in_force.smartsheet.region.name(),
        "open {}", server.base_url
    );
    if let Some(metrics) = metrics {
        tracing::info!(address = %metrics, "metrics at http://{metrics}/metrics");
    }
    tracing::info!(
        "the redirect URL to register in Smartsheet's Developer Tools is {}",
        in_force.redirect_url()
    );
    if in_force.smartsheet.region == Region::Sandbox {
        tracing::info!("sandbox mode: no Smartsheet account is needed, and none is used");
    }
    let differs = match (&set.server.listen, &server.listen) {
        (Listen::Tcp(set), Listen::Tcp(real)) if set.port() == 0 => set.ip() != real.ip(),
        (set, real) => set != real,
    };
    if differs && set.origin("server.listen") != Origin::Default {
        tracing::warn!(
            "server.listen is {}, but systemd handed over {}, which counts: set it to the same, because `health` asks there",
            set.server.listen,
            server.listen
        );
    }
    for warning in in_force.warnings() {
        tracing::warn!("{warning}");
    }
}
