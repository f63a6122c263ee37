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
mod kept;
mod log;
mod mask;
mod message;
mod pending;
mod rows;
mod shown;

pub use log::{FlowId, FlowLog, KEPT_MESSAGES, LogError, Recorder};
pub use mask::masked;
pub use message::{Answer, Ending, Message, Request, Step};
pub use rows::{FlowKey, FlowRow, FlowRows, MemoryFlow, PostgresFlow, SqliteFlow};
