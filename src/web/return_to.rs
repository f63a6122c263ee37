//! Where a person goes after signing in: a path within the app, whatever the address says.

use percent_encoding::percent_decode_str;
use url::Url;

/// The longest path that is kept, in bytes.
const MAX_BYTES: usize = 1024;

/// `given` as a path within the app, or `None` when it leads, or might be read by some browser to lead, elsewhere.
///
/// Refused are other schemes and hosts (`https://host`, `//host`, `/\host`), control characters (browsers drop some of
/// them, and what is left may be one of the former), dot segments, and all of these percent-encoded any number of times.
/// The pages of the sign-in itself are refused, too: returning there would start over.
pub(super) fn within_app(given: &str) -> Option<String> {
    if given.len() > MAX_BYTES {
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
    let path = url.path();
    if url.origin() != base.origin() || matches!(path, "/login" | "/redirect" | "/logout") {
        return None;
    }
    Some(match url.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    })
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
