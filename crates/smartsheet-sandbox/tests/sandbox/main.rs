//! The sandbox, tested from outside: through its router, and over sockets where the connection matters.

mod arranged;
mod authorize;
mod bad_input;
mod bounds;
mod control;
mod files;
mod guard;
mod one_person;
mod sheet_changes;
mod sheet_kept;
mod sheet_reading;
mod sheet_refused;
mod sheet_saving;
mod sheets;
mod sockets;
mod support;
mod tokens;
mod users;
