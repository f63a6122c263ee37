//! Masking: what may be shown of a secret, in messages of the flow, on error pages and in the log.
//!
//! Secrets are known by their value ([`hide_known`]) or by their name ([`hide_named`]), as they are and however they are
//! encoded: in forms and addresses, in strings of JSON, in HTML, in letters of any size, one within the other.
//!
//! ```text
//! text ──► View: as it reads when it is decoded, and where each byte stood ──► spans of secrets ──► text without them
//! ```

mod decoded;
mod hide;
mod masked;
mod names;
mod runs;
mod spans;

pub use hide::{Known, hide_known, hide_named, without_secrets};
pub use masked::masked;
pub use masked::{is_masked_as, masked_as};
pub use names::is_secret;
pub use runs::hide_runs;
