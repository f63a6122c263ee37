//! The API behind the token: `users/me`, its errors, and which calls are tried again.

mod client;
mod error;
mod profile;
mod retry;

pub use client::Api;
pub use error::ApiError;
#[cfg(fuzzing)]
pub(crate) use error::Refused;
pub use profile::{Profile, ProfileError};
pub use retry::Retry;
