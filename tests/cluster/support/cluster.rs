//! Several instances that share one database.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::TransactionBehavior;
use tempfile::TempDir;

use super::postgres::Postgres;
use super::process::{Instance, Setup};
use super::rows::Table;
use super::{PATIENCE, Provider, SandboxProcess};

pub(crate) const CLIENT_ID: &str = "cluster-client";
pub(crate) const CLIENT_SECRET: &str = "cluster-secret";
pub(crate) const BASE_URL: &str = "http://localhost:8080";

/// All instances sign for other sites with the same key.
pub(crate) const SIGNING_KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgbwavJEe35Yr9HnxC\n\
    6gjrl3tc+BviR1o9thFRIgwqSMKhRANCAATsKSWoEzNazvgJnZJCbQ0SOW8GKPTq\n\
    VlZ6qyPfRCicEUQBIkRalHR8U2dZV1yl6KsX0ExeKPk40GMA3spjnj0o\n\
    -----END PRIVATE KEY-----\n";

/// Where sessions are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// A database, and how instances on it are set up.
pub(crate) struct Cluster {
    pub(crate) setup: Setup,
    pub(crate) store: String,
    // Dropped after the setup's user, in this order: the server before its folder.
    postgres: Option<std::sync::Arc<Postgres>>,
    _folder: TempDir,
}

impl Cluster {
    /// On a new, empty database of `kind`.
    pub(crate) async fn new(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => {
                let folder = TempDir::new().unwrap();
                let store = format!("sqlite://{}/sessions.db", folder.path().display());
                Self::with(folder, store, None)
            }
            Kind::Postgres => Self::on(Postgres::shared().await).await,
        }
    }

    /// On a new database of this server.
    pub(crate) async fn on(postgres: std::sync::Arc<Postgres>) -> Self {
        let store = postgres.new_database().await;
        Self::with(TempDir::new().unwrap(), store, Some(postgres))
    }

    fn with(folder: TempDir, store: String, postgres: Option<std::sync::Arc<Postgres>>) -> Self {
        let setup = Setup {
            folder: folder.path().to_owned(),
            settings: Vec::new(),
            wrapper: Vec::new(),
        };
        let setup = setup
            .set("SERVER_BASE_URL", BASE_URL)
            // Only a test with a balancer has something to wait for.
            .set("SERVER_DRAIN_TIME", "0s")
            .set("SMARTSHEET_REGION", "us")
            .set("SMARTSHEET_CLIENT_ID", CLIENT_ID)
            .set("SMARTSHEET_CLIENT_SECRET", CLIENT_SECRET)
            .set("SESSION_STORE", &store)
            .set("SESSION_KEY", new_key());
        Self {
            setup,
            store,
            postgres,
            _folder: folder,
        }
    }

    /// Instances reach the database by `store`; the tests look at it past whatever is in between.
    pub(crate) fn by(self, store: impl Into<String>) -> Self {
        self.set("SESSION_STORE", store)
    }

    /// Instances sign people in at `sandbox`.
    pub(crate) fn with_sandbox(self, sandbox: &SandboxProcess) -> Self {
        self.at(&sandbox.url)
    }

    /// Instances sign people in at `provider`.
    pub(crate) fn with_provider(self, provider: &Provider) -> Self {
        self.at(&provider.url())
    }

    fn at(self, smartsheet: &str) -> Self {
        self.set(
            "SMARTSHEET_AUTHORIZE_URL",
            format!("{smartsheet}/b/authorize"),
        )
        .set("SMARTSHEET_API_URL", format!("{smartsheet}/2.0"))
    }

    pub(crate) fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.setup = self.setup.set(name, value);
        self
    }

    pub(crate) async fn start(&self) -> Instance {
        self.setup.start().await
    }

    pub(crate) fn postgres(&self) -> &Postgres {
        self.postgres.as_ref().unwrap()
    }

    /// The table of sessions, to look at or to spoil.
    pub(crate) async fn table(&self) -> Table {
        Table::open(&self.store).await
    }

    /// `instance` stands still, and not in the middle of a write: in an SQLite file such a write would hold up all others.
    pub(crate) async fn freeze(&self, instance: &Instance) {
        match self.table().await {
            Table::Sqlite(file) => {
                let mut file = file.lock().unwrap();
                file.busy_timeout(PATIENCE).unwrap();
                let writing = file
                    .transaction_with_behavior(TransactionBehavior::Immediate)
                    .unwrap();
                instance.freeze();
                writing.rollback().unwrap();
            }
            Table::Postgres(_) => instance.freeze(),
        }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.setup.folder.clone()
    }
}

/// A random sealing key.
pub(crate) fn new_key() -> String {
    STANDARD.encode(rand::random::<[u8; 32]>())
}
