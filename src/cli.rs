//! The command line.

mod health;
mod signals;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{io, thread};

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use tokio::net::TcpListener;
use tokio::runtime::{self, Runtime};
use url::Url;

use crate::config::{Given, LogFormat, Settings, parse_duration};
use crate::sandbox::{self, Sandbox};
use crate::start::{HandedOver, Instance, Overrides};
use crate::{check, log};
use health::health;
use log::{thread_rests, write_waiting};
use signals::{hurry_signal, stop_signal};

/// Bad usage or bad settings.
const EXIT_USAGE: u8 = 2;

#[derive(Debug, Parser)]
#[command(
    name = "smartsheet-oauth-demo",
    version,
    propagate_version = true,
    about = "Signs people in through Smartsheet with OAuth 2.0, and shows how",
    after_help = "Settings: defaults, then config.toml, then .env, then the environment (SECTION_KEY), then --set.

Examples:
  smartsheet-oauth-demo
      with the built-in sandbox, at http://localhost:8080
  SMARTSHEET_CLIENT_ID=… SMARTSHEET_CLIENT_SECRET=… smartsheet-oauth-demo
      with your app of Smartsheet's Developer Tools
  smartsheet-oauth-demo check --config /etc/demo.toml
      every setting with its origin, the redirect URL to register, and what works

README.md says more; docs/settings.md has every setting, docs/troubleshooting.md every error."
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
    /// Another site that the app leads people on to right after the sign-in; may be repeated
    #[arg(long, value_name = "URL")]
    onward: Vec<Url>,
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
    #[arg(long, value_name = "CALLS", value_parser = clap::value_parser!(u32).range(1..))]
    rate_limit: Option<u32>,
}

/// With two threads one of them may wait for the disk when it reads; see [`crate::sqlite`].
const LEAST_WORKERS: usize = 2;

/// Runs the command line `args` to its end and says what to exit with. Call it while the process has one thread.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    leave_no_core_dump();
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
    let handed_over = match HandedOver::take() {
        Ok(handed_over) => handed_over,
        Err(error) => return usage(&error),
    };
    let code = match runtime() {
        Ok(runtime) => runtime.block_on(run_command(cli, handed_over)),
        Err(error) => {
            eprintln!("error: the system gives no threads: {error}");
            ExitCode::FAILURE
        }
    };
    write_waiting();
    code
}

/// A runtime with a thread for each processor, and at least [`LEAST_WORKERS`].
fn runtime() -> io::Result<Runtime> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    runtime::Builder::new_multi_thread()
        .worker_threads(processors.max(LEAST_WORKERS))
        .on_thread_park(thread_rests)
        .enable_all()
        .build()
}

async fn run_command(cli: Cli, handed_over: Option<HandedOver>) -> ExitCode {
    if let Some(Command::Sandbox(args)) = cli.command {
        if let Some((name, _)) = cli.set.first() {
            return usage(&format!(
                "--set {name}: the sandbox alone has no settings; `sandbox --help` lists its options"
            ));
        }
        return run_sandbox(args).await;
    }
    let variables: Vec<OsString> = std::env::vars_os().map(|(name, _)| name).collect();
    // Some keep a folder of this name.
    let dotenv = Some(Path::new(".env")).filter(|path| path.is_file());
    let settings = Settings::from_given(Given {
        file: cli.config.as_deref(),
        dotenv,
        environment: &|name| std::env::var_os(name),
        variables: &variables,
        flags: &cli.set,
    });
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => return usage(&error),
    };
    match cli.command {
        Some(Command::Check) => check::run(&settings).await,
        Some(Command::Health) => health(&settings).await,
        _ => serve(&settings, handed_over).await,
    }
}

/// What is in memory are other people's tokens: a crash must not write it to a file.
#[cfg(unix)]
fn leave_no_core_dump() {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // Lowering a limit is allowed to everybody.
    let _ = setrlimit(Resource::Core, none);
}

/// Elsewhere the system does not write any by itself.
#[cfg(not(unix))]
fn leave_no_core_dump() {}

async fn serve(settings: &Settings, handed_over: Option<HandedOver>) -> ExitCode {
    log::start(settings.log, &settings.log_filter);
    // Whoever sits at the terminal, or asks twice, wants it to end now.
    let (stop, hurry) = (stop_signal(), hurry_signal());
    let started = Instance::start_on(settings, Overrides::default(), handed_over);
    let server = match started.await {
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
    log::start(
        LogFormat::Text,
        &std::env::var("RUST_LOG").unwrap_or_default(),
    );
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
        onward: args.onward,
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
