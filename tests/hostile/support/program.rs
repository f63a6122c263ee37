//! The real program, whose memory can be measured.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::PATIENCE;

/// A process of the app, in sandbox mode unless its settings say otherwise. Killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
    folder: TempDir,
}

impl Program {
    /// Starts it with `settings`, as environment variables, and waits until it serves.
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        let program = Command::new(env!("CARGO_BIN_EXE_smartsheet-oauth-demo"));
        Self::start_as(program, settings).await
    }

    /// The same with so many files that it may open.
    pub(crate) async fn start_with_files(files: u32, settings: &[(&str, &str)]) -> Self {
        let mut shell = Command::new("sh");
        let limited = format!("ulimit -n {files} && exec \"$0\"");
        shell.args(["-c", &limited, env!("CARGO_BIN_EXE_smartsheet-oauth-demo")]);
        Self::start_as(shell, settings).await
    }

    async fn start_as(mut program: Command, settings: &[(&str, &str)]) -> Self {
        for _ in 0..5 {
            if let Some(program) = Self::try_start(&mut program, settings).await {
                return program;
            }
        }
        panic!("it does not start");
    }

    async fn try_start(program: &mut Command, settings: &[(&str, &str)]) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        // Free a moment ago; if somebody else takes it meanwhile, there is another try.
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = program
            .current_dir(folder.path())
            .env_clear()
            .env("SERVER_LISTEN", address.to_string())
            .env("SERVER_BASE_URL", format!("http://{address}"))
            .env("SERVER_DRAIN_TIME", "0s")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut program = Self {
            child,
            address,
            folder,
        };
        let started = Instant::now();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            if program.child.try_wait().unwrap().is_some() {
                println!("{}", program.log());
                return None;
            }
            assert!(started.elapsed() < PATIENCE, "{}", program.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Some(program)
    }

    pub(crate) fn log(&self) -> String {
        let log = std::fs::read(self.folder.path().join("log")).unwrap();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// A line of `/proc/…/status`, in MiB: `VmRSS` is the resident memory now, `VmHWM` the most that there was. `None` where
    /// the system does not tell.
    pub(crate) fn memory(&self, name: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with(name))?;
        let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kib / 1024)
    }

    /// Asks it to stop, as containers are asked.
    pub(crate) fn terminate(&self) {
        let kill = format!("kill -TERM {}", self.child.id());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for its end, and says how long that took and with which status it ended.
    pub(crate) async fn ended(&mut self) -> (Duration, Option<i32>) {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (started.elapsed(), status.code());
            }
            assert!(
                started.elapsed() < PATIENCE,
                "it does not end:\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // When it ended already, there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let log = self.log();
        if std::thread::panicking() {
            let lines: Vec<&str> = log.lines().collect();
            println!("{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        } else {
            assert!(!log.contains("panic"), "{log}");
        }
    }
}
