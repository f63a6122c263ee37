//! `health`: whether the running server lives, for containers and balancers.

use std::process::ExitCode;
use std::time::Duration;

use reqwest::Method;
use url::Url;

use crate::config::Settings;
use crate::transport::{Limits, Purpose, Transport};

/// Asks `/healthz` where the settings say that the server listens.
pub(super) async fn health(settings: &Settings) -> ExitCode {
    let listen = &settings.server.listen;
    let asked = async {
        let url = format!("{}/healthz", listen.reachable());
        let url = Url::parse(&url).map_err(|error| error.to_string())?;
        let limits = Limits {
            total_timeout: Duration::from_secs(3),
            ..Limits::default()
        };
        let transport = match listen.path() {
            Some(socket) => Transport::through(socket, crate::USER_AGENT, limits),
            None => Transport::new(&[&url], crate::USER_AGENT, limits),
        };
        let transport = transport.map_err(|error| error.to_string())?;
        let request = transport.request(Method::GET, url);
        let answer = transport
            .send(Purpose::Other("probe"), 1, request)
            .await
            .map_err(|error| error.to_string())?;
        Ok::<_, String>(answer.status)
    };
    match asked.await {
        Ok(status) if status.is_success() => {
            println!("healthy");
            ExitCode::SUCCESS
        }
        Ok(status) => {
            eprintln!("unhealthy: {listen} answers {status}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("unhealthy: {listen}: {error}");
            ExitCode::FAILURE
        }
    }
}
