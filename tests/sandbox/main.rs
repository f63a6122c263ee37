//! The sandbox, tested from outside: through its router, and over sockets where the connection matters.

mod authorize;
mod bad_input;
mod bounds;
mod control;
mod files;
mod sheets;
mod sockets;
mod support;
mod tokens;
mod users;
