//! Signs people in through Smartsheet with OAuth 2.0, and shows how. The map of the house is in `lib.rs`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    smartsheet_oauth_demo::cli::run(std::env::args_os()).await
}
