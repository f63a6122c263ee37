//! What the tests share: the app on a port of its own, a clock to move, a browser, a provider to script, the log.

pub(crate) mod app;
pub(crate) mod binary;
pub(crate) mod browser;
pub(crate) mod exposition;
pub(crate) mod forms;
pub(crate) mod log;
pub(crate) mod panel;
pub(crate) mod program;
pub(crate) mod provider;
pub(crate) mod rows;
pub(crate) mod said;
pub(crate) mod sandbox;
pub(crate) mod scripted;
pub(crate) mod secrets;
pub(crate) mod sessions;
pub(crate) mod tap;
pub(crate) mod visitor;

pub(crate) use app::{Setup, TestApp, World};
pub(crate) use browser::{Browser, Page};
pub(crate) use provider::{Gate, Provider, Reply, Seen};
pub(crate) use test_support::{PATIENCE, until};
pub(crate) use visitor::Visitor;

use std::time::Duration;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_mins(1);
pub(crate) const HOUR: Duration = Duration::from_hours(1);
pub(crate) const DAY: Duration = Duration::from_hours(24);
