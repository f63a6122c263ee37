//! Masking of the forms that messages have: forms, addresses, headers, JSON.
//!
//! What can be read as what it should be is masked by its names, so that the rest stays as it is. After that, whatever else
//! looks like a secret goes ([`crate::masking`]).

mod json;

use std::borrow::Cow;
use std::fmt::Write as _;

use percent_encoding::percent_decode_str;

use crate::masking::{Known, hide_named, is_secret, masked, masked_as};
pub(super) use json::mask_json;

/// The secrets in a query or a form body.
pub(super) fn secret_values(pairs: &str) -> impl Iterator<Item = Known> {
    url::form_urlencoded::parse(pairs.as_bytes())
        .filter(|(name, value)| is_secret(name) && !value.is_empty())
        .map(|(name, value)| Known::named(&name, &value))
}

/// A query or a form body, as it is but for the secrets.
pub(super) fn mask_pairs(pairs: &str) -> String {
    hide_named(&pairs_by_name(pairs)).into_owned()
}

/// The same without looking for what is within names and values.
fn pairs_by_name(pairs: &str) -> String {
    let mut masked_pairs = String::with_capacity(pairs.len());
    for (index, pair) in pairs.split('&').enumerate() {
        if index > 0 {
            masked_pairs.push('&');
        }
        match pair.split_once('=') {
            Some((name, value)) if names_secret(&decoded(name)) || holds_secret(value) => {
                masked_pairs.push_str(name);
                masked_pairs.push('=');
                masked_pairs.push_str(&masked_as(&decoded(name), &decoded(value)));
            }
            _ => masked_pairs.push_str(pair),
        }
    }
    masked_pairs
}

/// Whether `name`, or what it ends with when it is the beginning of an address, is the name of a secret.
fn names_secret(name: &str) -> bool {
    is_secret(name.rsplit(['?', '#', ';', '&']).next().unwrap_or(name))
}

/// Whether a value is an address or a list with a secret parameter of its own, as in `return_to=/redirect?code=…`.
fn holds_secret(value: &str) -> bool {
    decoded(value).split(['?', '#', ';', '&']).any(|part| {
        part.split_once('=')
            .is_some_and(|(name, value)| is_secret(&decoded(name)) && !value.is_empty())
    })
}

/// A URL or a path with its query, as it is but for the secrets and for credentials before its host.
pub(super) fn mask_url(url: &str) -> String {
    let (url, fragment) = match url.split_once('#') {
        Some((url, fragment)) => (url, Some(fragment)),
        None => (url, None),
    };
    let (path, query) = match url.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (url, None),
    };
    let mut text = match path.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        None => path.to_owned(),
    };
    if let Some(query) = query {
        let _ = write!(text, "?{}", pairs_by_name(query));
    }
    if let Some(fragment) = fragment {
        let _ = write!(text, "#{}", pairs_by_name(fragment));
    }
    hide_named(&text).into_owned()
}

/// A header's value, as it is but for the secrets. Cookies are all secret: other apps of this host may have set some.
pub(super) fn mask_header(name: &str, value: &str) -> String {
    // Most names come in small letters.
    let name = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    };
    match &*name {
        "authorization" | "proxy-authorization" => match value.split_once(' ') {
            // An id and its secret, which others of the same id begin alike.
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("Basic") => format!("{scheme} …"),
            Some((scheme, credentials)) if is_scheme(scheme) => {
                format!("{scheme} {}", masked(credentials.trim()))
            }
            _ => masked(value),
        },
        "cookie" => value
            .split(';')
            .map(|cookie| mask_cookie(cookie.trim()))
            .collect::<Vec<_>>()
            .join("; "),
        "set-cookie" => match value.split_once(';') {
            Some((cookie, attributes)) => {
                format!("{};{}", mask_cookie(cookie), hide_named(attributes))
            }
            None => mask_cookie(value),
        },
        "location" | "referer" | "content-location" | "link" | "refresh" => mask_url(value),
        name if is_secret(name) => masked_as(name, value),
        _ => hide_named(value).into_owned(),
    }
}

/// Whether `word` is a scheme of authentication, and not a secret that was sent without one.
fn is_scheme(word: &str) -> bool {
    let schemes = ["Bearer", "Digest"];
    schemes
        .iter()
        .any(|scheme| scheme.eq_ignore_ascii_case(word))
}

fn mask_cookie(cookie: &str) -> String {
    match cookie.split_once('=') {
        Some((name, "" | "\"\"")) => format!("{name}="),
        Some((name, value)) => format!("{name}={}", masked(value)),
        None => masked(cookie),
    }
}

fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::masking::hide_runs;

    #[test]
    fn a_form_keeps_all_but_its_secrets() {
        assert_eq!(
            mask_pairs(
                "grant_type=authorization_code&code=sample6p9qisx6a&client_id=abc&h%61sh=0123456789abcdef&x"
            ),
            "grant_type=authorization_code&code=sam…&client_id=abc&h%61sh=…&x"
        );
    }

    #[test]
    fn addresses() {
        assert_eq!(
            mask_url(
                "http://u:p@localhost:8080/redirect?code=sample6p9qisx6a&expires_in=599135&state=abcdefghijklmnop#token=abcdefgh"
            ),
            "http://localhost:8080/redirect?code=sam…&expires_in=599135&state=abcd…#token=ab…"
        );
        assert_eq!(mask_url("/me"), "/me");
        assert_eq!(
            mask_url(
                "/login?x=1;code=sample6p9qisx6a&return_to=%2Fredirect%3Fcode%3Dsample6p9qisx6a#/a?code=sample6p9qisx6a"
            ),
            "/login?x=1;co…&return_to=/red…#/a?code=sam…"
        );
        assert_eq!(
            mask_url("/login?return_to=/me?tab=1"),
            "/login?return_to=/me?tab=1"
        );
    }

    #[test]
    fn headers() {
        for (name, value, expected) in [
            (
                "Authorization",
                "Bearer ll352u9jujauoqz4gstvsae05",
                "Bearer ll35…",
            ),
            ("Authorization", "ll352u9jujauoqz4gstvsae05", "ll35…"),
            ("Authorization", "Basic Y2xpZW50OnNlY3JldA==", "Basic …"),
            ("X-Client-Secret", "supersecretvalue", "…"),
            ("X-Debug", "code=sample6p9qisx6a, x=1", "code=sam…, x=1"),
            ("Authorization", "ll352u9jujauoqz4gstvsae05 x", "ll35…"),
            (
                "Cookie",
                "session=4Zk2Lq8sXv0aVt1bQwErTy; other=supersecretvalue",
                "session=4Zk2…; other=supe…",
            ),
            (
                "Set-Cookie",
                "session=4Zk2Lq8sXv0aVt1bQwErTy; HttpOnly; Path=/",
                "session=4Zk2…; HttpOnly; Path=/",
            ),
            ("Set-Cookie", "session=; Max-Age=0", "session=; Max-Age=0"),
            (
                "Location",
                "http://localhost/redirect?code=sample6p9qisx6a",
                "http://localhost/redirect?code=sam…",
            ),
            (
                "X-Forwarded-Access-Token",
                "ll352u9jujauoqz4gstvsae05",
                "ll35…",
            ),
            ("Accept", "text/html", "text/html"),
        ] {
            assert_eq!(mask_header(name, value), expected);
        }
    }

    proptest! {
        #[test]
        fn pairs_and_addresses_show_no_secret(
            secret in "[A-Za-z0-9]{16,40}",
            name in "access_token|refresh_token|code|st%61te|Client_Secret",
            before in "[a-z=&%?;/:@+]{0,20}",
            after in "[a-z=&%?;/:@+]{0,20}",
        ) {
            let pairs = format!("{before}&{name}={secret}&{after}");
            for shown in [mask_pairs(&pairs), mask_url(&format!("/?{pairs}")), mask_url(&format!("/?a#{pairs}"))] {
                prop_assert!(!shown.contains(&secret[..5]), "{shown}");
            }
        }

        #[test]
        fn headers_show_no_secret(
            secret in "[A-Za-z0-9]{16,40}",
            before in "[!-~]{0,10}",
            after in "[ -~]{0,10}",
        ) {
            for (name, value) in [
                ("cookie", format!("{}={secret}; {}", before.replace([';', '='], ""), after.replace('=', ""))),
                ("set-cookie", format!("{}={secret}; {after}", before.replace([';', '='], ""))),
                ("authorization", format!("Bearer {secret} {after}")),
                ("authorization", format!("{secret} {after}")),
                ("x-access-token", format!("{secret}{after}")),
            ] {
                let shown = mask_header(name, &value);
                prop_assert!(!shown.contains(&secret[..5]), "{name}: {shown}");
            }
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,80}") {
            let _ = (mask_json(&text), mask_pairs(&text), mask_url(&text), hide_runs(&text));
            let _ = (mask_header("cookie", &text), mask_header("set-cookie", &text));
        }
    }
}
