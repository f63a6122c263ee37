//! Who issued tokens: an authorization server, with its API, for one app.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use url::Url;

/// Names an issuer without telling what it is. Tokens are good at the one that they came from, and nowhere else: sent to
/// another, they are lost, and so is the login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Issuer(String);

impl Issuer {
    /// The issuer behind these addresses, for the app of `client_id`.
    #[must_use]
    pub fn new(authorize_url: &Url, api_url: &Url, client_id: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [authorize_url.as_str(), api_url.as_str(), client_id] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hex::encode(&hash.finalize()[..8]))
    }

    /// The sandbox that is mounted in the app, whatever port it is at.
    #[must_use]
    pub fn mounted_sandbox() -> Self {
        Self("sandbox".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_counts() {
        let url = |text: &str| Url::parse(text).unwrap();
        let one = Issuer::new(&url("https://a.example/"), &url("https://b.example/"), "c");
        assert_eq!(
            one,
            Issuer::new(&url("https://a.example/"), &url("https://b.example/"), "c")
        );
        for other in [
            Issuer::new(&url("https://x.example/"), &url("https://b.example/"), "c"),
            Issuer::new(&url("https://a.example/"), &url("https://x.example/"), "c"),
            Issuer::new(&url("https://a.example/"), &url("https://b.example/"), "x"),
            Issuer::mounted_sandbox(),
        ] {
            assert_ne!(one, other);
        }
    }
}
