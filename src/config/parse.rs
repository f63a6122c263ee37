//! Reading one value. Each error says what would be right.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::oauth::Scope;
use crate::transport::is_loopback;

use super::StoreUrl;
use crate::postgres::Address;

/// What was expected instead.
pub(super) type Expected = String;

pub(super) fn address(text: &str) -> Result<SocketAddr, Expected> {
    text.parse()
        .map_err(|_| "expected an address and a port, such as 127.0.0.1:8080".to_owned())
}

/// Reads a duration: `90s`, `5m`, `12h` or `7d`.
///
/// # Errors
///
/// What was expected, for anything else and for more than a century.
pub fn duration(text: &str) -> Result<Duration, String> {
    let expected = || "expected a duration, such as 90s, 5m, 12h or 7d".to_owned();
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 60 * 60,
        Some('d') => 24 * 60 * 60,
        _ => return Err(expected()),
    };
    let digits = &text[..text.len() - 1];
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(expected());
    }
    let seconds = digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit));
    // A century is more than any session needs, and far from where arithmetic with times overflows.
    match seconds {
        Some(seconds) if seconds <= 100 * 365 * 24 * 60 * 60 => Ok(Duration::from_secs(seconds)),
        _ => Err("expected at most 36500d".to_owned()),
    }
}

pub(super) fn positive_duration(text: &str) -> Result<Duration, Expected> {
    match duration(text)? {
        Duration::ZERO => Err("expected more than 0s".to_owned()),
        duration => Ok(duration),
    }
}

/// How browsers reach the app: a scheme and a host, no path.
pub(super) fn base_url(text: &str) -> Result<Url, Expected> {
    let url = web_url(text)?;
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(
            "expected no path, query or fragment, such as https://demo.example.com".to_owned(),
        );
    }
    Ok(url)
}

/// A client id: any printable ASCII (RFC 6749 appendix A.1), but no blanks, which are there by mistake.
pub(super) fn client_id(text: &str) -> Result<String, Expected> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    Err(
        "expected the app client id as Developer Tools show it, without blanks or line ends"
            .to_owned(),
    )
}

/// What kind of integration it is, whose, and its name, in a form that a header can have.
pub(super) fn integration_source(text: &str) -> Result<String, Expected> {
    let is_text = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ');
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    match parts[..] {
        [kind, _, name] if is_text && text.len() <= 200 && !kind.is_empty() && !name.is_empty() => {
            Ok(text.to_owned())
        }
        _ => Err(
            "expected a kind, an organization and a name with commas between them, such as \
             APPLICATION,Example Ltd,Sheet viewer, in ASCII and at most 200 characters"
                .to_owned(),
        ),
    }
}

/// An address of Smartsheet's. Tokens and secrets go there, so it must be https unless it is this machine.
pub(super) fn provider_url(text: &str) -> Result<Url, Expected> {
    let url = web_url(text)?;
    if url.scheme() != "https" && !is_loopback(&url) {
        return Err("expected https (http is for this machine only)".to_owned());
    }
    if url.fragment().is_some() {
        return Err("expected no fragment".to_owned());
    }
    Ok(url)
}

fn web_url(text: &str) -> Result<Url, Expected> {
    let expected = || "expected a URL, such as https://demo.example.com".to_owned();
    let url = Url::parse(text).map_err(|_| expected())?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(expected());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("expected no user name or password in the URL".to_owned());
    }
    Ok(url)
}

/// Scopes, separated by spaces or commas. Repeated ones count once.
pub(super) fn scopes(text: &str) -> Result<Vec<Scope>, Expected> {
    let mut scopes = Vec::new();
    for name in words(text) {
        let scope = name.parse::<Scope>().map_err(|error| {
            let all: Vec<&str> = Scope::ALL.iter().map(|scope| scope.name()).collect();
            format!("{error}; expected some of {}", all.join(", "))
        })?;
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    Ok(scopes)
}

/// How much a client may ask for in a minute, or `off`.
pub(super) fn rate(text: &str) -> Result<Option<NonZeroU32>, Expected> {
    if text == "off" {
        return Ok(None);
    }
    let expected = || "expected how many requests a minute, such as 300, or off".to_owned();
    text.parse().map(Some).map_err(|_| expected())
}

/// How many of something there may be.
pub(super) fn count(text: &str) -> Result<usize, Expected> {
    match text.parse() {
        Ok(number @ 1..=1_000_000) => Ok(number),
        _ => Err("expected a number from 1 to 1000000".to_owned()),
    }
}

pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',', '\n', '\t'])
        .filter(|word| !word.is_empty())
}

pub(super) fn store(text: &str) -> Result<StoreUrl, Expected> {
    if text == "memory" {
        return Ok(StoreUrl::Memory);
    }
    if let Some(path) = text
        .strip_prefix("sqlite://")
        .filter(|path| !path.is_empty())
    {
        return Ok(StoreUrl::Sqlite(PathBuf::from(path)));
    }
    let expected = "expected sqlite://PATH, postgres://USER:PASSWORD@HOST/DATABASE or memory";
    if !(text.starts_with("postgres://") || text.starts_with("postgresql://")) {
        return Err(expected.to_owned());
    }
    match Address::parse(text) {
        Ok(_) => Ok(StoreUrl::Postgres(text.into())),
        Err(error) => Err(format!("{error}; {expected}")),
    }
}

/// How many connections to PostgreSQL: one for sessions and one for messages at least.
pub(super) fn connections(text: &str) -> Result<usize, Expected> {
    match text.parse() {
        Ok(number @ 2..=1_000) => Ok(number),
        _ => Err("expected a number from 2 to 1000".to_owned()),
    }
}

/// One of a few words.
pub(super) fn one_of<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, Expected> {
    choices
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, choice)| *choice)
        .ok_or_else(|| {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            format!("expected one of {}", names.join(", "))
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("5m"), Ok(Duration::from_mins(5)));
        assert_eq!(duration("12h"), Ok(Duration::from_hours(12)));
        assert_eq!(duration("7d"), Ok(Duration::from_hours(168)));
        for wrong in [
            "",
            "5",
            "s",
            "-5s",
            "+5s",
            "5 m",
            "5ms",
            "1.5h",
            "5M",
            "99999999999999999999d",
            "40000d",
            "５s",
        ] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert!(positive_duration("0s").is_err());
    }

    #[test]
    fn base_urls_have_no_path() {
        assert!(base_url("http://localhost:8080").is_ok());
        assert!(base_url("https://demo.example.com/").is_ok());
        for wrong in [
            "localhost:8080",
            "http://",
            "https://demo.example.com/app",
            "https://demo.example.com/?a",
            "https://demo.example.com/#a",
            "https://me:pw@demo.example.com",
            "ftp://demo.example.com",
        ] {
            assert!(base_url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn providers_are_https_or_this_machine() {
        for right in [
            "https://api.smartsheet.com/2.0",
            "http://127.0.0.1:8081/2.0",
            "http://localhost/x",
            "http://[::1]:1/x",
        ] {
            assert!(provider_url(right).is_ok(), "{right}");
        }
        assert!(provider_url("http://api.smartsheet.com/2.0").is_err());
    }

    #[test]
    fn stores() {
        assert_eq!(
            store("sqlite://data/sessions.db"),
            Ok(StoreUrl::Sqlite("data/sessions.db".into()))
        );
        assert_eq!(
            store("sqlite:///var/lib/a.db"),
            Ok(StoreUrl::Sqlite("/var/lib/a.db".into()))
        );
        assert_eq!(store("memory"), Ok(StoreUrl::Memory));
        assert!(matches!(
            store("postgres://u:p@localhost/db"),
            Ok(StoreUrl::Postgres(_))
        ));
        for wrong in [
            "",
            "sqlite://",
            "mysql://localhost/db",
            "data/sessions.db",
            "postgres://",
        ] {
            assert!(store(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn scopes_by_space_or_comma() {
        let both = vec![Scope::ReadSheets, Scope::WriteSheets];
        assert_eq!(scopes("READ_SHEETS WRITE_SHEETS"), Ok(both.clone()));
        assert_eq!(scopes("READ_SHEETS,WRITE_SHEETS, READ_SHEETS"), Ok(both));
        assert_eq!(scopes(""), Ok(vec![]));
        assert!(scopes("READ_SHEET").unwrap_err().contains("\"READ_SHEET\""));
    }

    proptest! {
        #[test]
        fn no_value_panics(text in "\\PC{0,40}") {
            let _ = (duration(&text), base_url(&text), provider_url(&text), scopes(&text), store(&text), rate(&text), count(&text));
        }
    }
}
