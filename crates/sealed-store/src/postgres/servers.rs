//! The servers of a database, of which one can be written to.
//!
//! All connections of a process share what is known of them: which server is used, and how far its history goes. After a standby
//! was promoted, the former primary may come back and take writes that nobody else sees. It is known by its timeline, the number
//! that each promotion raises.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::RngExt as _;
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::address::{Address, Pooler};
use super::settings::Wait;
use crate::database::DatabaseError;

/// How long it may take to get a connection to one server.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// After no server could be used, none is tried for a while, so that a database that comes back is not overrun. A random time, so
/// that instances don't try all at once.
const PAUSE_MILLIS: std::ops::Range<u64> = 50..250;

/// Whether the server can be written to, and its timeline: the first eight digits of the file that it writes its log to.
const QUESTION: &str = "SELECT current_setting('transaction_read_only') = 'off', \
     CASE WHEN pg_is_in_recovery() THEN NULL ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END";

/// The same where a server or its administrator does not give the timeline.
const SHORT_QUESTION: &str = "SELECT current_setting('transaction_read_only') = 'off', NULL::text";

/// The servers of a database. Shared by all connections to it.
#[derive(Debug)]
pub struct Servers {
    options: Vec<PgConnectOptions>,
    hosts: Vec<String>,
    pooler: Pooler,
    /// How many failures all connections have seen. One that fails is a reason to doubt the others: after a restart of the
    /// database none is alive.
    failures: AtomicU64,
    state: Mutex<State>,
    /// Held by whoever looks for a server; the others wait for what comes of it.
    search: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Which server is used, by its place in the list.
    chosen: Option<usize>,
    /// The highest that was seen.
    timeline: u32,
    /// Until when nothing is tried, and why.
    pause: Option<(Instant, DatabaseError)>,
}

/// A connection that was just made.
pub(super) struct Made {
    pub(super) connection: PgConnection,
    /// Which server it leads to.
    pub(super) server: usize,
}

/// What a server says of itself.
struct Said {
    is_writable: bool,
    timeline: Option<u32>,
}

impl Servers {
    /// The servers of `address`, to which the connections call themselves `application` unless the address says otherwise.
    #[must_use]
    pub fn new(address: &Address, application: &str) -> Arc<Self> {
        let options = address.servers.iter().cloned();
        let options = options.map(|options| match options.get_application_name() {
            Some(_) => options,
            None => options.application_name(application),
        });
        Arc::new(Self {
            options: options.collect(),
            hosts: address.hosts().map(str::to_owned).collect(),
            pooler: address.pooler(),
            failures: AtomicU64::new(0),
            state: Mutex::default(),
            search: tokio::sync::Mutex::default(),
        })
    }

    /// What is in between.
    #[must_use]
    pub fn pooler(&self) -> Pooler {
        self.pooler
    }

    /// The host that is used at present.
    #[must_use]
    pub fn host(&self) -> Option<String> {
        let chosen = self.lock().chosen?;
        self.hosts.get(chosen).cloned()
    }

    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    pub(super) fn count_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether `server` is the one to use, as far as is known.
    pub(super) fn is_chosen(&self, server: usize) -> bool {
        self.options.len() == 1 || self.lock().chosen == Some(server)
    }

    /// A connection to the server that can be written to, set up for commits that wait as `wait` says.
    pub(super) async fn connect(self: &Arc<Self>, wait: Wait) -> Result<Made, DatabaseError> {
        loop {
            if let Some(server) = self.usable()? {
                match self.connect_to(server, wait).await {
                    Ok((connection, _)) => return Ok(Made { connection, server }),
                    Err(error) if self.options.len() == 1 => return Err(self.pause(error)),
                    Err(error) => self.leave(server, &error),
                }
            }
            let _searching = self.search.lock().await;
            if self.usable()?.is_none() {
                return self.find(wait).await.map_err(|error| self.pause(error));
            }
        }
    }

    /// Whether the server that `connection` leads to still answers, and can be written to if there are others.
    pub(super) async fn is_alive(&self, connection: &mut PgConnection) -> bool {
        let asked = async {
            if self.options.len() == 1 {
                connection.ping().await?;
                return Ok(true);
            }
            let said = self.ask(connection, String::new()).await?;
            Ok::<_, DatabaseError>(said.is_writable && !self.is_outdated(&said))
        };
        matches!(timeout(CONNECT_WITHIN, asked).await, Ok(Ok(true)))
    }

    /// The server that was used last. An error while nothing is to be tried.
    fn usable(&self) -> Result<Option<usize>, DatabaseError> {
        let state = self.lock();
        match &state.pause {
            Some((until, error)) if Instant::now() < *until => Err(error.clone()),
            _ if self.options.len() == 1 => Ok(Some(0)),
            _ => Ok(state.chosen),
        }
    }

    fn pause(&self, error: DatabaseError) -> DatabaseError {
        let millis = rand::rng().random_range(PAUSE_MILLIS);
        let until = Instant::now() + Duration::from_millis(millis);
        self.lock().pause = Some((until, error.clone()));
        error
    }

    fn leave(&self, server: usize, error: &DatabaseError) {
        let mut state = self.lock();
        if state.chosen == Some(server) {
            state.chosen = None;
            tracing::warn!(host = self.hosts[server], %error, "PostgreSQL: this server is left for one that can be written to");
        }
    }

    /// Asks all servers at once, and takes the first in the list that can be written to. When several can, one of them is a former
    /// primary, unless their timelines are the same.
    async fn find(self: &Arc<Self>, wait: Wait) -> Result<Made, DatabaseError> {
        let mut asked = JoinSet::new();
        for server in 0..self.options.len() {
            let servers = Arc::clone(self);
            asked.spawn(async move { (server, servers.connect_to(server, wait).await) });
        }
        let mut answers = asked.join_all().await;
        answers.sort_by_key(|(server, _)| *server);
        let mut problems = Vec::new();
        let mut best: Option<(u32, Made)> = None;
        for (server, answer) in answers {
            match answer {
                Ok((connection, said)) => {
                    let timeline = said.timeline.unwrap_or_default();
                    if best.as_ref().is_none_or(|(most, _)| timeline > *most) {
                        best = Some((timeline, Made { connection, server }));
                    }
                }
                Err(error) => problems.push(format!("{}: {error}", self.hosts[server])),
            }
        }
        let Some((_, made)) = best else {
            return Err(DatabaseError::new(problems.join("; ")));
        };
        self.lock().chosen = Some(made.server);
        tracing::info!(
            host = self.hosts[made.server],
            "PostgreSQL: this server is used"
        );
        Ok(made)
    }

    /// A connection to one server, set up. With several servers an error unless this one can be written to; and always for one
    /// that was left behind by a promotion.
    async fn connect_to(
        &self,
        server: usize,
        wait: Wait,
    ) -> Result<(PgConnection, Said), DatabaseError> {
        let connect = async {
            let mut connection = PgConnection::connect_with(&self.options[server]).await?;
            let head = match self.pooler {
                Pooler::Session => wait.for_session(),
                Pooler::Transaction => String::new(),
            };
            let said = self.ask(&mut connection, head).await?;
            Ok((connection, said))
        };
        let (connection, said) = timeout(CONNECT_WITHIN, connect).await.unwrap_or_else(|_| {
            Err(DatabaseError::from(sqlx::Error::from(io::Error::from(
                io::ErrorKind::TimedOut,
            ))))
        })?;
        if self.is_outdated(&said) {
            return Err(DatabaseError::new(
                "it is a former primary, which others have left behind: its timeline is an earlier one",
            ));
        }
        if !said.is_writable && self.options.len() > 1 {
            return Err(DatabaseError::new("it can't be written to"));
        }
        Ok((connection, said))
    }

    /// Notes the timeline. `true` when a later one was seen.
    fn is_outdated(&self, said: &Said) -> bool {
        let Some(timeline) = said.timeline else {
            return false;
        };
        let mut state = self.lock();
        state.timeline = state.timeline.max(timeline);
        timeline < state.timeline
    }

    async fn ask(
        &self,
        connection: &mut PgConnection,
        head: String,
    ) -> Result<Said, DatabaseError> {
        let question = sqlx::raw_sql(AssertSqlSafe(head.clone() + QUESTION));
        let rows = match question.fetch_all(&mut *connection).await {
            Ok(rows) => rows,
            // Some services have no such function, or let nobody call it.
            Err(sqlx::Error::Database(_)) => {
                let question = sqlx::raw_sql(AssertSqlSafe(head + SHORT_QUESTION));
                question.fetch_all(connection).await?
            }
            Err(error) => return Err(error.into()),
        };
        let row: &PgRow = rows.last().ok_or(sqlx::Error::RowNotFound)?;
        let timeline: Option<&str> = row.try_get(1)?;
        Ok(Said {
            is_writable: row.try_get(0)?,
            timeline: timeline.and_then(|digits| u32::from_str_radix(digits, 16).ok()),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each critical section leaves it whole, so a panic elsewhere does not make it unusable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
