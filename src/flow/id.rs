//! What a flow is found by.

use std::fmt;

use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::rows::FlowKey;

/// What the messages of one browser's sign-in are found by: 128 random bits, kept in the sign-in's cookie and then in the
/// session. [`FlowId::signed_in`] finds those of the session.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlowId(u128);

impl FlowId {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::rng().random())
    }

    /// The flow of what is said once this one's sign-in has ended in a session. It is found by whoever has the session, and
    /// not by whoever only has the sign-in's cookie, which somebody may have copied before.
    #[must_use]
    pub fn signed_in(self) -> Self {
        let hash = Sha256::new()
            .chain_update(b"smartsheet-oauth-demo flow of a session")
            .chain_update(self.0.to_le_bytes())
            .finalize();
        Self(
            hash.iter()
                .take(16)
                .fold(0, |id, byte| id << 8 | u128::from(*byte)),
        )
    }

    pub(super) fn key(self) -> FlowKey {
        let hash = Sha256::new()
            .chain_update(b"smartsheet-oauth-demo flow")
            .chain_update(self.0.to_le_bytes());
        FlowKey(hash.finalize().into())
    }
}

impl fmt::Debug for FlowId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FlowId(…)")
    }
}

impl Serialize for FlowId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0.to_be_bytes()))
    }
}

impl<'de> Deserialize<'de> for FlowId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).map_err(serde::de::Error::custom)?;
        Ok(Self(u128::from_be_bytes(bytes)))
    }
}
