//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use tokio::net::TcpListener;
use url::Url;

use crate::config::{LogFormat, Settings, parse_duration};
use crate::sandbox::{self, Sandbox};
use crate::server::{Server, Surroundings};
use crate::transport::{Limits, Purpose, Transport};
use crate::{check, log};

/// Bad usage or bad settings.
const EXIT_USAGE: u8 = 2;

#[derive(Debug, Parser)]
#[command(
    name = "smartsheet-oauth-demo",
    version,
    propagate_version = true,
    about = "Signs people in through Smartsheet with OAuth 2.0, and shows how",
    after_help = "Settings: defaults, then config.toml, then the environment (SECTION_KEY), then --set."
)]
struct Cli {
    /// The settings file (default: config.toml of this folder, if there is one)
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets one setting, such as --set server.listen=127.0.0.1:9000; may be repeated
    #[arg(long = "set", global = true, value_name = "NAME=VALUE", value_parser = name_and_value)]
    set: Vec<(String, String)>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the app (the default)
    Serve,
    /// Serves the stand-in for Smartsheet alone, in memory
    Sandbox(SandboxArgs),
    /// Prints the effective settings and whether store and Smartsheet answer; exit 1 when something is wrong
    Check,
    /// Asks the running server whether it is healthy; exit 0 or 1
    Health,
}

#[derive(Debug, Args)]
struct SandboxArgs {
    /// Where to listen; port 0 chooses a free one
    #[arg(long, default_value = "127.0.0.1:8081", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// A registered app's client id; repeat it, with its secret and redirect URL, for several apps
    #[arg(long, value_name = "ID")]
    client_id: Vec<String>,
    /// The app's secret
    #[arg(long, value_name = "SECRET")]
    client_secret: Vec<String>,
    /// Where the app's users are sent back to; with one app it may be repeated
    #[arg(long, value_name = "URL")]
    redirect_url: Vec<String>,
    /// How long access tokens live, such as 90s, 5m, 12h or 7d
    #[arg(long, default_value = "7d", value_name = "DURATION", value_parser = parse_duration)]
    access_token_lifetime: Duration,
    /// How long authorization codes live
    #[arg(long, default_value = "10m", value_name = "DURATION", value_parser = parse_duration)]
    code_lifetime: Duration,
    /// Makes codes, tokens and ids the same in every run
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many calls a minute a token may make (Smartsheet: 300); without it, any number
    #[arg(long, value_name = "CALLS")]
    rate_limit: Option<u32>,
}

/// Runs the command line `args` to its end and says what to exit with.
pub async fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            ) =>
        {
            print!("{error}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or("error: bad usage");
            eprintln!("{line} (try --help)");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    if let Some(Command::Sandbox(args)) = cli.command {
        return run_sandbox(args).await;
    }
    let environment = |name: &str| std::env::var_os(name);
    let settings = match Settings::load(cli.config.as_deref(), &environment, &cli.set) {
        Ok(settings) => settings,
        Err(error) => return usage(&error),
    };
    match cli.command {
        Some(Command::Check) => check::run(&settings).await,
        Some(Command::Health) => health(&settings).await,
        _ => serve(&settings).await,
    }
}

async fn serve(settings: &Settings) -> ExitCode {
    log::start(settings.log);
    // Whoever sits at the terminal, or asks twice, wants it to end now.
    let (stop, hurry) = (stop_signal(), hurry_signal());
    let server = match Server::start(settings, Surroundings::default()).await {
        Ok(server) => server,
        Err(error) => return usage(&error),
    };
    match server.serve_until(stop, hurry).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run_sandbox(args: SandboxArgs) -> ExitCode {
    log::start(LogFormat::Text);
    let stop = stop_signal();
    let apps = match registered_apps(&args) {
        Ok(apps) => apps,
        Err(problem) => return usage(&problem),
    };
    let options = sandbox::Options {
        apps,
        access_token_lifetime: args.access_token_lifetime,
        code_lifetime: args.code_lifetime,
        seed: args.seed,
        rate_limit: args.rate_limit,
        ..sandbox::Options::default()
    };
    let sandbox = match Sandbox::open(options).await {
        Ok(sandbox) => sandbox,
        Err(error) => return usage(&error),
    };
    let served = async {
        let listener = TcpListener::bind(args.listen).await?;
        println!("listening on http://{}", listener.local_addr()?);
        sandbox::serve(sandbox, listener, stop).await
    };
    match served.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => usage(&format!(
            "--listen: can't listen on {}: {error}",
            args.listen
        )),
    }
}

/// The apps of the command line: as many secrets as ids, and a redirect URL each; one app may have several.
fn registered_apps(args: &SandboxArgs) -> Result<Vec<sandbox::RegisteredApp>, String> {
    let or_default = |given: &[String], default: &str| {
        if given.is_empty() {
            vec![default.to_owned()]
        } else {
            given.to_vec()
        }
    };
    let ids = or_default(&args.client_id, "sandbox-client");
    let secrets = or_default(&args.client_secret, "sandbox-secret");
    let urls = or_default(&args.redirect_url, "http://localhost:8080/redirect");
    if secrets.len() != ids.len() {
        return Err(format!(
            "--client-secret: given {} times, --client-id {} times; expected as many",
            args.client_secret.len(),
            args.client_id.len()
        ));
    }
    if ids.len() > 1 && urls.len() != ids.len() {
        return Err(format!(
            "--redirect-url: given {} times for {} apps; expected one for each",
            args.redirect_url.len(),
            ids.len()
        ));
    }
    let only = ids.len() == 1;
    let apps = ids.into_iter().zip(secrets).enumerate();
    Ok(apps
        .map(
            |(index, (client_id, client_secret))| sandbox::RegisteredApp {
                name: client_id.clone(),
                client_id,
                client_secret,
                redirect_urls: if only {
                    urls.clone()
                } else {
                    vec![urls[index].clone()]
                },
            },
        )
        .collect())
}

/// Asks `/healthz` of the address that the settings say the server listens on.
async fn health(settings: &Settings) -> ExitCode {
    let address = crate::config::reachable(settings.server.listen);
    let asked = async {
        let url =
            Url::parse(&format!("http://{address}/healthz")).map_err(|error| error.to_string())?;
        let limits = Limits {
            total_timeout: Duration::from_secs(3),
            ..Limits::default()
        };
        let transport = Transport::new(&[&url], limits).map_err(|error| error.to_string())?;
        let request = transport.request(reqwest::Method::GET, url);
        let answer = transport
            .send(Purpose::Probe, 1, request)
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
            eprintln!("unhealthy: {address} answers {status}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("unhealthy: {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One clear line, and the exit status for bad usage or settings.
fn usage(error: &impl std::fmt::Display) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(EXIT_USAGE)
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("expected NAME=VALUE, such as server.listen=127.0.0.1:9000")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Comes true on SIGTERM, which containers are stopped with, and on Ctrl-C.
fn stop_signal() -> impl Future<Output = ()> + Send {
    let (terminate, interrupt) = (signals::terminate(1), signals::interrupt());
    async {
        tokio::select! {
            () = terminate => {}
            () = interrupt => {}
        }
    }
}

/// Comes true on Ctrl-C, and on a second SIGTERM: then nobody wants to wait for a balancer to notice.
fn hurry_signal() -> impl Future<Output = ()> + Send {
    let (terminate, interrupt) = (signals::terminate(2), signals::interrupt());
    async {
        tokio::select! {
            () = terminate => {}
            () = interrupt => {}
        }
    }
}

/// What the system says to a process. It is caught from the call on, not only once it is awaited: a stop right after the
/// start must be in good order, too.
#[cfg(unix)]
mod signals {
    use tokio::signal::unix::{SignalKind, signal};

    /// Comes true at the SIGTERM of this number.
    pub(super) fn terminate(number: u32) -> impl Future<Output = ()> + Send {
        received(SignalKind::terminate(), number)
    }

    /// Comes true on Ctrl-C.
    pub(super) fn interrupt() -> impl Future<Output = ()> + Send {
        received(SignalKind::interrupt(), 1)
    }

    fn received(kind: SignalKind, number: u32) -> impl Future<Output = ()> + Send {
        let caught = signal(kind);
        async move {
            match caught {
                Ok(mut signal) => {
                    for _ in 0..number {
                        signal.recv().await;
                    }
                }
                // The operating system gave no handler, so its own way of stopping this process is in force.
                Err(_) => std::future::pending().await,
            }
        }
    }
}

/// Elsewhere there is Ctrl-C alone.
#[cfg(not(unix))]
mod signals {
    pub(super) async fn terminate(_: u32) {
        std::future::pending().await
    }

    pub(super) async fn interrupt() {
        let _ = tokio::signal::ctrl_c().await;
    }
}
