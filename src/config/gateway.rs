//! The section `[gateway]`: other sites that get the signed-in person from here.

use std::path::Path;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::origin::Origin;
use super::source::Sources;
use super::{SettingError, StoreUrl, optional, parse, passwords, value};
use crate::gateway::{Allow, RemoteUser, SigningKeys, Site};
use crate::transport::is_loopback;

/// The section `[gateway]`.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    /// `gateway.sites` (`GATEWAY_SITES`): the sites, as origins. None turns the gateway off.
    pub sites: Vec<Url>,
    /// `gateway.allow` (`GATEWAY_ALLOW`): who may use them. `None` for everybody who can sign in.
    pub allow: Option<Allow>,
    /// `gateway.remote_user` (`GATEWAY_REMOTE_USER`): what `Remote-User` says.
    pub remote_user: RemoteUser,
    /// `gateway.recheck` (`GATEWAY_RECHECK`): how old what is known of a person may get.
    pub recheck: Duration,
    /// `gateway.signing_key` (`GATEWAY_SIGNING_KEY`), or what `gateway.signing_key_file` holds: P-256 keys as PKCS#8 PEM. `None`:
    /// made on first start.
    pub signing_key: Option<SecretString>,
}

/// A key file is a few hundred bytes for each key.
const MAX_KEY_FILE: u64 = 64 * 1024;

pub(super) fn read(sources: &Sources, store: &StoreUrl) -> Result<GatewaySettings, SettingError> {
    let sites = value(sources, "gateway.sites", sites)?;
    let signing_key = signing_key(sources)?;
    if signing_key.is_none() && !sites.is_empty() && matches!(store, StoreUrl::Postgres(_)) {
        return Err(SettingError::new(
            "gateway.signing_key",
            Origin::Default,
            "is missing; expected a P-256 private key as PKCS#8 PEM, as `openssl genpkey -algorithm EC -pkeyopt \
             ec_paramgen_curve:P-256` prints it, because all instances on PostgreSQL must sign with the same one"
                .to_owned(),
        ));
    }
    Ok(GatewaySettings {
        sites,
        allow: optional(sources, "gateway.allow", Allow::parse)?,
        remote_user: value(sources, "gateway.remote_user", |text| {
            parse::one_of(text, &RemoteUser::ALL.map(|each| (each.name(), each)))
        })?,
        recheck: value(sources, "gateway.recheck", parse::positive_duration)?,
        signing_key,
    })
}

/// Origins, separated by spaces or commas. Repeated ones count once.
fn sites(text: &str) -> Result<Vec<Url>, parse::Expected> {
    let mut sites: Vec<Url> = Vec::new();
    for word in parse::words(text) {
        let site = parse::base_url(word)?;
        if site.scheme() != "https" && !is_loopback(&site) {
            return Err("expected https (http is for this machine only)".to_owned());
        }
        if Site::of(&site).is_none() {
            return Err(
                "expected the name of one host, without a dot at its end, such as https://wiki.example.com"
                    .to_owned(),
            );
        }
        if !sites.contains(&site) {
            sites.push(site);
        }
    }
    Ok(sites)
}

/// The keys as they were given, which can be read. Unlike other secrets they have several lines.
fn signing_key(sources: &Sources) -> Result<Option<SecretString>, SettingError> {
    let (name, file_name) = ("gateway.signing_key", "gateway.signing_key_file");
    let (name, origin, key) = match (sources.get(name), sources.get(file_name)) {
        (None, None) => return Ok(None),
        (Some((value, origin)), None) => (name, origin, SecretString::from(value)),
        (Some(_), Some((_, origin))) => {
            let problem = format!(
                "is set, and so is {name} ({}); expected one of the two",
                sources.origin(name)
            );
            return Err(SettingError::new(file_name, origin.clone(), problem));
        }
        (None, Some((path, origin))) => match read_file(Path::new(path)) {
            Ok(key) => (file_name, origin, key),
            Err(problem) => {
                // Whoever takes the one setting for the other has a key here.
                let path = if path.contains("-----") {
                    "its value".to_owned()
                } else {
                    format!("{:?}", passwords::without_password(path))
                };
                let problem = format!("{path} {problem}; expected a file that this user may read");
                return Err(SettingError::new(file_name, origin.clone(), problem));
            }
        },
    };
    SigningKeys::parse(key.expose_secret()).map_err(|error| {
        let problem = format!("{error}; {}", SigningKeys::EXPECTED);
        SettingError::new(name, origin.clone(), problem)
    })?;
    Ok(Some(key))
}

fn read_file(path: &Path) -> Result<SecretString, String> {
    let unreadable = |error: std::io::Error| format!("can't be read: {error}");
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > MAX_KEY_FILE {
        return Err("is too long for keys".to_owned());
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_origins() {
        let read = |text| {
            let sites = sites(text)?;
            let origins = sites.iter().map(|site| site.origin().ascii_serialization());
            Ok::<_, String>(origins.collect::<Vec<_>>())
        };
        let text = "https://Wiki.Example.com:443/, http://a.localhost:3000 http://127.0.0.1 https://wiki.example.com";
        let expected = [
            "https://wiki.example.com",
            "http://a.localhost:3000",
            "http://127.0.0.1",
        ];
        assert_eq!(read(text).unwrap(), expected);
        assert_eq!(read("").unwrap(), [""; 0]);
        for wrong in [
            "wiki.example.com",
            "https://wiki.example.com/app",
            "https://wiki.example.com/?a",
            "https://ann@wiki.example.com",
            "http://wiki.example.com",
            "https://wiki.example.com.",
            "https://*.example.com",
            "ftp://wiki.example.com",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
