//! Other sites get the signed-in person from here: their proxy asks before each request.
//!
//! ```text
//! Sites ── which site a request belongs to
//! Identities ── who a login is, as `users/me?include=groups` said, asked again now and then
//! Allow ── who may use the sites
//! Assertions ── signed proof of it, for sites
//! SigningKeys ── with which keys, and how they are published
//! ApiCalls ── Smartsheet's API for their pages and back ends
//! ```
//!
//! Tickets and the sites' sessions are rows of [`session::Store`](crate::session::Store): they live and die with logins.

mod allow;
pub mod api;
mod assertion;
mod authority;
mod headers;
mod identity;
mod jwks;
mod keys;
mod presented;
mod recheck;
mod site;

pub use allow::Allow;
use api::ApiCalls;
pub use assertion::Assertions;
pub use headers::{RemoteUser, remote_headers};
pub use identity::{IdentityError, read_identity};
pub use keys::{KeyProblem, SigningKeys};
pub use recheck::{AskError, Identities};
pub use site::{Located, Place, Site, Sites};

/// What the gateway works with.
#[derive(Debug)]
pub struct Gateway {
    /// The sites, and the app's own address.
    pub sites: Sites,
    /// Who may use them. `None` for everybody who can sign in.
    pub allow: Option<Allow>,
    /// What `Remote-User` says.
    pub remote_user: RemoteUser,
    /// Signs what checks say. `None` while there are no sites.
    pub assertions: Option<Assertions>,
    /// Who logins are.
    pub identities: Identities,
    /// Passes calls on to Smartsheet's API.
    pub api: ApiCalls,
}

impl Gateway {
    /// Whether there are sites.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.sites.is_empty()
    }

    /// Whether `identity` may use the sites.
    #[must_use]
    pub fn allows(&self, identity: &crate::session::Identity) -> bool {
        self.allow
            .as_ref()
            .is_none_or(|allow| allow.admits(identity))
    }
}
