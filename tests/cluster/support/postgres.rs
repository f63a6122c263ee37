//! A PostgreSQL of the tests' own: made, started, stopped, frozen and thrown away by them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

use super::PATIENCE;
use super::disk::Disk;
use test_support::{free_address, signal};

/// A PostgreSQL server. Stopped and removed when it is dropped.
pub(crate) struct Postgres {
    server: Mutex<Option<Child>>,
    pub(crate) port: u16,
    databases: AtomicU32,
    settings: Vec<String>,
    folder: TempDir,
}

/// The server that tests share which do it no harm. It goes with the last of them.
static SHARED: tokio::sync::Mutex<Weak<Postgres>> = tokio::sync::Mutex::const_new(Weak::new());

impl Postgres {
    pub(crate) async fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().await;
        if let Some(server) = shared.upgrade() {
            return server;
        }
        let server = Self::start_new().await;
        *shared = Arc::downgrade(&server);
        server
    }

    /// A server for one test.
    pub(crate) async fn start_new() -> Arc<Self> {
        Self::with_settings(&[]).await
    }

    /// A server with more lines in its configuration.
    pub(crate) async fn with_settings(settings: &[&str]) -> Arc<Self> {
        let mut initdb = as_server_user("initdb");
        initdb.args(["-U", "app", "-A", "trust", "-E", "UTF8", "--locale=C"]);
        Self::made_by(initdb, settings).await
    }

    /// A standby of this server, which follows it under the name `standby`.
    pub(crate) async fn standby(&self) -> Arc<Self> {
        let mut copy = as_server_user("pg_basebackup");
        let primary = format!(
            "host=127.0.0.1 port={} user=app application_name=standby",
            self.port
        );
        copy.args(["-d", &primary, "-R", "-X", "stream", "-c", "fast"]);
        Self::made_by(copy, &[]).await
    }

    /// Commits wait for the standby from now on.
    pub(crate) async fn wait_for_standby(&self) {
        self.ask("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
            .await;
        self.ask("SELECT pg_reload_conf()").await;
        let state = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'";
        self.until_rows(state, 1).await;
    }

    /// Waits until the standby has all that is here.
    pub(crate) async fn replicated(&self) {
        let here =
            "SELECT 1 FROM pg_stat_replication WHERE pg_current_wal_flush_lsn() <= replay_lsn";
        self.until_rows(here, 1).await;
    }

    /// Waits until no standby follows any more.
    pub(crate) async fn has_no_standby(&self) {
        self.until_rows("SELECT 1 FROM pg_stat_replication", 0)
            .await;
    }

    /// Waits until a question is answered with so many rows.
    async fn until_rows(&self, question: &'static str, count: usize) {
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        let started = Instant::now();
        loop {
            let rows = sqlx::query(question).fetch_all(&mut connection).await;
            if rows.unwrap().len() == count {
                return;
            }
            assert!(
                started.elapsed() < PATIENCE,
                "never {count} rows: {question}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn made_by(mut command: Command, settings: &[&str]) -> Arc<Self> {
        let folder = TempDir::new().unwrap();
        if let Some(user) = server_user() {
            std::os::unix::fs::chown(folder.path(), Some(user.0), Some(user.1)).unwrap();
        }
        let made = command
            .arg("-D")
            .arg(folder.path().join("data"))
            .arg("--no-sync")
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let server = Self {
            server: Mutex::default(),
            port: free_address().port(),
            databases: AtomicU32::new(0),
            settings: settings.iter().map(ToString::to_string).collect(),
            folder,
        };
        server.start();
        server.ready().await;
        Arc::new(server)
    }

    /// Starts the server, which may take a moment to accept connections ([`Postgres::ready`]).
    pub(crate) fn start(&self) {
        let mut command = as_server_user("postgres");
        command
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .args(["-p", &self.port.to_string()])
            .args([
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "max_connections=150",
            ])
            .arg("-c")
            .arg(format!(
                "unix_socket_directories={}",
                self.folder.path().display()
            ))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        *self.server.lock().unwrap() = Some(spawn_for_good(command));
    }

    /// Waits until the server accepts connections.
    pub(crate) async fn ready(&self) {
        let started = Instant::now();
        while let Err(error) = PgConnection::connect(&self.url("postgres")).await {
            assert!(
                started.elapsed() < PATIENCE,
                "PostgreSQL does not start: {error}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Stops the server as `pg_ctl stop -m immediate` does: without a word to its clients, as after a crash.
    pub(crate) fn stop(&self) {
        let Some(mut server) = self.server.lock().unwrap().take() else {
            return;
        };
        signal("QUIT", server.id());
        let _ = server.wait();
    }

    /// The server and its processes stand still: connections are taken and nothing is answered.
    pub(crate) fn freeze(&self) {
        self.signal_all("STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal_all("CONT");
    }

    fn signal_all(&self, name: &str) {
        let Some(server) = self.server.lock().unwrap().as_ref().map(Child::id) else {
            return;
        };
        // The server first: while it stands still it starts no further process.
        signal(name, server);
        for process in children_of(server) {
            signal(name, process);
        }
    }

    /// A database of this server's, or of the standby that takes its place.
    pub(crate) fn url_with(&self, standby: &Self, database: &str) -> String {
        format!(
            "postgres://app@127.0.0.1:{},127.0.0.1:{}/{database}",
            self.port, standby.port
        )
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://app@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes an empty database and gives its URL.
    pub(crate) async fn new_database(&self) -> String {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::SeqCst));
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        let statement = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .unwrap();
        self.url(&name)
    }

    /// Makes an empty database whose tables are on `disk`, and gives its URL.
    pub(crate) async fn database_on(&self, disk: &Disk) -> String {
        if let Some((user, group)) = server_user() {
            std::os::unix::fs::chown(&disk.0, Some(user), Some(group)).unwrap();
        }
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        for statement in [
            format!("CREATE TABLESPACE small LOCATION '{}'", disk.0.display()),
            "CREATE DATABASE small TABLESPACE small".to_owned(),
        ] {
            let statement = sqlx::AssertSqlSafe(statement);
            sqlx::query(statement)
                .execute(&mut connection)
                .await
                .unwrap();
        }
        self.url("small")
    }

    /// Refuses new connections to the first database and ends those there are, or takes them again.
    pub(crate) async fn refuse(&self, refuse: bool) {
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        let allow = sqlx::AssertSqlSafe(format!("ALTER DATABASE t0 ALLOW_CONNECTIONS {}", !refuse));
        sqlx::query(allow).execute(&mut connection).await.unwrap();
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 't0'";
        sqlx::query(end).execute(&mut connection).await.unwrap();
    }

    /// Has the server do something, by its administrator.
    pub(crate) async fn ask(&self, statement: &'static str) {
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        sqlx::raw_sql(statement)
            .execute(&mut connection)
            .await
            .unwrap();
    }

    /// How many connections there are to the first database.
    pub(crate) async fn connections(&self) -> i64 {
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        let question = "SELECT count(*) FROM pg_stat_activity WHERE datname = 't0'";
        sqlx::query_scalar(question)
            .fetch_one(&mut connection)
            .await
            .unwrap()
    }

    /// How many connections of the app are in a transaction and wait for their client.
    pub(crate) async fn idle_in_transaction(&self) -> i64 {
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        let question =
            "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";
        sqlx::query_scalar(question)
            .fetch_one(&mut connection)
            .await
            .unwrap()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.thaw();
        self.stop();
    }
}

/// Starts a server from a thread that lives as long as the tests do: the kernel takes the end of the thread that started a
/// process for the end of its parent (see `--pdeathsig` below).
pub(super) fn spawn_for_good(mut command: Command) -> Child {
    let (give, take) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        give.send(command.spawn().unwrap()).unwrap();
        loop {
            std::thread::park();
        }
    });
    take.recv().unwrap()
}

/// The processes whose parent is `pid`.
fn children_of(pid: u32) -> Vec<u32> {
    let parent_of = |process: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name, in parentheses, may hold spaces; the state and the parent come after it.
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
        parent.parse::<u32>().ok()
    };
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|process| parent_of(*process) == Some(pid))
        .collect()
}

/// The command of a server program. PostgreSQL refuses to run as root, so then it runs as somebody else.
pub(super) fn as_server_user(program: &str) -> Command {
    let program = find(program);
    let Some((user, group)) = server_user() else {
        return Command::new(program);
    };
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--reuid={user}"))
        .arg(format!("--regid={group}"))
        // Nothing stays behind when the tests are killed.
        .args(["--clear-groups", "--pdeathsig", "QUIT", "--"])
        .arg(program);
    command
}

/// Who the server runs as, when the tests are run by root.
pub(crate) fn server_user() -> Option<(u32, u32)> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    if uid.split_whitespace().next() != Some("0") {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let users: HashMap<&str, (u32, u32)> = users
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            Some((
                *fields.first()?,
                (fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?),
            ))
        })
        .collect();
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| users.get(name).copied())
}

/// A server program: on the PATH, or where Debian has it.
fn find(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    folders.extend(versions.flatten().map(|entry| entry.path().join("bin")));
    let found = folders
        .iter()
        .map(|folder| folder.join(program))
        .find(|file| file.exists());
    found.unwrap_or_else(|| {
        panic!("PostgreSQL or PgBouncer is not installed: there is no {program}")
    })
}
