//! `check`: what is in force, and whether it works.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use reqwest::Method;

use crate::clock::Clock;
use crate::config::Settings;
use crate::start::{Database, open_database, open_store, signing_keys, transport};
use crate::transport::{Limits, Purpose};

/// Prints a line. Whoever reads may have enough before the end, as in `check | head`; the exit status says the rest.
macro_rules! say {
    ($($what:tt)*) => {{
        let _ = writeln!(std::io::stdout(), $($what)*);
    }};
}

/// Prints the effective settings with their origin, the redirect URL, and whether the store opens and the Smartsheet hosts
/// answer. Exit 1 when something is wrong.
pub async fn run(settings: &Settings) -> ExitCode {
    say!("Settings");
    for (name, value, origin) in settings.describe() {
        say!("  {name:<34} {value}  ({origin})");
    }
    say!("\nRedirect URL to register in Smartsheet's Developer Tools");
    say!("  {}", settings.redirect_url());

    let sites = &settings.gateway.sites;
    if !sites.is_empty() {
        say!("\nSites that get the signed-in person");
        for site in sites {
            say!("  {}", site.origin().ascii_serialization());
        }
    }

    say!("\nChecks");
    let mut sound = true;
    let mut report = |what: &str, result: Result<String, String>| match result {
        Ok(detail) => say!("  ok     {what}: {detail}"),
        Err(problem) => {
            say!("  WRONG  {what}: {problem}");
            sound = false;
        }
    };
    let store = store(settings).await;
    let (store, more) = match store {
        Ok((detail, warnings)) => (Ok(detail), warnings),
        Err(problem) => (Err(problem), Vec::new()),
    };
    report("session store", store);
    match signing_keys(settings) {
        Ok(None) => {}
        Ok(Some(keys)) => {
            let ids: Vec<&str> = keys.ids().collect();
            let others = match ids.len() {
                1 => "",
                _ => " (the first signs)",
            };
            report("signing keys", Ok(format!("{}{others}", ids.join(", "))));
        }
        Err(error) => report("signing keys", Err(error.to_string())),
    }
    if settings.is_built_in() {
        report(
            "Smartsheet",
            Ok("the built-in sandbox; nothing to reach".to_owned()),
        );
    } else {
        for url in [
            &settings.smartsheet.authorize_url,
            &settings.smartsheet.api_url,
        ] {
            report(
                url.host_str().unwrap_or("Smartsheet"),
                answers(settings, url).await,
            );
        }
    }
    for warning in settings.warnings().iter().chain(&more) {
        say!("  note   {warning}");
    }
    if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What is known of the store once it was opened, and what of it is probably not meant.
async fn store(settings: &Settings) -> Result<(String, Vec<String>), String> {
    let clock = Clock::system();
    let database = open_database(settings, &clock)
        .await
        .map_err(|error| error.to_string())?;
    let store = open_store(settings, &database, clock)
        .await
        .map_err(|error| error.to_string())?;
    let counted = store.count().await.map_err(|error| error.to_string());
    store.close().await;
    let mut detail = "opens and answers".to_owned();
    if let Database::Postgres(database) = &database {
        detail = format!("{detail}: {}", database.summary);
    }
    match counted?.revocations {
        0 => {}
        waiting => {
            detail = format!("{detail}; revocations that wait for another try: {waiting}");
        }
    }
    Ok((detail, database.warnings().to_vec()))
}

/// Whether the host answers at all. Which status is of no account: nobody is signed in.
async fn answers(settings: &Settings, url: &url::Url) -> Result<String, String> {
    let limits = Limits {
        total_timeout: Duration::from_secs(5),
        ..Limits::default()
    };
    let transport = transport(settings, limits).map_err(|error| error.to_string())?;
    let request = transport.request(Method::GET, url.clone());
    let answer = transport
        .send(Purpose::Other("probe"), 1, request)
        .await
        .map_err(|error| error.to_string())?;
    Ok(format!("answers (HTTP {})", answer.status.as_u16()))
}
