//! Everything put together: what the pages work with, made of the settings.

use std::sync::{Arc, OnceLock};

use axum::http::HeaderValue;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::signing_keys::signing_keys;
use super::{Overrides, StartError};
use crate::config::{Region, Settings};
use crate::flow::FlowLog;
use crate::gateway::api::ApiCalls;
use crate::gateway::{Assertions, Gateway, Identities, Sites};
use crate::metrics::Metrics;
use crate::oauth::{Client, Endpoints, Registration};
use crate::session::{AccessTokens, Issuer, RefreshPolicy, Refreshes, Revocations, Store};
use crate::smartsheet::Api;
use crate::transport::{Limits, Transport};
use crate::web::{
    self, App, Control, Notice, PageSettings, RateLimiter, Running, Sessions, Shares, ShownForms,
    Smartsheet,
};

/// Everything that the pages work with, around `store` and `flow`.
///
/// # Errors
///
/// [`StartError`] when TLS can't be set up, or a key not be made.
pub fn assemble(
    settings: &Settings,
    overrides: Overrides,
    store: Store,
    flow: FlowLog,
) -> Result<App, StartError> {
    let Overrides {
        clock,
        limits,
        retry,
        connections: _,
        sweep_every: _,
    } = overrides;
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
    let transport = transport(settings, limits)?.observed_by(Arc::new(metrics.clone()));
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
    let access = AccessTokens::new(Refreshes {
        store: store.clone(),
        client: client.clone(),
        clock: clock.clone(),
        policy: RefreshPolicy {
            margin: settings.session.refresh_margin,
            lease: settings.session.refresh_lease,
        },
        tasks: tasks.clone(),
        log: Some(flow.clone()),
        metrics: Some(metrics.clone()),
    });
    let api = Api::new(smartsheet.api_url.clone(), transport.clone(), retry);
    let identities = Identities::new(
        store.clone(),
        access.clone(),
        api.clone(),
        clock.clone(),
        tasks.clone(),
        settings.gateway.recheck,
    );
    let api_calls = ApiCalls::new(
        settings.api.allow.clone(),
        settings.api.assertions,
        clock.clone(),
        access.clone(),
        api.clone(),
        metrics.clone(),
    );
    Ok(App {
        gateway: gateway(settings, &store, identities, api_calls)?,
        settings: page_settings(settings, limits),
        smartsheet: Smartsheet {
            gate: transport.gate(),
            control: is_sandbox.then(|| Control::beside(&smartsheet.api_url, transport)),
            client: client.clone(),
            api,
        },
        sessions: Sessions {
            revocations: Revocations::new(store.clone(), client, Some(metrics.clone())),
            store,
            access,
        },
        limits: web::Limits {
            rate_limiter: settings
                .server
                .rate_limit
                .map(|a_minute| RateLimiter::new(a_minute, clock.clone())),
            shares: Shares::new(&limits),
        },
        running: Running {
            tasks,
            stopping: CancellationToken::new(),
        },
        flow,
        welcome: OnceLock::new(),
        shown_forms: ShownForms::default(),
        clock,
        metrics,
    })
}

fn page_settings(settings: &Settings, limits: Limits) -> PageSettings {
    let (server, session, smartsheet) = (&settings.server, &settings.session, &settings.smartsheet);
    PageSettings {
        base_url: server.base_url.clone(),
        scopes: smartsheet.scopes.clone(),
        sandbox: smartsheet.region == Region::Sandbox,
        hardening: web::hardening(&server.base_url, &smartsheet.authorize_url),
        notices: settings
            .notices()
            .iter()
            .map(|text| Notice::new(text))
            .collect(),
        session_lifetime: session.lifetime,
        refresh_margin: session.refresh_margin,
        patience: limits.total_timeout,
        trusted_proxies: server.trusted_proxies.clone(),
    }
}

fn gateway(
    settings: &Settings,
    store: &Store,
    identities: Identities,
    api: ApiCalls,
) -> Result<Gateway, StartError> {
    let base_url = &settings.server.base_url;
    let own_port = settings.server.listen.port();
    let sites = Sites::new(&settings.gateway.sites, base_url, own_port);
    let issuer = sites.app().origin();
    let keys = signing_keys(settings)?;
    let references = settings.api.assertions.then(|| store.clone());
    let assertions = keys.map(|keys| Assertions::new(keys, issuer, references));
    Ok(Gateway {
        assertions,
        allow: settings.gateway.allow.clone(),
        remote_user: settings.gateway.remote_user,
        identities,
        api,
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
