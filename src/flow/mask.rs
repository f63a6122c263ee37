//! Masking: what a message may show of a secret.
//!
//! Secrets are known by their name (`code`, `Authorization`, `access_token`) wherever a name is near, and by their value
//! wherever else they turn up. What can't be read as what it should be is treated as if it held a secret.

mod json;

use std::borrow::Cow;
use std::fmt::Write as _;

use percent_encoding::percent_decode_str;

pub(super) use json::mask_json;

/// How much of a secret is shown at most, in characters: enough to tell two apart.
const SHOWN: usize = 4;

/// In a text of unknown form, a run of this many characters that a token may consist of is taken for one: of fewer when
/// there is a digit among them, which words don't have.
const TOKEN_RUN: usize = 16;
const TOKEN_RUN_WITH_DIGITS: usize = 12;

/// The first characters of `secret`, at most four and at most a quarter of it.
///
/// ```
/// use smartsheet_oauth_demo::flow::masked;
/// assert_eq!(masked("ll352u9jujauoqz4gstvsae05"), "ll35…");
/// assert_eq!(masked("hunter2"), "h…");
/// assert_eq!(masked("abc"), "…");
/// ```
#[must_use]
pub fn masked(secret: &str) -> String {
    let shown = SHOWN.min(secret.chars().count() / 4);
    let mut text: String = secret.chars().take(shown).collect();
    text.push('…');
    text
}

/// Names of secrets, and parts of such names.
const SECRET_NAMES: [&str; 6] = ["code", "state", "hash", "assertion", "nonce", "session"];
const SECRET_PARTS: [&str; 5] = ["token", "secret", "password", "authorization", "api_key"];

/// Whether what has this name is a secret: a parameter, a field of JSON, a header.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.as_bytes();
    let begins_with = |rest: &[u8], part: &str| {
        let part = part.as_bytes();
        rest.get(..part.len())
            .is_some_and(|rest| is_same(rest, part))
    };
    let has_part = || {
        (0..name.len()).any(|at| {
            // The first letters of the parts; a look at them is enough for most.
            matches!(name[at].to_ascii_lowercase(), b't' | b's' | b'p' | b'a')
                && SECRET_PARTS
                    .iter()
                    .any(|part| begins_with(&name[at..], part))
        })
    };
    !is_same(name, b"token_type")
        && (SECRET_NAMES
            .iter()
            .any(|whole| is_same(name, whole.as_bytes()))
            || has_part())
}

/// Whether `name` is `known`, in letters of any size, and with `-` for `_`. Compared as it is, because names are many.
fn is_same(name: &[u8], known: &[u8]) -> bool {
    let is_same = |(name, known): (&u8, &u8)| {
        name.to_ascii_lowercase() == *known || (*name == b'-' && *known == b'_')
    };
    name.len() == known.len() && name.iter().zip(known).all(is_same)
}

/// The decoded values of the secrets in a query or a form body.
pub(super) fn secret_values(pairs: &str) -> impl Iterator<Item = String> {
    url::form_urlencoded::parse(pairs.as_bytes())
        .filter(|(name, value)| is_secret(name) && !value.is_empty())
        .map(|(_, value)| value.into_owned())
}

/// A query or a form body, as it is but for the secrets.
pub(super) fn mask_pairs(pairs: &str) -> String {
    let mut masked_pairs = String::with_capacity(pairs.len());
    for (index, pair) in pairs.split('&').enumerate() {
        if index > 0 {
            masked_pairs.push('&');
        }
        match pair.split_once('=') {
            Some((name, value)) if names_secret(&decoded(name)) || holds_secret(value) => {
                masked_pairs.push_str(name);
                masked_pairs.push('=');
                masked_pairs.push_str(&masked(&decoded(value)));
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
        let _ = write!(text, "?{}", mask_pairs(query));
    }
    if let Some(fragment) = fragment {
        let _ = write!(text, "#{}", mask_pairs(fragment));
    }
    text
}

/// A header's value, as it is but for the secrets. Cookies are all secret: other apps of this host may have set some.
pub(super) fn mask_header(name: &str, value: &str) -> String {
    match name.to_ascii_lowercase().as_str() {
        "authorization" | "proxy-authorization" => match value.split_once(' ') {
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
            Some((cookie, attributes)) => format!("{};{attributes}", mask_cookie(cookie)),
            None => mask_cookie(value),
        },
        "location" | "referer" | "content-location" | "link" | "refresh" => mask_url(value),
        name if is_secret(name) => masked(value),
        _ => value.to_owned(),
    }
}

/// Whether `word` is a scheme of authentication, and not a secret that was sent without one.
fn is_scheme(word: &str) -> bool {
    let schemes = ["Basic", "Bearer", "Digest"];
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

/// `text` without the secrets of `known`, wherever they are in it.
pub(super) fn mask_known<'a>(text: &'a str, known: &[String]) -> Cow<'a, str> {
    let mut text = Cow::Borrowed(text);
    for secret in known {
        // Shorter ones are no secrets, and would tear every text apart.
        if secret.chars().count() >= 4 && text.contains(secret.as_str()) {
            text = Cow::Owned(text.replace(secret.as_str(), &masked(secret)));
        }
    }
    text
}

/// A text of unknown form from a place where tokens are: whatever looks like one is masked.
pub(super) fn mask_runs(text: &str) -> String {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "-._~+/%".contains(c);
    let mut output = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (run, after) = rest.split_at(rest.find(|c| !is_token(c)).unwrap_or(rest.len()));
        let has_digit = run.contains(|c: char| c.is_ascii_digit());
        if run.len() >= TOKEN_RUN || (has_digit && run.len() >= TOKEN_RUN_WITH_DIGITS) {
            output.push_str(&masked(run));
        } else {
            output.push_str(run);
        }
        let (other, after) = after.split_at(after.find(is_token).unwrap_or(after.len()));
        output.push_str(other);
        rest = after;
    }
    output
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

    #[test]
    fn names_of_secrets() {
        for name in [
            "code",
            "state",
            "hash",
            "client_secret",
            "access_token",
            "refresh_token",
            "Token",
            "X-Access-Token",
            "id_token",
            "Proxy-Authorization",
            "x-api-key",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "errorCode",
            "token_type",
            "expires_in",
            "scope",
            "client_id",
            "grant_type",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn a_form_keeps_all_but_its_secrets() {
        assert_eq!(
            mask_pairs(
                "grant_type=authorization_code&code=sample6p9qisx6a&client_id=abc&h%61sh=0123456789abcdef&x"
            ),
            "grant_type=authorization_code&code=sam…&client_id=abc&h%61sh=0123…&x"
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

    #[test]
    fn other_texts_where_tokens_are() {
        assert_eq!(
            mask_runs(
                "access_token=ll352u9jujauoqz4gstvsae05&token_type=bearer <p>unavailable</p>"
            ),
            "access_token=ll35…&token_type=bearer <p>unavailable</p>"
        );
        assert_eq!(mask_runs("'onlyLettersInThisOne'"), "'only…'");
        let known = ["sample6p9qisx6a".to_owned(), "a".to_owned()];
        assert_eq!(
            mask_known("the code sample6p9qisx6a is void", &known),
            "the code sam… is void"
        );
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
            let _ = (mask_json(&text), mask_pairs(&text), mask_url(&text), mask_runs(&text));
            let _ = (mask_header("cookie", &text), mask_header("set-cookie", &text));
        }
    }
}
