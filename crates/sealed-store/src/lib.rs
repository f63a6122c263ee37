//! The engine below stores whose rows are sealed. It knows nothing of what the rows are for.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`seal`] | content that a stolen database does not give away, for one row and one version of it; keys that rotate |
//! | [`sqlite`] | one SQLite file: read by the thread that asks, written by one thread for all, many changes a commit |
//! | [`postgres`] | connections to PostgreSQL that stay with whoever uses them, through poolers, to the server that can be written to |
//! | [`database`] | how databases fail, and for how long they are waited for |

#![forbid(unsafe_code)]

pub mod database;
pub mod postgres;
pub mod seal;
pub mod sqlite;

/// The crates whose types are part of this one's interface, in the versions that fit.
pub use {rusqlite, sqlx};

/// The README's example, compiled and run with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
