//! The other sites that a person may go to, for the pages that list them.

use super::App;
use crate::session::Login;

/// A site with its address.
pub(super) struct SiteLink {
    pub(super) url: String,
    /// As people know it: without the scheme.
    pub(super) name: String,
}

/// The sites that whoever signed in with `login` may go to. None while it is not known who that is, unless everybody may.
pub(super) fn site_links(app: &App, login: &Login) -> Vec<SiteLink> {
    let gateway = &app.gateway;
    let may_go = match &login.identity {
        Some(identity) => gateway.allows(identity),
        None => gateway.allow.is_none(),
    };
    let sites = gateway.sites.iter().filter(|_| may_go);
    let links = sites.map(|site| {
        let origin = site.origin();
        let name = origin.split_once("://").map_or(origin, |(_, name)| name);
        SiteLink {
            url: format!("{origin}/"),
            name: name.to_owned(),
        }
    });
    links.collect()
}
