//! A process of the program.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::until;

/// How many lines of the log are shown when a test fails.
const TAIL: usize = 60;

/// A running process that logs into a file. Killed when it is dropped; a panic in it fails the test.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`, whose log is added to the file `log`.
    #[must_use]
    pub fn start(mut command: Command, log: PathBuf) -> Self {
        let to_log = File::options().create(true).append(true).open(&log);
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(to_log.unwrap())
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// How it ended, if it has.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// How it ended, once it has.
    pub async fn ended(&mut self) -> ExitStatus {
        until("the process ends", async || self.has_ended()).await
    }

    /// Asks it to stop, as containers are asked.
    pub fn terminate(&self) {
        signal("TERM", self.id());
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// A line of `/proc/…/status`, in MiB: `VmRSS` is the resident memory now, `VmHWM` the most that there was. `None` where
    /// the system does not tell.
    #[must_use]
    pub fn memory(&self, name: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with(name))?;
        let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kib / 1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // When it ended already, there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let log = self.log();
        if std::thread::panicking() {
            // The test's output is shown when it fails; without the log nobody could tell why.
            let lines: Vec<&str> = log.lines().collect();
            for line in &lines[lines.len().saturating_sub(TAIL)..] {
                println!("[{}] {line}", self.id());
            }
        } else {
            assert!(!log.contains("panic"), "the program panicked:\n{log}");
        }
    }
}

/// Sends a signal, such as `TERM`, to one process.
pub fn signal(name: &str, process: u32) {
    let command = format!("kill -{name} {process} 2>/dev/null");
    let _ = Command::new("sh").args(["-c", &command]).status();
}
