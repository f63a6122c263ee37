//! The `hash` parameter: Smartsheet's own way to prove the client's secret without sending it.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// SHA-256 over `{app_secret}|{credential}` in lower-case hex, where the credential is the authorization code or the
/// refresh token that the request redeems.
///
/// Smartsheet's documentation, "Request an access token". Forgetting the pipe is the most reported mistake of
/// integrators; the server answers it with errorCode 1072 or 1004.
///
/// ```
/// use secrecy::SecretString;
/// let secret = SecretString::from("9samp7le3for71you");
/// assert_eq!(
///     smartsheet_oauth::hash(&secret, "sample6p9qisx6a"),
///     "9145806b14cf7f16e99d91e6a7cdaeea4a3baa4683e169409edd4382d5e74ec3",
/// );
/// ```
#[must_use]
pub fn hash(app_secret: &SecretString, credential: &str) -> String {
    let mut sha256 = Sha256::new();
    sha256.update(app_secret.expose_secret());
    sha256.update(b"|");
    sha256.update(credential);
    hex::encode(sha256.finalize())
}
