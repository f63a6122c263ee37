//! What the server keeps for a browser: sealed rows with tokens in them, and the one way to a usable access token.
//!
//! ```text
//! SignIn ── from `/login` to the callback, sealed in a cookie of its own
//! AccessTokens ── a usable access token, refreshed when needed
//! Revocations ── tokens of sessions that ended, given back
//! Pointer ── sessions of other sites, which point to a session here; and tickets, which begin them
//!    │
//! Store ── visit, sign in, update, end, sweep; compares versions
//!  ├── Sealer
//!  └── Rows ── SQLite, PostgreSQL, memory
//! ```

mod access;
mod content;
mod data;
mod ended;
mod error;
mod holder_watch;
mod identity;
mod issuer;
mod key_file;
mod keys;
mod last_try;
mod pointer;
mod presence;
mod reference;
mod refresh;
mod revocations;
mod rows;
mod show_presence;
mod sign_in;
mod sign_in_cookie;
mod signed_in;
mod site_sessions;
mod store;
mod sweep;
mod tokens;
mod under_way;
mod visit;
mod writable;

pub use crate::seal::{KEY_BYTES, KeyError, OpenError, Sealer};
pub use access::{AccessTokens, Refreshes};
pub use data::{Lease, Lifetimes, Login, Person, SIGN_IN_TIME, SessionData};
pub use ended::Ending;
pub use error::StoreError;
pub use identity::Identity;
pub use issuer::Issuer;
pub use key_file::{make_private_file, read_or_make_key};
pub use pointer::{Arrival, NonceHash, Pointer};
pub use revocations::Revocations;
pub use rows::{
    Change, Counts, Kind, MIGRATIONS, MemoryRows, PostgresRows, Row, RowKey, Rows, RowsError,
    SqliteRows,
};
pub use sign_in::{Taken, UsedState};
pub use sign_in_cookie::{SignIn, sign_in_name};
pub use store::{Store, Stored};
pub use tokens::{AccessError, RefreshPolicy, SignedIn};
pub use tower_sessions::session::Id;
