//! Where a request was sent to: the app's own address, one of the sites, or neither.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;

use crate::gateway::{Located, Place, Site};
use crate::web::App;
use crate::web::request_log::is_from;

/// Where a request was sent to, in its extensions.
#[derive(Debug, Clone)]
pub(super) struct At {
    located: Located,
    is_from_proxy: bool,
}

impl At {
    /// Where `request` was sent to.
    pub(super) fn of(app: &App, request: &Request) -> Self {
        let is_from_proxy = is_from(request, &app.settings.trusted_proxies);
        let sites = &app.gateway.sites;
        Self {
            located: sites.locate(request.headers(), is_from_proxy),
            is_from_proxy,
        }
    }

    /// Whether there is anything at `path` here: of a site, nothing but what it mounts.
    pub(super) fn serves(&self, path: &str) -> bool {
        self.site().is_none() || path.starts_with("/auth/")
    }

    /// The site, if it is one.
    pub(super) fn site(&self) -> Option<&Arc<Site>> {
        match &self.located.place {
            Place::Site(site) => Some(site),
            Place::App | Place::Elsewhere => None,
        }
    }

    pub(super) fn place(&self) -> &Place {
        &self.located.place
    }

    pub(super) fn has_dot(&self) -> bool {
        self.located.has_dot
    }

    /// Whether what the peer says of the original request counts.
    pub(super) fn is_from_proxy(&self) -> bool {
        self.is_from_proxy
    }
}

impl<S: Sync> FromRequestParts<S> for At {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let at = parts.extensions.get::<Self>().cloned();
        // Put there around every page.
        Ok(at.unwrap_or(Self {
            located: Located {
                place: Place::Elsewhere,
                has_dot: false,
            },
            is_from_proxy: false,
        }))
    }
}
