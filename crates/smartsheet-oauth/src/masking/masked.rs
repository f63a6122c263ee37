//! What is left of a secret.

use super::names::is_app_secret;

/// How much of a secret is shown at most, in characters: enough to tell two apart.
const SHOWN: usize = 4;

/// The first characters of `secret`, at most four and at most a quarter of it.
///
/// ```
/// use smartsheet_oauth::masking::masked;
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
#[must_use]
pub fn masked_as(name: &str, secret: &str) -> String {
    if is_app_secret(name) {
        "…".to_owned()
    } else {
        masked(secret)
    }
}

/// Whether `text` is what is left of the secret of this name.
#[must_use]
pub fn is_masked_as(name: &str, text: &str) -> bool {
    let most = if is_app_secret(name) { 0 } else { SHOWN };
    text.ends_with('…') && text.chars().count() <= most + 1
}
