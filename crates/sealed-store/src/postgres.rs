//! PostgreSQL as people have it: several servers of which one can be written to, and a pooler in front.
//!
//! | part | what it does |
//! | --- | --- |
//! | [`Address`] | reads the URL: servers, pooler, what a commit waits for |
//! | [`Servers`] | finds the server that can be written to, for all connections of a process |
//! | [`Connection`] | stays with whoever uses it, one round trip a statement |
//! | [`Statement`] | SQL with its values, for a prepared statement or as text |
//! | [`migrate`] | makes the tables |
//! | [`Report`] | what the server says of itself inside a write's transaction |

mod address;
mod address_error;
mod connection;
mod hosts;
mod migrate;
mod report;
mod servers;
mod settings;
mod statement;

pub use address::{Address, Pooler};
pub use address_error::AddressError;
pub use connection::Connection;
pub use migrate::{Grant, MigrateError, is_migrated, migrate};
pub use report::{Report, is_pooled_by_transaction};
pub use servers::Servers;
pub use settings::Wait;
pub use statement::{Statement, Value};
