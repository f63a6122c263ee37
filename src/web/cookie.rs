//! Cookies, byte for byte as they are sent.
//!
//! The prefix `__Host-` is a promise of the browser's about exactly these bytes: nobody but this host can have set the cookie.
//! Whoever decodes or trims names makes other cookies pass for it.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};

/// The cookies that this app sets. Under https browsers refuse each unless it is Secure, for this very host and for every path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    /// The session's id: a bare pointer.
    Session,
    /// One sign-in under way, sealed; what tells it from others follows.
    SignIn,
    /// Where the messages of a visitor's last sign-in are, sealed.
    Flow,
    /// Where the messages of the last sign-out are, sealed.
    SignedOut,
    /// The failure that a person is trying out, and those that they tried, in sandbox mode.
    Trial,
}

impl Name {
    pub(super) fn text(self, https: bool) -> &'static str {
        match (self, https) {
            (Self::Session, false) => "session",
            (Self::Session, true) => "__Host-session",
            (Self::SignIn, false) => "sign-in-",
            (Self::SignIn, true) => "__Host-sign-in-",
            (Self::Flow, false) => "flow",
            (Self::Flow, true) => "__Host-flow",
            (Self::SignedOut, false) => "signed-out",
            (Self::SignedOut, true) => "__Host-signed-out",
            (Self::Trial, false) => "trial",
            (Self::Trial, true) => "__Host-trial",
        }
    }
}

/// The name of a site's cookie. Under https browsers see to it that no other host sets it; on plain http, where all ports of a host
/// share their cookies, each has its own.
pub(super) fn of_site(https: bool, port: u16) -> String {
    if https {
        "__Host-site".to_owned()
    } else {
        format!("site-{port}")
    }
}

/// What the names of the cookies begin with that hold the nonces of sign-ins under way at a site.
pub(super) fn nonce_of_site(https: bool, port: u16) -> String {
    format!("{}-nonce-", of_site(https, port))
}

/// Names and values of the cookies in `headers`, in their order. What has no `=` is left out, whatever bytes it has, and hides
/// nothing of the others.
pub(super) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(|pair| {
        let pair = trimmed(pair);
        let end_of_name = pair.iter().position(|byte| *byte == b'=')?;
        Some((&pair[..end_of_name], &pair[end_of_name + 1..]))
    })
}

/// `pair` without the optional whitespace around it (RFC 9110 section 5.6.3).
fn trimmed(mut pair: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = pair {
        pair = rest;
    }
    pair
}

/// A `Set-Cookie` that keeps `value` under `name` for so long. `Lax`, because the callback comes from Smartsheet's site and
/// must bring the cookies; `Strict` would lose every sign-in.
pub(super) fn set(name: &str, value: &str, age: Duration, https: bool) -> Option<HeaderValue> {
    let secure = if https { "; Secure" } else { "" };
    let age = age.as_secs();
    let cookie = format!("{name}={value}; HttpOnly; SameSite=Lax{secure}; Path=/; Max-Age={age}");
    HeaderValue::try_from(cookie).ok()
}

/// A `Set-Cookie` that removes `name`.
pub(super) fn remove(name: &str, https: bool) -> Option<HeaderValue> {
    set(name, "", Duration::ZERO, https)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(lines: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        headers
    }

    fn values(lines: &[&[u8]], name: &str) -> Vec<Vec<u8>> {
        let headers = of(lines);
        let found = cookies(&headers).filter(|(found, _)| *found == name.as_bytes());
        found.map(|(_, value)| value.to_vec()).collect()
    }

    #[test]
    fn names_and_values_are_as_they_are_sent() {
        assert_eq!(values(&[b"a=1; session=x; b=2"], "session"), [b"x"]);
        assert_eq!(
            values(&[b"session=x", b"session=y;session=z"], "session"),
            [b"x", b"y", b"z"]
        );
        assert_eq!(values(&[b" \tsession=a=b\t "], "session"), [b"a=b"]);
        assert_eq!(values(&[b"session=\"x\""], "session"), [b"\"x\""]);
        assert_eq!(values(&[b"session="], "session"), [b""]);
        // A byte that is no text hides nothing.
        assert_eq!(
            values(&[b"name=Jos\xe9; session=x; \xff"], "session"),
            [b"x"]
        );
        for other in [
            &b"%73ession=x"[..],
            b"Session=x",
            b"session%20=x",
            b"session =x",
            b"\xc2\xa0session=x",
            b"\xe3\x80\x80session=x",
            b"\"session\"=x",
            b"session",
            b"=session=x",
            b"a=1, session=x",
        ] {
            assert_eq!(values(&[other], "session"), [[0_u8; 0]; 0], "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn one_is_found_wherever_its_bytes_stand_between_separators(
            before in "[ -:<-~é]{0,20}", value in "[A-Za-z0-9_-]{0,30}", after in "[ -:<-~é]{0,20}",
        ) {
            let line = format!("{before}; session={value}; {after}");
            let found = values(&[line.as_bytes()], "session");
            prop_assert!(found.contains(&value.into_bytes()), "{line}");
        }
    }
}
