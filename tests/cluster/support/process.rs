//! One process of the app.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use test_support::{Process, free_address, signal, until};
use tokio::net::TcpStream;

/// How a process is started.
#[derive(Clone)]
pub(crate) struct Setup {
    /// Its working folder, where its log goes, too.
    pub(crate) folder: PathBuf,
    /// Settings, as environment variables.
    pub(crate) settings: Vec<(String, String)>,
    /// What the command line begins with, such as a program that drops privileges.
    pub(crate) wrapper: Vec<OsString>,
}

/// A running process of the app.
pub(crate) struct Instance {
    process: Process,
    pub(crate) address: SocketAddr,
}

impl Setup {
    pub(crate) fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn command(&self) -> Command {
        let program = OsString::from(env!("CARGO_BIN_EXE_smartsheet-oauth-demo"));
        let mut words = self.wrapper.iter().chain([&program]);
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("RUST_BACKTRACE", "0")
            .envs(self.settings.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    /// What `check` prints.
    pub(crate) fn check(&self) -> String {
        let output = self.command().arg("check").output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Starts the app and waits until it listens.
    pub(crate) async fn start(&self) -> Instance {
        for _ in 0..5 {
            match self.launch(free_address()).listening().await {
                Ok(instance) => return instance,
                // Somebody else took the port in between.
                Err(log) if log.contains("can't listen") => {}
                Err(log) => panic!("the app did not start:\n{log}"),
            }
        }
        panic!("no free port");
    }

    /// Starts the app on `address` and does not wait.
    pub(crate) fn launch(&self, address: SocketAddr) -> Instance {
        let log = self.folder.join(format!("{}.log", address.port()));
        let mut command = self.command();
        command.env("SERVER_LISTEN", address.to_string());
        Instance {
            process: Process::start(command, log),
            address,
        }
    }
}

impl Instance {
    /// Waits until the process listens, which is when it says so; when it ends instead, gives its log.
    pub(crate) async fn listening(self) -> Result<Self, String> {
        self.once("it listens", async |instance: &Self| {
            instance.log().contains("the redirect URL to register")
        })
        .await
    }

    /// Waits until the process answers, whatever it logs; when it ends instead, gives its log.
    pub(crate) async fn serving(self) -> Result<Self, String> {
        self.once("it serves", async |instance: &Self| {
            TcpStream::connect(instance.address).await.is_ok()
        })
        .await
    }

    async fn once(
        mut self,
        what: &str,
        ready: impl AsyncFn(&Self) -> bool,
    ) -> Result<Self, String> {
        let is_ready = until(what, async || {
            if ready(&self).await {
                return Some(true);
            }
            self.process.has_ended().map(|_| false)
        });
        if is_ready.await {
            Ok(self)
        } else {
            Err(self.log())
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    pub(crate) fn terminate(&self) {
        self.process.terminate();
    }

    /// The process stands still, as on a machine that is suspended.
    pub(crate) fn freeze(&self) {
        signal("STOP", self.pid());
        while !self.stands_still() {
            std::thread::yield_now();
        }
    }

    /// The kernel stops the threads one by one, after the signal was sent.
    fn stands_still(&self) -> bool {
        let threads = format!("/proc/{}/task", self.pid());
        std::fs::read_dir(threads).unwrap().all(|thread| {
            let stat = std::fs::read_to_string(thread.unwrap().path().join("stat"));
            // `pid (name) state …`; a thread may have ended since the folder was read.
            stat.map_or(true, |stat| {
                stat.rsplit(") ").next().unwrap().starts_with('T')
            })
        })
    }

    pub(crate) fn thaw(&self) {
        signal("CONT", self.pid());
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// How the process ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        self.process.ended().await
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }
}
