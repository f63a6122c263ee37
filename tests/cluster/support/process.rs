//! One process of the app.

use std::ffi::OsString;
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use super::SOON;

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

/// A running process of the app. Killed when it is dropped.
pub(crate) struct Instance {
    child: Child,
    pub(crate) address: SocketAddr,
    log: PathBuf,
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
        let to_log = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        let child = self
            .command()
            .env("SERVER_LISTEN", address.to_string())
            .stdout(Stdio::null())
            .stderr(to_log)
            .spawn()
            .unwrap();
        Instance {
            child,
            address,
            log,
        }
    }
}

impl Instance {
    /// Waits until the process listens, which is when it says so; when it ends instead, gives its log.
    pub(crate) async fn listening(mut self) -> Result<Self, String> {
        let started = Instant::now();
        while !self.log().contains("the redirect URL to register") {
            if self.child.try_wait().unwrap().is_some() || started.elapsed() > SOON {
                return Err(self.log());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(self)
    }

    /// Waits until the process answers, whatever it logs; when it ends instead, gives its log.
    pub(crate) async fn serving(mut self) -> Result<Self, String> {
        let started = Instant::now();
        while tokio::net::TcpStream::connect(self.address).await.is_err() {
            if self.child.try_wait().unwrap().is_some() || started.elapsed() > SOON {
                return Err(self.log());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(self)
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn terminate(&self) {
        signal("TERM", self.child.id());
    }

    /// The process stands still, as on a machine that is suspended.
    pub(crate) fn freeze(&self) {
        signal("STOP", self.child.id());
        while !self.stands_still() {
            std::thread::yield_now();
        }
    }

    /// The kernel stops the threads one by one, after the signal was sent.
    fn stands_still(&self) -> bool {
        let threads = format!("/proc/{}/task", self.child.id());
        std::fs::read_dir(threads).unwrap().all(|thread| {
            let stat = std::fs::read_to_string(thread.unwrap().path().join("stat"));
            // `pid (name) state …`; a thread may have ended since the folder was read.
            stat.map_or(true, |stat| {
                stat.rsplit(") ").next().unwrap().starts_with('T')
            })
        })
    }

    pub(crate) fn thaw(&self) {
        signal("CONT", self.child.id());
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How the process ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < SOON, "the process does not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        read_log(&self.log)
    }
}

fn read_log(file: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(file).unwrap_or_default()).into_owned()
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            // The test's output is shown when it fails; without the log nobody could tell why.
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            for line in tail.into_iter().rev() {
                println!("[{}] {line}", self.address.port());
            }
        }
        assert!(
            std::thread::panicking() || !self.log().contains("panic"),
            "the app panicked:\n{}",
            self.log()
        );
    }
}

/// An address of this machine that is free, and that no other test of this program is given. Below the ports that the
/// system gives to outgoing connections, so that it stays free.
pub(crate) fn free_address() -> SocketAddr {
    static NEXT: OnceLock<AtomicU16> = OnceLock::new();
    let next = NEXT.get_or_init(|| AtomicU16::new(rand::random::<u16>() % 10_000));
    loop {
        let port = 20_000 + next.fetch_add(1, Ordering::SeqCst) % 12_000;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// Sends a signal to one process.
pub(crate) fn signal(name: &str, pid: u32) {
    let command = format!("kill -{name} {pid} 2>/dev/null");
    let _ = Command::new("sh").args(["-c", &command]).status();
}
