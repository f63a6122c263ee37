//! The sandbox, tested from outside: through its router, and over sockets where the connection matters.

mod authorize;
mod bad_input;
mod control;
mod files;
mod sockets;
mod support;
mod tokens;
mod users;
