//! What was said: every message of a browser's sign-in, kept so that it can be shown, with secrets masked.
//!
//! ```text
//! a page, a call to Smartsheet ──► Recorder ──► FlowLog ──► sealed rows ──► /flow
//!                                  masks        writes in batches, behind the answer
//! ```
//!
//! A message is masked when it is made ([`Message`] has no other way in), so that neither the log nor a page can show what
//! it must not. The log is a convenience: it never holds up a sign-in for long and never fails one.

mod encoded;
mod id;
mod kept;
mod log;
mod mask;
mod message;
mod parts;
mod pending;
mod recorder;
mod repeats;
mod retention;
mod rows;
mod shorten;
mod shown;
mod step;
mod sweep;
mod visit;
mod writing;

pub use crate::masking::masked;
pub use id::FlowId;
pub use log::FlowLog;
pub use message::{Ending, Message};
pub use parts::{Answer, Request};
pub use recorder::Recorder;
pub use retention::{KEPT_MESSAGES, MESSAGE_BYTES, Retention, SIGNED_IN_BYTES, SIGNED_OUT_BYTES};
pub use rows::{Batch, FlowKey, FlowRow, FlowRows, MemoryFlow, PostgresFlow, SqliteFlow, Trim};
pub use step::Step;
pub use visit::{Answered, Visit};
pub use writing::LogError;
