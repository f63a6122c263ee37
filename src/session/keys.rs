//! What rows are found by: hashes, so that nobody who reads the database learns an id.

use sha2::{Digest as _, Sha256};
use tower_sessions::session::Id;

use super::rows::RowKey;

/// The row of a session: found by a hash, so that the database does not give the cookies.
pub(super) fn row_key(id: Id) -> RowKey {
    RowKey(Sha256::digest(id.0.to_le_bytes()).into())
}

/// The row that says that the session of `key` ended.
pub(super) fn ended_key(key: &RowKey) -> RowKey {
    let hash = Sha256::new()
        .chain_update(b"smartsheet-oauth-demo ended")
        .chain_update(key.0);
    RowKey(hash.finalize().into())
}
