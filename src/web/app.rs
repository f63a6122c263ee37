//! What the pages work with.

use std::sync::OnceLock;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::response::Html;
use ipnet::IpNet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::break_it::Control;
use super::notice::Notice;
use super::rate_limit::RateLimiter;
use super::shares::Shares;
use super::sheets::ShownForms;
use crate::clock::Clock;
use crate::flow::FlowLog;
use crate::gateway::Gateway;
use crate::metrics::Metrics;
use crate::oauth::{Client, Scope};
use crate::session::{AccessTokens, Revocations, Store};
use crate::smartsheet::Api;
use crate::transport::Gate;

/// What the pages work with.
#[derive(Debug)]
pub struct App {
    /// What was set, as far as pages need it.
    pub settings: PageSettings,
    /// The way to Smartsheet.
    pub smartsheet: Smartsheet,
    /// What is kept for browsers.
    pub sessions: Sessions,
    /// Other sites that get the signed-in person from here.
    pub gateway: Gateway,
    /// What was said in everybody's flows.
    pub flow: FlowLog,
    /// How much anybody may ask for.
    pub limits: Limits,
    /// What a stop waits for.
    pub running: Running,
    /// The start page for whoever is signed out, once somebody has asked for it: it is the same for everybody.
    pub welcome: OnceLock<Html<Bytes>>,
    /// What was shown in forms of rows.
    pub shown_forms: ShownForms,
    /// The time.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Metrics,
}

/// What was set, as far as pages need it.
#[derive(Debug)]
pub struct PageSettings {
    /// How browsers reach the app.
    pub base_url: Url,
    /// What people are asked for.
    pub scopes: Vec<Scope>,
    /// Whether Smartsheet is the built-in sandbox.
    pub sandbox: bool,
    /// The headers that every answer carries unless it says otherwise.
    pub hardening: HeaderMap,
    /// What the settings lack or probably don't mean, for the start page.
    pub notices: Vec<Notice>,
    /// How long a session lasts in all; the cookie lasts as long.
    pub session_lifetime: Duration,
    /// An access token with this much or less to live is refreshed before use.
    pub refresh_margin: Duration,
    /// How long a page waits for Smartsheet, in all.
    pub patience: Duration,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

/// The way to Smartsheet.
#[derive(Debug)]
pub struct Smartsheet {
    /// The OAuth client.
    pub client: Client,
    /// Smartsheet's API.
    pub api: Api,
    /// Lets calls out.
    pub gate: Gate,
    /// How the sandbox is told to fail, in sandbox mode.
    pub control: Option<Control>,
}

/// What is kept for browsers.
#[derive(Debug)]
pub struct Sessions {
    /// The sessions.
    pub store: Store,
    /// The one way to a usable access token.
    pub access: AccessTokens,
    /// Gives back the tokens of sessions that ended.
    pub revocations: Revocations,
}

/// How much anybody may ask for.
#[derive(Debug)]
pub struct Limits {
    /// Counts what each client asks for, if anything does.
    pub rate_limiter: Option<RateLimiter>,
    /// How much of the calls to Smartsheet each session and client has under way.
    pub shares: Shares,
}

/// What a stop waits for, and how it is told.
#[derive(Debug)]
pub struct Running {
    /// What must come to its end though the browser goes away or the server stops.
    pub tasks: TaskTracker,
    /// Set when the server begins to stop.
    pub stopping: CancellationToken,
}

impl App {
    /// Whether browsers reach the app by TLS, its own proxy's.
    pub(super) fn is_https(&self) -> bool {
        self.settings.base_url.scheme() == "https"
    }
}
