//! The URL of a database, as libpq reads it (PostgreSQL's documentation, "Connection Strings"): with several hosts, and with
//! parameters of our own.

use std::net::Ipv6Addr;

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use url::Url;

use super::address_error::AddressError;
use super::hosts::servers;
use super::settings::Wait;

/// What is in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooler {
    /// Nothing, or a pooler that gives a client one session for as long as it is connected.
    Session,
    /// A pooler that gives a client a session for one transaction at a time.
    Transaction,
}

/// Where a database is, and what is in between.
#[derive(Debug, Clone)]
pub struct Address {
    /// How to connect to each of its servers, in their order.
    pub(super) servers: Vec<PgConnectOptions>,
    pub(super) pooler: Pooler,
    /// What a commit waits for.
    pub(super) wait: Wait,
    /// Each server's host, as it is shown.
    hosts: Vec<String>,
    says_sslmode: bool,
}

const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

impl Address {
    /// Reads `postgres://user:password@first:5432,second/database?parameter=value`.
    ///
    /// Beside those of sqlx there are the parameters `pooler` (`transaction`, or `session`, the default), `target_session_attrs`
    /// (`read-write`, the default, or `primary`, which means the same here) and `synchronous_commit` (what a commit waits for: `on`, the default, `remote_apply`,
    /// `remote_write` or `local`). `host` and `port` may be lists.
    ///
    /// # Errors
    ///
    /// [`AddressError`].
    pub fn parse(url: &str) -> Result<Self, AddressError> {
        let parts = Parts::of(url)?;
        let mut address = Self {
            servers: Vec::new(),
            pooler: Pooler::Session,
            wait: Wait::StandbyDisk,
            hosts: Vec::new(),
            says_sslmode: false,
        };
        let mut named = Vec::new();
        let mut named_ports = Vec::new();
        let mut kept = Vec::new();
        for (name, value) in &parts.parameters {
            match name.as_str() {
                "pooler" => address.pooler = pooler(value)?,
                "target_session_attrs" => match value.as_str() {
                    "read-write" | "primary" => {}
                    _ => return wrong("target_session_attrs", "read-write"),
                },
                "synchronous_commit" => match value.parse() {
                    Ok(wait) => address.wait = wait,
                    Err(()) => {
                        return wrong(
                            "synchronous_commit",
                            "on, remote_apply, remote_write or local",
                        );
                    }
                },
                "host" => named = value.split(',').map(str::to_owned).collect(),
                "port" => named_ports = value.split(',').map(str::to_owned).collect(),
                _ => {
                    address.says_sslmode |= matches!(name.as_str(), "sslmode" | "ssl-mode");
                    kept.push((name.as_str(), value.as_str()));
                }
            }
        }
        for (host, port) in servers(parts.hosts, &named, &named_ports)? {
            let options = parts.options(&host, port, &kept)?;
            address.hosts.push(host);
            address.servers.push(match address.pooler {
                Pooler::Session => options,
                // The values are in the text of the statements.
                Pooler::Transaction => options.disable_statement_logging(),
            });
        }
        Ok(address)
    }

    /// What is in between.
    #[must_use]
    pub fn pooler(&self) -> Pooler {
        self.pooler
    }

    /// What a commit waits for.
    #[must_use]
    pub fn wait(&self) -> Wait {
        self.wait
    }

    /// The hosts in their order, without ports: names, addresses, or folders of sockets. Empty for the default.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().map(String::as_str)
    }

    /// Whether the URL says to use TLS or not to (`sslmode`).
    #[must_use]
    pub fn says_sslmode(&self) -> bool {
        self.says_sslmode
    }

    /// Who connects.
    #[must_use]
    pub fn user(&self) -> &str {
        self.servers
            .first()
            .map_or("", PgConnectOptions::get_username)
    }
}

fn wrong<T>(name: &str, expected: &str) -> Result<T, AddressError> {
    Err(AddressError(format!(
        "its parameter {name} must be {expected}"
    )))
}

fn pooler(value: &str) -> Result<Pooler, AddressError> {
    match value {
        "transaction" => Ok(Pooler::Transaction),
        "session" => Ok(Pooler::Session),
        _ => wrong("pooler", "transaction or session"),
    }
}

/// A URL in its parts, as they were written.
struct Parts<'a> {
    /// With its `@`, or empty.
    user: &'a str,
    hosts: &'a str,
    /// With its slash, or empty.
    path: &'a str,
    /// Decoded.
    parameters: Vec<(String, String)>,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Result<Self, AddressError> {
        let rest = SCHEMES.iter().find_map(|scheme| url.strip_prefix(scheme));
        let rest = rest.ok_or_else(AddressError::unreadable)?;
        let rest = rest.split('#').next().unwrap_or(rest);
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // At the last `@`: a password that is not percent-encoded may contain others.
        let (user, hosts) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        let parameters = url::form_urlencoded::parse(query.as_bytes()).into_owned();
        Ok(Self {
            user,
            hosts,
            path,
            parameters: parameters.collect(),
        })
    }

    /// How to connect to one of the hosts.
    fn options(
        &self,
        host: &str,
        port: Option<u16>,
        parameters: &[(&str, &str)],
    ) -> Result<PgConnectOptions, AddressError> {
        let is_v6 = host.parse::<Ipv6Addr>().is_ok();
        let written = if is_v6 {
            format!("[{host}]")
        } else {
            host.replace('/', "%2F")
        };
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        let url = format!("postgres://{}{written}{port}{}", self.user, self.path);
        let mut url = Url::parse(&url).map_err(|_| AddressError::unreadable())?;
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        let options = PgConnectOptions::from_url(&url).map_err(|_| {
            AddressError(
                "one of its parameters is not right, or not encoded as it must be".to_owned(),
            )
        })?;
        // sqlx looks up the name of what is in brackets. And poolers refuse parameters that they do not know; this one is about
        // floating-point numbers, of which there are none.
        let options = if is_v6 { options.host(host) } else { options };
        Ok(options.extra_float_digits(None))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn servers_of(url: &str) -> Vec<(String, u16)> {
        let address = Address::parse(url).unwrap();
        let options = address.servers.iter();
        options
            .map(|options| {
                let socket = options.get_socket().map(|path| path.display().to_string());
                let host = socket.unwrap_or_else(|| options.get_host().to_owned());
                (host, options.get_port())
            })
            .collect()
    }

    /// The examples of PostgreSQL's documentation ("Connection URIs", "Specifying Multiple Hosts"), and their relatives.
    #[test]
    fn hosts_are_read_as_libpq_reads_them() {
        for (url, expected) in [
            ("postgresql://localhost", &[("localhost", 5432)][..]),
            ("postgresql://localhost:5433", &[("localhost", 5433)]),
            ("postgresql://localhost:/mydb", &[("localhost", 5432)]),
            (
                "postgresql://user:secret@localhost/mydb",
                &[("localhost", 5432)],
            ),
            (
                "postgresql://host1:123,host2:456/somedb?application_name=myapp",
                &[("host1", 123), ("host2", 456)],
            ),
            (
                "postgres://a,b:1,c/db",
                &[("a", 5432), ("b", 1), ("c", 5432)],
            ),
            ("postgres://a,b/db?port=7", &[("a", 7), ("b", 7)]),
            ("postgres://a:1,b:2/db?port=7,8", &[("a", 7), ("b", 8)]),
            ("postgres:///db?host=a,b&port=7,8", &[("a", 7), ("b", 8)]),
            ("postgres://z/db?host=a", &[("a", 5432)]),
            (
                "postgresql://[2001:db8::1234]/database",
                &[("2001:db8::1234", 5432)],
            ),
            (
                "postgres://u:p@[::1]:5433,10.0.0.1/db",
                &[("::1", 5433), ("10.0.0.1", 5432)],
            ),
            (
                "postgresql://%2Fvar%2Flib%2Fpostgresql/dbname",
                &[("/var/lib/postgresql", 5432)],
            ),
            ("postgresql:///mydb?host=/tmp&port=5433", &[("/tmp", 5433)]),
            ("postgres://u:p%40%2F%3A@a:1,b:2/db", &[("a", 1), ("b", 2)]),
            ("postgres://u:p@ss@a:1/db", &[("a", 1)]),
        ] {
            let expected: Vec<(String, u16)> = expected
                .iter()
                .map(|(host, port)| ((*host).to_owned(), *port))
                .collect();
            assert_eq!(servers_of(url), expected, "{url}");
        }
    }

    #[test]
    fn each_server_gets_user_database_and_parameters() {
        let url = "postgres://u%2F:p%40%3A@a,b/d%20b?sslmode=verify-full&application_name=x&pooler=transaction&synchronous_commit=remote_apply";
        let address = Address::parse(url).unwrap();
        assert_eq!(address.pooler(), Pooler::Transaction);
        assert_eq!(address.wait(), Wait::StandbyApplied);
        assert!(address.says_sslmode());
        assert_eq!(address.user(), "u/");
        for options in &address.servers {
            assert_eq!(options.get_username(), "u/");
            assert_eq!(options.get_database(), Some("d b"));
            assert_eq!(options.get_application_name(), Some("x"));
            assert_eq!(options.get_options(), None);
            let shown = format!("{options:?}");
            assert!(
                shown.contains("p@:") && shown.contains("VerifyFull"),
                "{shown}"
            );
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (url, part) in [
            ("mysql://a/db", "it is no URL"),
            ("postgres://", "a host is missing"),
            ("postgres://u:hunter2@/db", "a host is missing"),
            ("postgres://u:hunter2@a,,b/db", "a host is missing"),
            ("postgres://u:hunter2@a:x/db", "a port must be"),
            ("postgres://u:hunter2@a:0/db", "a port must be"),
            ("postgres://u:hunter2@a:65536/db", "a port must be"),
            ("postgres://u:hunter2@[::1/db", "it is no URL"),
            ("postgres://u:hunter2@[hunter2]/db", "it is no URL"),
            (
                "postgres://u:hunter2@a,b,c/db?port=1,2",
                "port must be one port",
            ),
            (
                "postgres://u:hunter2@a/db?pooler=statement",
                "pooler must be transaction or session",
            ),
            (
                "postgres://u:hunter2@a/db?synchronous_commit=off",
                "must be on, remote_apply",
            ),
            (
                "postgres://u:hunter2@a/db?target_session_attrs=standby",
                "must be read-write",
            ),
            (
                "postgres://u:hunter2@a/db?sslmode=hunter2",
                "one of its parameters",
            ),
        ] {
            let error = Address::parse(url).unwrap_err().to_string();
            assert!(error.contains(part), "{url}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_url_panics(rest in "[a-z0-9:@,/?=&%\\[\\].]{0,40}") {
            let _ = Address::parse(&format!("postgres://{rest}"));
        }
    }
}
