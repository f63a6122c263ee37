//! What points to a session from outside of it: sessions of other sites, and the tickets that begin them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tower_sessions::session::Id;

use super::rows::RowKey;

/// What a pointer is for, so that one can't pass for the other.
pub(super) const TICKET: &str = "smartsheet-oauth-demo ticket";
pub(super) const SITE_SESSION: &str = "smartsheet-oauth-demo session of a site";

/// 128 random bits that only a browser has: of a site's session, or of a ticket.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pointer([u8; 16]);

/// The SHA-256 of what binds a ticket to the browser that asked for it.
pub type NonceHash = [u8; 32];

/// A session that has just begun at a site.
#[derive(Debug)]
pub struct Arrival {
    /// What points to it.
    pub pointer: Pointer,
    /// Which nonce its ticket was bound to.
    pub nonce: NonceHash,
}

impl Pointer {
    pub(super) fn random() -> Self {
        let mut bytes = [0; 16];
        rand::rng().fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// Reads one as it is written: 22 letters, digits, `-` and `_`.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; 16];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        (length == bytes.len()).then_some(Self(bytes))
    }

    /// As it is written.
    #[must_use]
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The row that it leads to, of what it is for.
    pub(super) fn row(&self, purpose: &str) -> RowKey {
        let hash = Sha256::new().chain_update(purpose).chain_update(self.0);
        RowKey(hash.finalize().into())
    }
}

impl fmt::Debug for Pointer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Pointer(…)")
    }
}

/// The content of a ticket's row.
#[derive(Serialize, Deserialize)]
pub(super) enum Ticket {
    Good {
        login: Id128,
        site: String,
        nonce: NonceHash,
        /// In milliseconds since 1970.
        until: i64,
    },
    Used,
}

/// The content of the row of a site's session.
#[derive(Serialize, Deserialize)]
pub(super) struct SiteSession {
    pub(super) login: Id128,
    pub(super) site: String,
}

/// A session's id, as it is sealed.
pub(super) type Id128 = [u8; 16];

pub(super) fn sealed_id(id: Id) -> Id128 {
    id.0.to_le_bytes()
}

pub(super) fn opened_id(id: Id128) -> Id {
    Id(i128::from_le_bytes(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_read_as_it_is_written() {
        let pointer = Pointer::random();
        assert_eq!(Pointer::parse(pointer.text().as_bytes()), Some(pointer));
        assert_ne!(pointer.row(TICKET), pointer.row(SITE_SESSION));
        assert_eq!(format!("{pointer:?}"), "Pointer(…)");
        for wrong in [
            "",
            "AAAA",
            "AAAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAA=",
            "é",
        ] {
            assert_eq!(Pointer::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
