//! What is remembered of whether the database takes a write.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Mutex;

use super::error::StoreError;

/// What the last try said, and when. Cheap to clone; all clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct LastTry(pub(super) Arc<Mutex<Option<Said>>>);

type Said = (Timestamp, Result<(), StoreError>);
