//! The section `[smartsheet]`.

use secrecy::SecretString;
use url::Url;

use super::listen::{Listen, reachable};
use super::origin::Origin;
use super::server::ServerSettings;
use super::source::Sources;
use super::{SettingError, optional, parse, secret, value, value_or};
use crate::oauth::{self, ClientAuthentication, Scope};
use crate::transport::is_loopback;

/// The section `[smartsheet]`.
#[derive(Debug, Clone)]
pub struct SmartsheetSettings {
    /// `smartsheet.region`: which Smartsheet, or the sandbox.
    pub region: Region,
    /// `smartsheet.client_id`.
    pub client_id: String,
    /// `smartsheet.client_secret`, or what `smartsheet.client_secret_file` holds.
    pub client_secret: SecretString,
    /// `smartsheet.scopes`: what people are asked for.
    pub scopes: Vec<Scope>,
    /// `smartsheet.client_authentication`: how the app proves to be itself.
    pub client_authentication: ClientAuthentication,
    /// `smartsheet.authorize_url`: where browsers are sent to sign in.
    pub authorize_url: Url,
    /// `smartsheet.api_url`: the base of the API, without a slash at its end.
    pub api_url: Url,
    /// `smartsheet.integration_source`: what Smartsheet is told with every call about where it comes from.
    pub integration_source: String,
}

/// One of Smartsheet's regions, each with its own hosts, accounts and tokens; or the built-in stand-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    /// smartsheet.com.
    Us,
    /// smartsheet.eu.
    Eu,
    /// smartsheet.au.
    Au,
    /// smartsheetgov.com.
    Gov,
    /// The built-in sandbox, mounted at `/sandbox` of this server.
    Sandbox,
}

/// The client id that the sandbox knows the app by when none is set.
const SANDBOX_CLIENT_ID: &str = "sandbox-client";
/// The secret that goes with [`SANDBOX_CLIENT_ID`]. It opens nothing but the sandbox, so it need not be one.
const SANDBOX_CLIENT_SECRET: &str = "sandbox-secret";

impl Region {
    /// The name in the settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::Eu => "eu",
            Self::Au => "au",
            Self::Gov => "gov",
            Self::Sandbox => "sandbox",
        }
    }

    /// The authorize URL and the API's base (Smartsheet's documentation, "Base URLs"). `None` for the sandbox, which is
    /// wherever this server is.
    const fn hosts(self) -> Option<(&'static str, &'static str)> {
        let region = match self {
            Self::Us => oauth::Region::Us,
            Self::Eu => oauth::Region::Eu,
            Self::Au => oauth::Region::Au,
            Self::Gov => oauth::Region::Gov,
            Self::Sandbox => return None,
        };
        Some((region.authorize_url(), region.api_url()))
    }
}

pub(super) fn read(
    sources: &Sources,
    server: &ServerSettings,
) -> Result<SmartsheetSettings, SettingError> {
    let client_id = optional(sources, "smartsheet.client_id", parse::client_id)?;
    let usual = if client_id.is_some() { "us" } else { "sandbox" };
    let region = value_or(sources, "smartsheet.region", usual, |text| {
        let all = [
            Region::Us,
            Region::Eu,
            Region::Au,
            Region::Gov,
            Region::Sandbox,
        ];
        parse::one_of(text, &all.map(|region| (region.name(), region)))
    })?;
    let (client_id, client_secret) = credentials(sources, server, region, client_id)?;
    let (authorize_url, api_url) = urls(sources, server, region)?;
    Ok(SmartsheetSettings {
        region,
        client_id,
        client_secret,
        scopes: value(sources, "smartsheet.scopes", parse::scopes)?,
        client_authentication: value(sources, "smartsheet.client_authentication", |text| {
            let choices = [
                ("hash", ClientAuthentication::Hash),
                ("secret", ClientAuthentication::Secret),
            ];
            parse::one_of(text, &choices)
        })?,
        authorize_url,
        api_url,
        integration_source: value(
            sources,
            "smartsheet.integration_source",
            parse::integration_source,
        )?,
    })
}

/// The client id and the secret: both, or in the sandbox neither.
fn credentials(
    sources: &Sources,
    server: &ServerSettings,
    region: Region,
    client_id: Option<String>,
) -> Result<(String, SecretString), SettingError> {
    let missing = |name: &str, why: String| Err(SettingError::new(name, Origin::Default, why));
    let client_secret = secret(
        sources,
        "smartsheet.client_secret",
        "smartsheet.client_secret_file",
    )?;
    match (client_id, client_secret) {
        (Some(id), Some(secret)) => Ok((id, secret)),
        (Some(_), None) => missing(
            "smartsheet.client_secret",
            "is missing; expected the app secret that Smartsheet's Developer Tools show beside smartsheet.client_id"
                .to_owned(),
        ),
        (None, Some(_)) => missing(
            "smartsheet.client_id",
            "is missing; expected the app client id that belongs to the secret".to_owned(),
        ),
        (None, None) if region != Region::Sandbox => missing(
            "smartsheet.client_id",
            format!(
                "is missing; expected the app client id of Smartsheet's Developer Tools, because smartsheet.region is {}",
                region.name()
            ),
        ),
        // In the sandbox anybody signs in as anybody. Credentials that got lost must not lead there.
        (None, None)
            if sources.origin("smartsheet.region") == Origin::Default
                && !is_loopback(&server.base_url) =>
        {
            missing(
                "smartsheet.client_id",
                format!(
                    "is missing, and server.base_url is {}; expected the app client id of Smartsheet's Developer Tools, \
                     or smartsheet.region set to sandbox if everybody may sign in as anybody there",
                    server.base_url.origin().ascii_serialization()
                ),
            )
        }
        (None, None) => Ok((SANDBOX_CLIENT_ID.to_owned(), SANDBOX_CLIENT_SECRET.into())),
    }
}

/// The authorize URL and the API's base.
fn urls(
    sources: &Sources,
    server: &ServerSettings,
    region: Region,
) -> Result<(Url, Url), SettingError> {
    let authorize = parse::provider_url;
    let api = |text: &str| parse::provider_url(text.trim_end_matches('/'));
    let (authorize_name, api_name) = ("smartsheet.authorize_url", "smartsheet.api_url");
    if let Some((authorize_default, api_default)) = region.hosts() {
        return Ok((
            value_or(sources, authorize_name, authorize_default, authorize)?,
            value_or(sources, api_name, api_default, api)?,
        ));
    }
    // What is derived is this machine, by whatever address it listens at.
    let (authorize_default, api_default) = sandbox_hosts(server);
    Ok((
        optional(sources, authorize_name, authorize)?.unwrap_or(authorize_default),
        optional(sources, api_name, api)?.unwrap_or(api_default),
    ))
}

/// Where the mounted sandbox is: for browsers, and for this server's own calls.
///
/// On `localhost` the browser is sent to it by `127.0.0.1`, which is another site to it, as Smartsheet is: a cookie that
/// only works within one site would otherwise seem to work.
pub(super) fn sandbox_hosts(server: &ServerSettings) -> (Url, Url) {
    let mut authorize = server.base_url.clone();
    if authorize.host_str() == Some("localhost") {
        // Fails only for URLs that can't have a host.
        let _ = authorize.set_host(Some("127.0.0.1"));
    }
    authorize.set_path("/sandbox/b/authorize");

    // None of these fails for an address of the web.
    let mut api = server.base_url.clone();
    let _ = api.set_scheme("http");
    match &server.listen {
        Listen::Tcp(address) => {
            let address = reachable(*address);
            let _ = api.set_ip_host(address.ip());
            let _ = api.set_port(Some(address.port()));
        }
        // The calls go by the socket, and the host only looks right.
        Listen::Unix(_) => {
            let _ = api.set_host(Some("localhost"));
            let _ = api.set_port(None);
        }
    }
    api.set_path("/sandbox/2.0");
    (authorize, api)
}
