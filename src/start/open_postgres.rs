//! Opening the PostgreSQL database that the settings name: it keeps what it acknowledges, and its tables are there.

use std::sync::Arc;

use jiff::Timestamp;
use secrecy::ExposeSecret;

use super::StartError;
use crate::clock::Clock;
use crate::config::Settings;
use crate::flow::PostgresFlow;
use crate::postgres::{
    self, Address, Connection, Grant, MigrateError, Pooler, Report, Servers, Wait, migrate,
};
use crate::session::{MIGRATIONS, PostgresRows};

/// The oldest version that is tested.
const OLDEST_VERSION: i64 = 130_000;

/// How far the database's clock may be from this machine's before it is mentioned, in milliseconds.
const CLOCK_DISTANCE: i64 = 2_000;

/// With fewer connections than this, messages get one only.
const FEW_CONNECTIONS: usize = 6;

/// What another role than the one that makes the tables may do with.
const TABLES: [&str; 4] = ["_sqlx_migrations", "sessions", "flow_messages", "instances"];

/// An open database.
#[derive(Debug)]
pub struct PostgresDatabase {
    servers: Arc<Servers>,
    wait: Wait,
    connections: usize,
    /// What the server says of itself, in words.
    pub(crate) summary: String,
    /// What is probably not meant, a line each.
    pub(crate) warnings: Vec<String>,
}

impl PostgresDatabase {
    /// Connects to `url`, proves that a commit is on disk when it is acknowledged, and makes the tables that are missing.
    pub(super) async fn open(
        url: &str,
        settings: &Settings,
        clock: &Clock,
    ) -> Result<Self, StartError> {
        let store = &settings.session.store;
        let fail = |problem: String| {
            StartError(format!("session.store: {store} can't be opened: {problem}"))
        };
        let unreachable = |error: &dyn std::fmt::Display| {
            fail(format!(
                "{error}; expected a database that this user may read and write"
            ))
        };
        let address = Address::parse(url).map_err(|error| fail(error.to_string()))?;
        let servers = Servers::new(&address, env!("CARGO_PKG_NAME"));
        let mut connection = Connection::new(&servers, address.wait());
        let before = clock.now();
        let report = Report::ask(&mut connection)
            .await
            .map_err(|error| unreachable(&error))?;
        let distance = distance(report.clock, before, clock.now());
        judge(&report, &address, settings, distance).map_err(fail)?;
        if address.pooler() == Pooler::Session
            && postgres::is_pooled_by_transaction(&servers)
                .await
                .map_err(|error| unreachable(&error))?
        {
            return Err(fail(
                "a pooler in between changes the session with each transaction; add pooler=transaction to its parameters, or set \
                 the pooler to pool by session"
                    .to_owned(),
            ));
        }
        make_tables(&mut connection, &servers, &address, settings, &fail).await?;
        connection.close().await;
        Ok(Self {
            summary: summary(&report, &servers),
            warnings: warnings(&report, distance),
            servers,
            wait: address.wait(),
            connections: settings.session.max_connections,
        })
    }

    /// Its sessions.
    #[must_use]
    pub fn rows(&self) -> PostgresRows {
        let connections = self.connections - self.flow_connections();
        PostgresRows::new(&self.servers, self.wait, connections)
    }

    /// Its messages.
    #[must_use]
    pub fn flow(&self) -> PostgresFlow {
        PostgresFlow::new(&self.servers, self.flow_connections())
    }

    fn flow_connections(&self) -> usize {
        if self.connections < FEW_CONNECTIONS {
            1
        } else {
            2
        }
    }
}

/// How far `theirs` is from the time between `before` and `after`, in milliseconds: positive when it is ahead.
fn distance(theirs: i64, before: Timestamp, after: Timestamp) -> i64 {
    let (before, after) = (before.as_millisecond(), after.as_millisecond());
    theirs - (theirs.max(before)).min(after)
}

/// Refuses a server that would lose what it acknowledged, or can't be written to.
fn judge(
    report: &Report,
    address: &Address,
    settings: &Settings,
    distance: i64,
) -> Result<(), String> {
    let expected = address.wait().name();
    let said = &report.synchronous_commit;
    if said != expected {
        let who = match address.pooler() {
            Pooler::Session => {
                "what is in between drops what a session is set to: with a pooler by transaction, add pooler=transaction to the \
                 parameters of session.store"
            }
            Pooler::Transaction => {
                "what is in between drops SET LOCAL: it must pass every statement on as it is"
            }
        };
        return Err(format!(
            "a commit is not on disk when it is acknowledged: synchronous_commit is {said} in a transaction that set it to \
             {expected}; {who}"
        ));
    }
    if !report.is_writable {
        return Err(
            "the server can't be written to (transaction_read_only is on): name the primary, or all hosts with commas between \
             them, or set default_transaction_read_only to off"
                .to_owned(),
        );
    }
    if report.version < OLDEST_VERSION {
        return Err(format!(
            "its version is {}; expected PostgreSQL 13 or later",
            version(report.version)
        ));
    }
    let half_lease = settings.session.refresh_lease.as_millis() / 2;
    if u128::from(distance.unsigned_abs()) > half_lease {
        return Err(format!(
            "its clock is {} s {} this machine's, more than half of session.refresh_lease; set both by NTP",
            distance.unsigned_abs() / 1_000,
            if distance > 0 { "ahead of" } else { "behind" },
        ));
    }
    Ok(())
}

fn warnings(report: &Report, distance: i64) -> Vec<String> {
    let mut warnings = Vec::new();
    if !report.fsync {
        warnings.push(
            "session.store: the server has fsync off, so nothing that it writes is sure to be on disk; set fsync to on"
                .to_owned(),
        );
    }
    if distance.abs() > CLOCK_DISTANCE {
        warnings.push(format!(
            "session.store: the server's clock is {} s from this machine's; set both by NTP",
            distance.abs() / 1_000
        ));
    }
    warnings
}

fn summary(report: &Report, servers: &Servers) -> String {
    let pooler = match servers.pooler() {
        Pooler::Session => "",
        Pooler::Transaction => ", through a pooler by transaction",
    };
    let host = servers.host().map(|host| format!(" on {host}"));
    format!(
        "PostgreSQL {}{}{pooler}; synchronous_commit is {} where it is written",
        version(report.version),
        host.unwrap_or_default(),
        report.synchronous_commit,
    )
}

/// As people write it: 170011 is 17.11.
fn version(number: i64) -> String {
    format!("{}.{}", number / 10_000, number % 10_000)
}

/// Makes the tables where that is allowed, unless they are there.
async fn make_tables(
    connection: &mut Connection,
    servers: &Arc<Servers>,
    address: &Address,
    settings: &Settings,
    fail: &impl Fn(String) -> StartError,
) -> Result<(), StartError> {
    let is_migrated = postgres::is_migrated(connection, &MIGRATIONS).await;
    if is_migrated.map_err(|error| fail(error.to_string()))? {
        return Ok(());
    }
    let Some(url) = &settings.session.migrate_url else {
        return match migrate(servers, &MIGRATIONS, None).await {
            Ok(()) => Ok(()),
            Err(MigrateError::NotAllowed(error)) => Err(fail(format!(
                "{} may not make tables ({error}); set session.migrate_url to the URL of a role that may",
                address.user()
            ))),
            Err(error) => Err(fail(format!("its tables can't be made: {error}"))),
        };
    };
    let fail = |problem: String| {
        StartError(format!(
            "session.migrate_url: the tables can't be made there: {problem}; expected a role that may make tables in the \
             database of session.store"
        ))
    };
    let elsewhere = Address::parse(url.expose_secret()).map_err(|error| fail(error.to_string()))?;
    let grant = (elsewhere.user() != address.user()).then(|| Grant {
        tables: &TABLES,
        to: address.user(),
    });
    let elsewhere = Servers::new(&elsewhere, env!("CARGO_PKG_NAME"));
    migrate(&elsewhere, &MIGRATIONS, grant)
        .await
        .map_err(|error| fail(error.to_string()))?;
    match postgres::is_migrated(connection, &MIGRATIONS).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(fail("session.store does not see them".to_owned())),
        Err(error) => Err(fail(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_within_the_question_is_right() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        assert_eq!(distance(1_500, at(1_000), at(2_000)), 0);
        assert_eq!(distance(900, at(1_000), at(2_000)), -100);
        assert_eq!(distance(2_300, at(1_000), at(2_000)), 300);
    }

    #[test]
    fn clocks_that_differ_are_mentioned_or_refused() {
        let report = Report {
            synchronous_commit: "on".to_owned(),
            fsync: true,
            is_writable: true,
            version: 150_018,
            clock: 0,
        };
        let address = Address::parse("postgres://a/b").unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        let settings = Settings::load(Some(file.path()), &|_| None, &[]).unwrap();
        let judged = |distance| judge(&report, &address, &settings, distance);
        for (distance, warnings_expected) in [(0, 0), (-1_900, 0), (2_100, 1), (-9_900, 1)] {
            assert_eq!(judged(distance), Ok(()));
            assert_eq!(warnings(&report, distance).len(), warnings_expected);
        }
        assert!(judged(10_100).unwrap_err().contains("10 s ahead of"));
        assert!(judged(-60_000).unwrap_err().contains("60 s behind"));
        let old = Report {
            version: 120_000,
            ..report.clone()
        };
        let said = judge(&old, &address, &settings, 0).unwrap_err();
        assert!(said.contains("12.0") && said.contains("13"), "{said}");
    }

    #[test]
    fn versions_are_written_as_people_write_them() {
        assert_eq!(version(170_011), "17.11");
        assert_eq!(version(130_000), "13.0");
    }
}
