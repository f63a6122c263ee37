//! Why a URL is of no use.

/// Why a URL is of no use. The text holds nothing of the URL but names of parameters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AddressError(pub(super) String);

impl AddressError {
    pub(super) fn unreadable() -> Self {
        Self("it is no URL of a database".to_owned())
    }
}
