//! The log: where it goes, and what is in it.

mod line;
mod waiting;

use std::io;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::LogFormat;
use line::{Escape, Lines};
pub(crate) use waiting::{thread_rests, write_waiting};

/// Events go to standard error, a line each: those that `chosen` (`RUST_LOG`) says, such as `debug` or `info,hyper=debug`; `info`
/// if it is empty. What is no warning may wait for others: see [`thread_rests`] and [`write_waiting`].
pub(crate) fn start(format: LogFormat, chosen: &str) {
    // An empty directive would mean errors alone.
    let directives: Vec<&str> = chosen
        .split(',')
        .map(str::trim)
        .filter(|directive| !directive.is_empty())
        .collect();
    let info = Targets::new().with_default(LevelFilter::INFO);
    let chosen = match &directives[..] {
        [] => Ok(info.clone()),
        directives => directives.join(",").parse(),
    };
    let unreadable = chosen.is_err();
    // tower-sessions logs each refused write as an error of its own and puts a span around every request, and PostgreSQL says
    // on each start that the tables exist; what matters of all that is logged here.
    let filter = chosen
        .unwrap_or(info)
        .with_target("tower_sessions", LevelFilter::WARN)
        .with_target("tower_sessions_core", LevelFilter::OFF)
        .with_target("sqlx::postgres::notice", LevelFilter::OFF);
    let escape = match format {
        LogFormat::Text => Escape::AsInRust,
        LogFormat::Json => Escape::AsInJson,
    };
    let events = fmt::layer()
        // They would go to the same place, and a message that standard error can't be written to ends the process.
        .log_internal_errors(false)
        .with_writer(StandardError(escape));
    let events = match format {
        LogFormat::Text => events.with_target(false).boxed(),
        LogFormat::Json => events.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(events)
        .with(filter)
        .init();
    // A panic is one line of the log, like everything else; the request it happened in answers 500.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panic");
    }));
    if unreadable {
        tracing::warn!("RUST_LOG can't be read; what is logged is `info`");
    }
}

/// Where lines go.
struct StandardError(Escape);

impl<'a> MakeWriter<'a> for StandardError {
    type Writer = Lines<Piece>;

    fn make_writer(&'a self) -> Self::Writer {
        Lines::to(Piece { is_urgent: true }, self.0)
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Self::Writer {
        let is_urgent = *event.level() <= Level::WARN;
        Lines::to(Piece { is_urgent }, self.0)
    }
}

/// Takes a line that comes in one piece.
struct Piece {
    is_urgent: bool,
}

impl io::Write for Piece {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        waiting::add(line, self.is_urgent).map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
