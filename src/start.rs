//! The app put together: settings in, a running instance out, and back to nothing in good order.

mod announce;
mod assemble;
mod bound;
mod files;
mod handed_over;
mod hooks;
mod mounted;
mod open_postgres;
mod open_store;
mod scrape;
mod signing_keys;
mod stop;
mod sweep;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;

use crate::clock::Clock;
use crate::config::{Region, Settings};
use crate::server::{At, ConnectionLimits, Listener, Room, Server};
use crate::smartsheet::Retry;
use crate::transport::Limits;
use crate::web::{self, App};
use announce::announce;
pub use assemble::{assemble, transport};
use bound::Bound;
pub use handed_over::HandedOver;
use hooks::hooks;
pub use open_postgres::PostgresDatabase;
pub use open_store::{Database, open_database, open_flow_log, open_store};
pub use signing_keys::signing_keys;
use stop::StopTimes;
use sweep::sweep;

/// How often sessions are removed that expired or are too many, and the others counted.
const SWEEP_EVERY: Duration = Duration::from_secs(15);

/// Why the app can't start: one line that names the setting to change.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(String);

/// An instance of the app that listens and has not begun to serve.
#[derive(Debug)]
pub struct Instance {
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
pub struct Overrides {
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

impl Default for Overrides {
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

impl Instance {
    /// Opens the store, mounts the sandbox in sandbox mode, and listens.
    ///
    /// # Errors
    ///
    /// [`StartError`] when an address is taken, the store can't be opened, or the like.
    pub async fn start(settings: &Settings, overrides: Overrides) -> Result<Self, StartError> {
        Self::start_on(settings, overrides, None).await
    }

    /// The same, listening at a socket that was `handed_over`, if there is one, instead of `server.listen`.
    ///
    /// # Errors
    ///
    /// As with [`Instance::start`].
    pub async fn start_on(
        settings: &Settings,
        overrides: Overrides,
        handed_over: Option<HandedOver>,
    ) -> Result<Self, StartError> {
        let bound = Bound::take(settings, handed_over).await?;
        let bound_metrics = settings
            .server
            .metrics_listen
            .map(|address| Bound::take_address(settings, "server.metrics_listen", address))
            .transpose()?;
        let (set, settings) = (settings, &settings.clone().listening_at(bound.at()));
        let clock = &overrides.clock;
        let database = open_database(settings, clock).await?;
        let store = open_store(settings, &database, clock.clone()).await?;
        let flow = open_flow_log(settings, &database, clock.clone()).await?;
        for warning in database.warnings() {
            tracing::warn!("{warning}");
        }
        let app = Arc::new(assemble(settings, overrides.clone(), store, flow)?);
        let mut routes = web::router(Arc::clone(&app));
        if settings.smartsheet.region == Region::Sandbox {
            let sandbox = mounted::sandbox(settings, overrides.clock).await?;
            routes = routes.nest("/sandbox", web::hardened(sandbox, Arc::clone(&app)));
        }
        let listener = bound.listen()?;
        let metrics = bound_metrics.map(Bound::listen).transpose()?;
        let metrics_at = metrics.as_ref().and_then(|listener| address(listener).ok());
        announce(set, settings, metrics_at);
        Ok(Self {
            listener,
            metrics,
            routes,
            app,
            limits: overrides.connections,
            max_connections: files::make_room_for(settings.server.max_connections),
            stop_times: StopTimes::new(&settings.server),
            sweep_every: overrides.sweep_every,
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

    /// Serves until `stop` comes true, then stops in good order; see [`Instance::serve_until`].
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
        app.running
            .tasks
            .spawn(sweep(Arc::clone(&app), self.sweep_every));
        let store = app.sessions.store.clone();
        // To the end: what the stop waits for may hold leases.
        let presence = tokio::spawn(async move { store.show_presence().await });
        let room = Room {
            connections: self.max_connections,
            full: "server.max_connections is reached: connections that wait are closed for new ones",
        };
        app.metrics.ready(true);
        let scrape = self
            .metrics
            .map(|listener| scrape::start(listener, &app, self.limits));
        let server = Server::start(self.listener, self.routes, hooks(&app), self.limits, room);
        stop.await;
        stop::stop(self.stop_times, server, &app, hurry).await;
        presence.abort();
        // Last of all, so that a stop can be watched.
        if let Some(scrape) = scrape {
            scrape.abort();
        }
        Ok(())
    }
}

fn address(listener: &Listener) -> io::Result<SocketAddr> {
    match listener.at() {
        At::Port(address) => Ok(*address),
        At::File(_) => Err(io::Error::other(
            "it listens at a socket in the file system",
        )),
    }
}
