//! The real program, whose memory can be measured.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use test_support::{Process, free_address, until};
use tokio::net::TcpStream;

/// A process of the app, in sandbox mode unless its settings say otherwise. Killed when it is dropped.
pub(crate) struct Program {
    process: Process,
    pub(crate) address: SocketAddr,
    _folder: TempDir,
}

impl Program {
    /// Starts it with `settings`, as environment variables, and waits until it serves.
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        let program = || Command::new(env!("CARGO_BIN_EXE_smartsheet-oauth-demo"));
        Self::start_as(program, settings).await
    }

    /// The same with so many files that it may open.
    pub(crate) async fn start_with_files(files: u32, settings: &[(&str, &str)]) -> Self {
        let limited = format!("ulimit -n {files} && exec \"$0\"");
        let shell = || {
            let mut shell = Command::new("sh");
            shell.args(["-c", &limited, env!("CARGO_BIN_EXE_smartsheet-oauth-demo")]);
            shell
        };
        Self::start_as(shell, settings).await
    }

    async fn start_as(program: impl Fn() -> Command, settings: &[(&str, &str)]) -> Self {
        for _ in 0..5 {
            if let Some(program) = Self::try_start(program(), settings).await {
                return program;
            }
        }
        panic!("it does not start");
    }

    async fn try_start(mut program: Command, settings: &[(&str, &str)]) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        // Free a moment ago; if somebody else takes it meanwhile, there is another try.
        let address = free_address();
        program
            .current_dir(folder.path())
            .env_clear()
            .env("SERVER_LISTEN", address.to_string())
            .env("SERVER_BASE_URL", format!("http://{address}"))
            .env("SERVER_DRAIN_TIME", "0s")
            .envs(settings.iter().copied());
        let mut process = Process::start(program, folder.path().join("log"));
        let serves = until("the program serves", async || {
            let answers = TcpStream::connect(address).await.is_ok();
            (answers || process.has_ended().is_some()).then_some(answers)
        });
        if !serves.await {
            println!("{}", process.log());
            return None;
        }
        Some(Self {
            process,
            address,
            _folder: folder,
        })
    }

    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// As [`Process::memory`].
    pub(crate) fn memory(&self, name: &str) -> Option<u64> {
        self.process.memory(name)
    }

    /// Asks it to stop, as containers are asked.
    pub(crate) fn terminate(&self) {
        self.process.terminate();
    }

    /// Waits for its end, and says how long that took and with which status it ended.
    pub(crate) async fn ended(&mut self) -> (Duration, Option<i32>) {
        let started = Instant::now();
        let status = self.process.ended().await;
        (started.elapsed(), status.code())
    }
}
