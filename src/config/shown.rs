//! What is shown of the settings: each with its value and its origin, without secrets.

use std::time::Duration;

use super::origin::Origin;
use super::passwords::without_password;
use super::table::{is_secret, names};
use super::{LogFormat, Region, Settings};
use crate::oauth::ClientAuthentication;

impl Settings {
    /// Every setting with its effective value, secrets and passwords masked, and where the value came from.
    #[must_use]
    pub fn describe(&self) -> Vec<(&'static str, String, Origin)> {
        // The file that names the store is where its value came from.
        let origin = |name| match (name, self.origin("session.store_file")) {
            ("session.store", Origin::Default) => self.origin(name),
            ("session.store", file) => file,
            (name, _) => self.origin(name),
        };
        names()
            .map(|name| {
                let value = self.effective(name);
                (name, without_password(&value).into_owned(), origin(name))
            })
            .collect()
    }

    /// The value in force of a setting, as it would be written.
    fn effective(&self, name: &'static str) -> String {
        let Self {
            server,
            smartsheet,
            session,
            ..
        } = self;
        match name {
            "server.listen" => server.listen.to_string(),
            "server.base_url" => server.base_url.origin().ascii_serialization(),
            "server.rate_limit" => {
                let rate = server.rate_limit.map(|rate| rate.to_string());
                rate.unwrap_or_else(|| "off".to_owned())
            }
            "server.max_connections" => server.max_connections.to_string(),
            "server.drain_time" => duration(server.drain_time),
            "server.stop_timeout" => duration(server.stop_timeout),
            "smartsheet.region" => smartsheet.region.name().to_owned(),
            "smartsheet.client_id" => smartsheet.client_id.clone(),
            "smartsheet.scopes" => {
                let scopes = smartsheet.scopes.iter().map(|scope| scope.name());
                scopes.collect::<Vec<_>>().join(" ")
            }
            "smartsheet.client_authentication" => match smartsheet.client_authentication {
                ClientAuthentication::Hash => "hash".to_owned(),
                ClientAuthentication::Secret => "secret".to_owned(),
            },
            "smartsheet.authorize_url" => smartsheet.authorize_url.to_string(),
            "smartsheet.api_url" => smartsheet.api_url.to_string(),
            "smartsheet.integration_source" => smartsheet.integration_source.clone(),
            "sandbox.control" => self.sandbox.control.name().to_owned(),
            "session.store" => session.store.to_string(),
            "session.idle_timeout" => duration(session.idle_timeout),
            "session.lifetime" => duration(session.lifetime),
            "session.refresh_lease" => duration(session.refresh_lease),
            "session.max_connections" => session.max_connections.to_string(),
            "session.refresh_margin" => duration(session.refresh_margin),
            "flow.record" => on_or_off(self.flow.record),
            "flow.max_size" => super::flow::show_size(self.flow.max_size),
            "gateway.sites" if !self.gateway.sites.is_empty() => {
                let sites = self.gateway.sites.iter();
                let sites = sites.map(|site| site.origin().ascii_serialization());
                sites.collect::<Vec<_>>().join(" ")
            }
            "gateway.remote_user" => self.gateway.remote_user.name().to_owned(),
            "gateway.recheck" => duration(self.gateway.recheck),
            "api.assertions" => on_or_off(self.api.assertions),
            "log.format" => match self.log {
                LogFormat::Text => "text".to_owned(),
                LogFormat::Json => "json".to_owned(),
            },
            // The built-in sandbox knows the app by a secret that is drawn at the start.
            "smartsheet.client_secret"
                if smartsheet.region == Region::Sandbox
                    && self.sources.get("smartsheet.client_secret").is_none() =>
            {
                "made up".to_owned()
            }
            name => match self.sources.get(name) {
                None => "not set".to_owned(),
                Some(_) if is_secret(name) => "set".to_owned(),
                Some((value, _)) => value.to_owned(),
            },
        }
    }
}

fn on_or_off(is_on: bool) -> String {
    if is_on { "on" } else { "off" }.to_owned()
}

/// A duration as it is written in the settings, in the largest unit that it is whole in.
pub(super) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    for (unit, length) in [("d", 86_400), ("h", 3_600), ("m", 60)] {
        if seconds >= length && seconds.is_multiple_of(length) {
            return format!("{}{unit}", seconds / length);
        }
    }
    format!("{seconds}s")
}
