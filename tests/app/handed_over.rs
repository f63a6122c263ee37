//! A socket that systemd listens at and hands over: `LISTEN_FDS`.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::support::Browser;
use crate::support::binary::run;

/// The program as systemd starts it: with `socket` as its file 3.
fn start(folder: &Path, socket: OwnedFd, sockets: u32, environment: &[(&str, &str)]) -> Child {
    let script = format!(
        "exec 3<&0 </dev/null; LISTEN_FDS={sockets} LISTEN_PID=$$ exec {}",
        env!("CARGO_BIN_EXE_smartsheet-oauth-demo")
    );
    Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::from(socket))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What it logs until it serves.
fn started(child: &mut Child) -> Vec<String> {
    let mut lines = Vec::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        lines.push(line.unwrap());
        if lines.last().unwrap().contains("sandbox mode:") {
            return lines;
        }
    }
    panic!("it ended: {lines:?}");
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port() {
    let folder = TempDir::new().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let base_url = [("SERVER_BASE_URL", "http://localhost:8080")];
    let mut child = start(folder.path(), listener.into(), 1, &base_url);
    let log = started(&mut child);
    let says = log.iter().any(|line| line.contains(&address.to_string()));
    assert!(says, "{log:?}");
    // The sandbox that is mounted in it is found there, too.
    let browser = Browser::at(address);
    browser.sign_in("full").await.redirects_to("/me");
    browser.get("/me").await.shows(200, &["Grace Hopper"]);
    end(child);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_in_the_file_system() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("demo.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let listen = format!("unix:{}", path.display());
    let mut child = start(folder.path(), listener.into(), 1, &[]);
    let log = started(&mut child);
    assert!(log.iter().any(|line| line.contains(&listen)), "{log:?}");
    let health = run(folder.path(), &["health"], &[("SERVER_LISTEN", &listen)]);
    assert_eq!(health.code, Some(0), "{health:?}");
    end(child);
    assert!(path.exists(), "it is systemd's");
}

#[test]
fn what_can_not_be_used_is_refused() {
    let refused = |socket: OwnedFd, sockets: u32, part: &str| {
        let folder = TempDir::new().unwrap();
        let mut child = start(folder.path(), socket, sockets, &[]);
        let mut text = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(2), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(
            text.starts_with("error: LISTEN_FDS: ") && text.contains(part),
            "{text}"
        );
    };
    let file = tempfile::tempfile().unwrap();
    refused(file.into(), 1, "not a socket");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    refused(listener.into(), 2, "2 sockets");
    let datagrams = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    refused(datagrams.into(), 1, "not a valid tcp socket");
}

/// `LISTEN_FDS` of another process, inherited by mistake, means nothing to this one.
#[test]
fn another_processs_is_none_of_ours() {
    let folder = TempDir::new().unwrap();
    let environment = [("LISTEN_FDS", "1"), ("LISTEN_PID", "1")];
    assert_eq!(run(folder.path(), &["check"], &environment).code, Some(0));
}
