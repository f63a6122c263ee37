//! The first message: sending the browser to Smartsheet's consent page.

use url::Url;

use super::{Registration, Scope, State};

/// The URL to send the browser to (RFC 6749 section 4.1.1).
///
/// Scopes are joined by spaces, as RFC 6749 section 3.3 says; without any, `scope` is left out, which Smartsheet takes
/// as "only tell that this person has an account". A query that the authorize URL already has is kept.
pub(super) fn url(
    authorize_url: &Url,
    registration: &Registration,
    scopes: &[Scope],
    state: &State,
) -> Url {
    let mut url = authorize_url.clone();
    let scopes = scopes
        .iter()
        .map(|scope| scope.name())
        .collect::<Vec<_>>()
        .join(" ");
    let mut query = url.query_pairs_mut();
    query
        .append_pair("response_type", "code")
        .append_pair("client_id", &registration.client_id)
        .append_pair("redirect_uri", registration.redirect_uri.as_str());
    if !scopes.is_empty() {
        query.append_pair("scope", &scopes);
    }
    query.append_pair("state", state.expose());
    drop(query);
    url
}
