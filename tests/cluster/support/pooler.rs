//! `PgBouncer` in front of a PostgreSQL of the tests' own.

use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::net::TcpStream;

use super::PATIENCE;
use super::postgres::{Postgres, as_server_user, server_user, spawn_for_good};
use test_support::{free_address, signal};

/// A pooler. Stopped when it is dropped.
pub(crate) struct Pooler {
    process: Mutex<Option<Child>>,
    port: u16,
    folder: TempDir,
}

impl Pooler {
    /// In front of `server`, with `PgBouncer`'s defaults but for `settings`, lines of its configuration. And it tries a server that was
    /// away again after one second instead of fifteen.
    pub(crate) async fn start(server: &Postgres, settings: &[&str]) -> Self {
        let lines = format!(
            "[databases]\n* = host=127.0.0.1 user=app port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {{port}}\nauth_type = any\nunix_socket_dir =\nadmin_users = app\nserver_login_retry = 1\n{}\n",
            server.port,
            settings.join("\n")
        );
        Self::with_users(&lines, "").await
    }

    /// As it is shipped, in front of `server`, with a user of this name and password. It knows the database as `smartsheet`.
    pub(crate) async fn shipped(server: &Postgres, user: &str, password: &str) -> Self {
        let lines = include_str!("../../../deploy/pgbouncer/pgbouncer.ini")
            .replace(
                "host=postgres port=5432",
                &format!("host=127.0.0.1 port={} dbname=t0", server.port),
            )
            .replace("listen_addr = *", "listen_addr = 127.0.0.1")
            .replace("listen_port = 6432", "listen_port = {port}")
            .replace("/run/pgbouncer-keys/userlist.txt", "{folder}/userlist.txt");
        let users = format!("\"{user}\" \"{password}\"\n");
        Self::with_users(&lines, &users).await
    }

    async fn with_users(lines: &str, users: &str) -> Self {
        let folder = TempDir::new().unwrap();
        if let Some(user) = server_user() {
            std::os::unix::fs::chown(folder.path(), Some(user.0), Some(user.1)).unwrap();
        }
        let port = free_address().port();
        let lines = lines
            .replace("{port}", &port.to_string())
            .replace("{folder}", &folder.path().display().to_string());
        std::fs::write(folder.path().join("pgbouncer.ini"), lines).unwrap();
        std::fs::write(folder.path().join("userlist.txt"), users).unwrap();
        let pooler = Self {
            process: Mutex::default(),
            port,
            folder,
        };
        pooler.launch().await;
        pooler
    }

    /// Starts it, and waits until it listens.
    pub(crate) async fn launch(&self) {
        let mut command = as_server_user("pgbouncer");
        command
            .arg(self.folder.path().join("pgbouncer.ini"))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        *self.process.lock().unwrap() = Some(spawn_for_good(command));
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            assert!(started.elapsed() < PATIENCE, "PgBouncer does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops it at once, with all connections through it.
    pub(crate) fn stop(&self) {
        if let Some(mut process) = self.process.lock().unwrap().take() {
            signal("TERM", process.id());
            let _ = process.wait();
        }
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// `url`, through the pooler.
    pub(crate) fn through(&self, url: &str) -> String {
        let database = url.rsplit_once('/').unwrap().1;
        format!("postgres://app@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.stop();
    }
}
