//! What the server keeps for a browser: sealed rows, pending sign-ins, tokens, and the one way to a usable access token.
//!
//! ```text
//! Browser ── the session of a request: start, finish and end a sign-in
//!    │            AccessTokens ── a usable access token, refreshed when needed
//!    └──────┬──────┘
//!         Store ── read, create, update, renew, delete; compares versions
//!      ┌────┴────┐
//!   Sealer      Rows ── SQLite, PostgreSQL, memory
//! ```

mod access;
mod browser;
mod data;
mod key_file;
mod record;
mod refresh;
mod rows;
mod store;

pub use crate::seal::{KEY_BYTES, KeyError, OpenError, Sealer};
pub use access::{AccessError, AccessTokens, RefreshPolicy, SignedIn};
pub use browser::{Browser, Learned, Visit};
pub use data::{
    Lease, Lifetimes, Login, MAX_PENDING, PendingSignIn, Person, SIGN_IN_TIME, SessionData, Trial,
};
pub use key_file::read_or_make_key;
pub use rows::{Counts, MemoryRows, PostgresRows, Row, RowKey, Rows, RowsError, SqliteRows};
pub use store::{Store, StoreError, Stored};
pub use tower_sessions::session::Id;
