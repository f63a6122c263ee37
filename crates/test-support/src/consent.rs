//! What a person does where `/login` leads.

use reqwest::{Client, header};
use url::Url;

/// A parameter of the query of `url`.
#[must_use]
pub fn parameter(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    let (_, value) = pairs.find(|(known, _)| known == name)?;
    Some(value.into_owned())
}

/// Where `user` of the sandbox goes by choosing `decision` at the consent page. A sandbox that is mounted in an app is reached at the
/// app's port, which is `port`, if that is another one than browsers are told.
#[must_use]
pub fn consent_url(authorize: &Url, port: Option<u16>, decision: &str, user: &str) -> Url {
    let mut url = authorize.clone();
    url.query_pairs_mut()
        .append_pair("sandbox_decision", decision)
        .append_pair("sandbox_user", user);
    if port.is_some() && url.path().starts_with("/sandbox/") {
        url.set_port(port).unwrap();
    }
    url
}

/// `user` allows, and is sent back to this address; see [`consent_url`].
///
/// # Errors
///
/// What happened instead.
pub async fn allow(
    http: &Client,
    authorize: &Url,
    port: Option<u16>,
    user: &str,
) -> Result<Url, String> {
    let url = consent_url(authorize, port, "allow", user);
    let answer = http.get(url).send().await;
    let answer = answer.map_err(|error| error.to_string())?;
    let back = answer.headers().get(header::LOCATION);
    match back {
        Some(back) if answer.status() == 302 => Ok(back.to_str().unwrap().parse().unwrap()),
        _ => Err(format!("the consent page answered {}", answer.status())),
    }
}
