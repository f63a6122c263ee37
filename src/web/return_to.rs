//! Where a person goes after signing in: a path within the app, whatever the address says.

use percent_encoding::percent_decode_str;
use url::Url;

/// The longest path that is kept, in bytes.
const MAX_BYTES: usize = 1024;

/// The longest way back to another site, which holds a path of that one.
const MAX_BYTES_OF_GRANT: usize = 2048;

/// Where a site begins to sign a person in that is signed in here.
pub(super) const GRANT: &str = "/auth/grant";

/// `given` as a path within the app, or `None` when it leads, or might be read by some browser to lead, elsewhere.
///
/// The pages of the sign-in itself are refused, too: returning there would start over.
pub(super) fn within_app(given: &str) -> Option<String> {
    let is_grant = given.strip_prefix(GRANT);
    let is_grant = is_grant.is_some_and(|rest| rest.starts_with('?'));
    let longest = if is_grant {
        MAX_BYTES_OF_GRANT
    } else {
        MAX_BYTES
    };
    let url = plain(given, longest)?;
    let is_of_sign_in = matches!(url.path(), "/login" | "/redirect" | "/logout");
    (!is_of_sign_in).then(|| path_and_query(&url))
}

/// `given` as a path within another site, likewise. What is mounted there of this app is refused.
pub(super) fn within_site(given: &str) -> Option<String> {
    let url = plain(given, MAX_BYTES)?;
    let is_ours = url.path() == "/auth" || url.path().starts_with("/auth/");
    (!is_ours).then(|| path_and_query(&url))
}

/// Refused are other schemes and hosts (`https://host`, `//host`, `/\host`), control characters (browsers drop some of
/// them, and what is left may be one of the former), dot segments, and all of these percent-encoded any number of times.
fn plain(given: &str, longest: usize) -> Option<Url> {
    if given.len() > longest {
        return None;
    }
    let mut decoded = given.to_owned();
    // Each round shortens the text, so this ends.
    loop {
        if !is_plain_path(&decoded) {
            return None;
        }
        let next = percent_decode_str(&decoded)
            .decode_utf8()
            .ok()?
            .into_owned();
        if next == decoded {
            break;
        }
        decoded = next;
    }
    // What is left is encoded as a URL has it. The host is of no account, it only has to be the same before and after.
    let base = Url::parse("http://app.invalid/").ok()?;
    let url = base.join(given).ok()?;
    (url.origin() == base.origin()).then_some(url)
}

fn path_and_query(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

fn is_plain_path(text: &str) -> bool {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    path.starts_with('/')
        && !path.contains("//")
        && !path.split('/').any(|segment| matches!(segment, "." | ".."))
        && !text.contains('\\')
        && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_of_the_app() {
        for (given, expected) in [
            ("/", "/"),
            ("/me", "/me"),
            (
                "/me?tab=roles&x=https://example.com//",
                "/me?tab=roles&x=https://example.com//",
            ),
            ("/flow#top", "/flow"),
            ("/a b", "/a%20b"),
            ("/m%C3%BCnchen", "/m%C3%BCnchen"),
            ("/münchen", "/m%C3%BCnchen"),
        ] {
            assert_eq!(within_app(given).as_deref(), Some(expected), "{given}");
        }
    }

    #[test]
    fn everything_else() {
        for given in [
            "",
            "me",
            "https://evil.example",
            "HTTPS:evil.example",
            "javascript:alert(1)",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "\u{0}/me",
            "/me\r\nSet-Cookie: a=b",
            "/%2Fevil.example",
            "/%2fevil.example",
            "%2F%2Fevil.example",
            "/%5Cevil.example",
            "/%255Cevil.example",
            "/%25252Fevil.example",
            "/%09/evil.example",
            "/%0d%0aLocation:%20x",
            "/..//evil.example",
            "/%2e%2e//evil.example",
            "/a/../b",
            "/a//b",
            "/%ff",
            "/login",
            "/login?return_to=/login",
            "/redirect?code=x",
            "/logout",
        ] {
            assert_eq!(within_app(given), None, "{given:?}");
        }
        assert_eq!(within_app(&format!("/{}", "a".repeat(MAX_BYTES))), None);
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_stays_within_the_app(given in "(/|\\\\|%2[fF]|%5[cC]|%25|\t|\\.|@|:|\\?|#|[a-z]){0,12}") {
            if let Some(path) = within_app(&given) {
                let base = Url::parse("http://localhost:8080/redirect").unwrap();
                let target = base.join(&path).unwrap();
                prop_assert_eq!(target.origin(), base.origin());
                prop_assert!(path.starts_with('/') && !path.starts_with("//"));
            }
        }
    }
}
