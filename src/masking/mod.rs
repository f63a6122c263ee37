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
mod names;
mod spans;

pub(crate) use hide::{Known, hide_known, hide_named, hide_runs, without_secrets};
pub(crate) use names::{is_app_secret, is_secret};

/// How much of a secret is shown at most, in characters: enough to tell two apart.
pub(crate) const SHOWN: usize = 4;

/// The first characters of `secret`, at most four and at most a quarter of it.
///
/// ```
/// use smartsheet_oauth_demo::flow::masked;
/// assert_eq!(masked("ll352u9jujauoqz4gstvsae05"), "ll35…");
/// assert_eq!(masked("hunter2"), "h…");
/// assert_eq!(masked("abc"), "…");
/// ```
#[must_use]
pub fn masked(secret: &str) -> String {
    let shown = SHOWN.min(secret.chars().count() / 4);
    let mut text: String = secret.chars().take(shown).collect();
    text.push('…');
    text
}

/// What is shown of the secret of this name: nothing of the app's own secret and of what is made of it, because a person
/// chose it and a few characters or bits may be enough to guess it.
pub(crate) fn masked_as(name: &str, secret: &str) -> String {
    if is_app_secret(name) {
        "…".to_owned()
    } else {
        masked(secret)
    }
}

/// Whether `text` is what is left of the secret of this name.
pub(crate) fn is_masked_as(name: &str, text: &str) -> bool {
    let most = if is_app_secret(name) { 0 } else { SHOWN };
    text.ends_with('…') && text.chars().count() <= most + 1
}
