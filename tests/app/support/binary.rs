//! The binary itself, in a folder of its own and with nothing of this process's environment but the path.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::PATIENCE;

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A command that runs until it is told to stop.
pub(crate) struct Running {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

fn command(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smartsheet-oauth-demo"));
    command
        .args(args)
        .current_dir(folder)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs a command to its end.
pub(crate) fn run(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> Ended {
    run_command(command(folder, args, environment))
}

/// The same with the value of one variable given in bytes.
#[cfg(unix)]
pub(crate) fn run_with_bytes(folder: &Path, args: &[&str], name: &str, value: &[u8]) -> Ended {
    use std::os::unix::ffi::OsStrExt as _;
    let mut command = command(folder, args, &[]);
    command.env(name, std::ffi::OsStr::from_bytes(value));
    run_command(command)
}

fn run_command(mut command: Command) -> Ended {
    let mut child = command.spawn().unwrap();
    let stdout = reader(child.stdout.take().unwrap());
    let stderr = reader(child.stderr.take().unwrap());
    // A mistake that is not found makes a server that runs for ever.
    let status = wait(&mut child);
    Ended {
        code: status.and_then(|status| status.code()),
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    }
}

fn reader(mut pipe: impl std::io::Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        text
    })
}

/// Waits for the end, up to a bound; then it is killed and there is no status.
fn wait(child: &mut Child) -> Option<ExitStatus> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

impl Ended {
    /// Asserts exit status 2 and one line on standard error, with each of `parts` in it, and nothing else anywhere.
    #[track_caller]
    pub(crate) fn is_refused(&self, parts: &[&str]) {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        assert!(self.stderr.starts_with("error: "), "{self:?}");
        for part in parts {
            assert!(self.stderr.contains(part), "no {part:?} in {}", self.stderr);
        }
    }
}

impl Running {
    pub(crate) fn start(folder: &Path, args: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = command(folder, args, environment).spawn().unwrap();
        let stdout = lines(child.stdout.take().unwrap());
        let stderr = lines(child.stderr.take().unwrap());
        Self {
            child,
            stdout,
            stderr,
        }
    }

    /// The next line on standard output.
    pub(crate) fn next_line(&self) -> String {
        self.stdout
            .recv_timeout(PATIENCE)
            .expect("a line on standard output")
    }

    /// Waits for a line on standard error that contains `part`, and gives all lines up to it. `None` when it ends before.
    pub(crate) fn logged(&self, part: &str) -> Option<Vec<String>> {
        let mut seen = Vec::new();
        while let Ok(line) = self.stderr.recv_timeout(PATIENCE) {
            seen.push(line);
            if seen.last().is_some_and(|line| line.contains(part)) {
                return Some(seen);
            }
        }
        None
    }

    /// Sends a signal, such as `TERM`, and waits for the end. Gives the exit status and what was logged since.
    pub(crate) fn signal(mut self, name: &str) -> (Option<i32>, Vec<String>) {
        let kill = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(sent.success());
        let status = wait(&mut self.child);
        let rest = self.stderr.iter().collect();
        (status.and_then(|status| status.code()), rest)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // When it ended already, there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(pipe: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            let Ok(line) = line else { break };
            if send.send(line).is_err() {
                break;
            }
        }
    });
    receive
}

/// The address of a server that ends every connection at once. (Where nobody listens, the driver of `PostgreSQL` tries for
/// five seconds.)
pub(crate) fn hangs_up() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().for_each(drop));
    address
}
