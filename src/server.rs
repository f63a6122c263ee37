//! The app put together: settings in, a running server out, and back to nothing in good order.

mod accepting;
mod announce;
mod bodies;
mod bound;
mod connection;
mod files;
mod handed_over;
mod handle;
mod limits;
mod listener;
mod mounted;
mod open;
mod open_store;
mod removed_file;
mod scrape;
mod serving;
mod signing_keys;
mod socket;
#[cfg(unix)]
mod socket_file;
mod stop;
mod sweep;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::clock::Clock;
use crate::config::{Listen, Region, Settings};
use crate::flow::FlowLog;
use crate::gateway::{Assertions, Gateway, Identities, Sites};
use crate::metrics::Metrics;
use crate::oauth::{Client, Endpoints, Registration};
use crate::session::{AccessTokens, Issuer, RefreshPolicy, Revocations, Store};
use crate::smartsheet::{Api, Retry};
use crate::transport::{Limits, Transport};
use crate::web::{self, App, Control, RateLimiter, Shares, ShownForms};
use announce::announce;
use bound::Bound;
pub use handed_over::HandedOver;
pub use limits::ConnectionLimits;
use listener::Listener;
pub use open_store::{open_flow_log, open_store};
use scrape::Scrape;
use serving::{Room, Serving};
pub use signing_keys::signing_keys;
use stop::StopTimes;
use sweep::sweep;

/// How often sessions are removed that expired or are too many, and the others counted.
const SWEEP_EVERY: Duration = Duration::from_secs(15);

/// Why the app can't start: one line that names the setting to change.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(String);

/// A server that listens and has not begun to serve.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    /// Where the metrics are served, if anywhere.
    metrics: Option<Listener>,
    routes: Router,
    app: Arc<App>,
    limits: ConnectionLimits,
    max_connections: usize,
    stop_times: StopTimes,
    sweep_every: Duration,
}

/// What tests set otherwise than people.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The time.
    pub clock: Clock,
    /// How long a call to Smartsheet may take.
    pub limits: Limits,
    /// How calls to Smartsheet are repeated.
    pub retry: Retry,
    /// How long a client may take for what.
    pub connections: ConnectionLimits,
    /// How often expired sessions are removed, and the others counted.
    pub sweep_every: Duration,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            limits: Limits::default(),
            retry: Retry::default(),
            connections: ConnectionLimits::default(),
            sweep_every: SWEEP_EVERY,
        }
    }
}

impl Server {
    /// Opens the store, mounts the sandbox in sandbox mode, and listens.
    ///
    /// # Errors
    ///
    /// [`StartError`] when an address is taken, the store can't be opened, or the like.
    pub async fn start(
        settings: &Settings,
        surroundings: Surroundings,
    ) -> Result<Self, StartError> {
        Self::start_on(settings, surroundings, None).await
    }

    /// The same, listening at a socket that was `handed_over`, if there is one, instead of `server.listen`.
    ///
    /// # Errors
    ///
    /// As with [`Server::start`].
    pub async fn start_on(
        settings: &Settings,
        surroundings: Surroundings,
        handed_over: Option<HandedOver>,
    ) -> Result<Self, StartError> {
        let bound = Bound::take(settings, handed_over).await?;
        let bound_metrics = settings
            .server
            .metrics_listen
            .map(|address| Bound::take_address(settings, "server.metrics_listen", address))
            .transpose()?;
        let (set, settings) = (settings, &settings.clone().listening_at(bound.at()));
        let store = open_store(settings, surroundings.clock.clone()).await?;
        let flow = open_flow_log(settings, surroundings.clock.clone()).await?;
        let app = Arc::new(assemble(settings, surroundings.clone(), store, flow)?);
        let mut routes = web::router(Arc::clone(&app));
        if settings.smartsheet.region == Region::Sandbox {
            let sandbox = mounted::sandbox(settings, surroundings.clock).await?;
            routes = routes.nest("/sandbox", web::hardened(sandbox, Arc::clone(&app)));
        }
        let listener = bound.listen()?;
        let metrics = bound_metrics.map(Bound::listen).transpose()?;
        announce(set, settings, metrics.as_ref());
        Ok(Self {
            listener,
            metrics,
            routes,
            app,
            limits: surroundings.connections,
            max_connections: files::make_room_for(settings.server.max_connections),
            stop_times: StopTimes::new(&settings.server),
            sweep_every: surroundings.sweep_every,
        })
    }

    /// The address it listens on.
    ///
    /// # Errors
    ///
    /// When it listens at a socket in the file system.
    pub fn address(&self) -> io::Result<SocketAddr> {
        address(&self.listener)
    }

    /// The address at which it serves its metrics, if it does.
    ///
    /// # Errors
    ///
    /// None at present.
    pub fn metrics_address(&self) -> io::Result<Option<SocketAddr>> {
        self.metrics.as_ref().map(address).transpose()
    }

    /// The routes, for whoever serves them another way, such as a benchmark without a network.
    pub fn routes(&self) -> Router {
        self.routes.clone()
    }

    /// Serves until `stop` comes true, then stops in good order; see [`Server::serve_until`].
    ///
    /// # Errors
    ///
    /// None at present: an error of the listener is waited out.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        self.serve_until(stop, std::future::pending()).await
    }

    /// Serves until `stop` comes true, then stops in good order, within `server.stop_timeout` in all.
    ///
    /// First `/readyz` answers 503 and every answer ends its connection, while requests are still taken for
    /// `server.drain_time`, or until `hurry` comes true. Then the requests under way end, exchanges and refreshes store what
    /// they got, and the store closes.
    ///
    /// # Errors
    ///
    /// None at present: an error of the listener is waited out.
    pub async fn serve_until(
        self,
        stop: impl Future<Output = ()> + Send + 'static,
        hurry: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let app = self.app;
        app.tasks.spawn(sweep(Arc::clone(&app), self.sweep_every));
        let room = Room {
            connections: self.max_connections,
            full: "server.max_connections is reached: connections that wait are closed for new ones",
        };
        app.metrics.ready(true);
        let scrape = self
            .metrics
            .map(|listener| Scrape::start(listener, &app, self.limits));
        let serving = Serving::new(self.routes, Arc::clone(&app), self.limits, room);
        let accepting = tokio::spawn(accepting::accept(Arc::clone(&serving), self.listener));
        stop.await;
        stop::stop(self.stop_times, &serving, accepting, hurry).await;
        // Last of all, so that a stop can be watched.
        if let Some(scrape) = scrape {
            scrape.end();
        }
        Ok(())
    }
}

/// Everything that the pages work with, around `store` and `flow`.
///
/// # Errors
///
/// [`StartError`] when TLS can't be set up, or a key not be made.
pub fn assemble(
    settings: &Settings,
    surroundings: Surroundings,
    store: Store,
    flow: FlowLog,
) -> Result<App, StartError> {
    let Surroundings {
        clock,
        limits,
        retry,
        connections: _,
        sweep_every: _,
    } = surroundings;
    let smartsheet = &settings.smartsheet;
    let is_sandbox = smartsheet.region == Region::Sandbox;
    let metrics = Metrics::new().map_err(|error| StartError(format!("metrics: {error}")))?;
    let issuer = if is_sandbox {
        Issuer::mounted_sandbox()
    } else {
        let client_id = &smartsheet.client_id;
        Issuer::new(&smartsheet.authorize_url, &smartsheet.api_url, client_id)
    };
    let store = store
        .measured(&metrics)
        .bound_to(issuer)
        .with_messages_in(flow.clone());
    let transport = transport(settings, limits)?.watched_by(Arc::new(metrics.clone()));
    let registration = Registration {
        client_id: smartsheet.client_id.clone(),
        client_secret: smartsheet.client_secret.clone(),
        redirect_uri: settings.redirect_url(),
        authentication: smartsheet.client_authentication,
    };
    let endpoints = Endpoints {
        authorize: smartsheet.authorize_url.clone(),
        token: token_url(&smartsheet.api_url),
    };
    let client = Client::new(registration, endpoints, transport.clone());
    let tasks = TaskTracker::new();
    let access = AccessTokens::new(
        store.clone(),
        client.clone(),
        clock.clone(),
        RefreshPolicy {
            margin: settings.session.refresh_margin,
            lease: settings.session.refresh_lease,
        },
        tasks.clone(),
        Some(flow.clone()),
        Some(metrics.clone()),
    );
    let api = Api::new(smartsheet.api_url.clone(), transport.clone(), retry);
    let identities = Identities::new(
        store.clone(),
        access.clone(),
        api.clone(),
        clock.clone(),
        tasks.clone(),
        settings.gateway.recheck,
    );
    Ok(App {
        gateway: gateway(settings, identities)?,
        base_url: settings.server.base_url.clone(),
        scopes: smartsheet.scopes.clone(),
        sandbox: is_sandbox,
        hardening: web::hardening(&settings.server.base_url, &smartsheet.authorize_url),
        control: is_sandbox.then(|| Control::beside(&smartsheet.api_url, transport.clone())),
        notices: settings.notices(),
        welcome: OnceLock::new(),
        session_lifetime: settings.session.lifetime,
        refresh_margin: settings.session.refresh_margin,
        patience: limits.total_timeout,
        gate: transport.gate(),
        client: client.clone(),
        revocations: Revocations::new(store.clone(), client, Some(metrics.clone())),
        api,
        store,
        access,
        flow,
        tasks,
        stopping: CancellationToken::new(),
        trusted_proxies: settings.server.trusted_proxies.clone(),
        rate_limiter: settings
            .server
            .rate_limit
            .map(|a_minute| RateLimiter::new(a_minute, clock.clone())),
        shares: Shares::new(&limits),
        shown_forms: ShownForms::default(),
        clock,
        metrics,
    })
}

fn gateway(settings: &Settings, identities: Identities) -> Result<Gateway, StartError> {
    let base_url = &settings.server.base_url;
    let own_port = settings.server.listen.port();
    let sites = Sites::new(&settings.gateway.sites, base_url, own_port);
    let issuer = sites.app().origin();
    let keys = signing_keys(settings)?;
    let assertions = keys.map(|keys| Assertions::new(keys, issuer, settings.api.assertions));
    Ok(Gateway {
        assertions,
        allow: settings.gateway.allow.clone(),
        remote_user: settings.gateway.remote_user,
        identities,
        sites,
    })
}

/// The HTTP client towards Smartsheet.
///
/// # Errors
///
/// [`StartError`] when TLS can't be set up.
pub fn transport(settings: &Settings, limits: Limits) -> Result<Transport, StartError> {
    let api_url = &settings.smartsheet.api_url;
    let socket = settings.server.listen.path();
    let transport = match socket.filter(|_| settings.is_built_in()) {
        // The mounted sandbox is where the app is, which has no port.
        Some(socket) => Transport::through(socket, crate::USER_AGENT, limits),
        None => Transport::new(&[api_url], crate::USER_AGENT, limits),
    };
    let transport = transport.map_err(|error| {
        StartError(format!(
            "smartsheet.api_url: {api_url} can't be called: {error}; expected root certificates on this machine"
        ))
    })?;
    let source = &settings.smartsheet.integration_source;
    let source = HeaderValue::from_str(source)
        .map_err(|error| StartError(format!("smartsheet.integration_source: {error}")))?;
    Ok(transport.identified_by(source))
}

/// The token endpoint is part of the API (Smartsheet's documentation, "Base URLs").
fn token_url(api_url: &Url) -> Url {
    let mut url = api_url.clone();
    url.set_path(&format!("{}/token", api_url.path().trim_end_matches('/')));
    url
}

fn address(listener: &Listener) -> io::Result<SocketAddr> {
    match listener.at() {
        Listen::Tcp(address) => Ok(*address),
        Listen::Unix(_) => Err(io::Error::other(
            "it listens at a socket in the file system",
        )),
    }
}
