//! Names of secrets.

/// Names of secrets, and parts of such names.
const SECRET_NAMES: [&str; 6] = ["code", "state", "hash", "assertion", "nonce", "session"];
const SECRET_PARTS: [&str; 5] = ["token", "secret", "password", "authorization", "api_key"];

/// How short the shortest of [`SECRET_PARTS`] is.
const SHORTEST_PART: usize = 5;

/// Parts of the names of secrets that people choose or that are made of those.
const APP_SECRET_PARTS: [&str; 4] = ["hash", "secret", "password", "api_key"];

/// Whether what has this name is a secret: a parameter, a field of JSON, a header.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let name = name.as_bytes();
    let is_one_of = |names: &[&str]| names.iter().any(|whole| is_same(name, whole.as_bytes()));
    (is_one_of(&SECRET_NAMES) || has_part(name)) && !is_same(name, b"token_type")
}

/// Whether one of [`SECRET_PARTS`] is in `name`. Their first two letters rule out nearly all places.
fn has_part(name: &[u8]) -> bool {
    let Some(last) = name.len().checked_sub(SHORTEST_PART) else {
        return false;
    };
    (0..=last).any(|at| {
        matches!(
            [name[at] | 0x20, name[at + 1] | 0x20],
            [b't', b'o'] | [b's', b'e'] | [b'p', b'a'] | [b'a', b'u' | b'p']
        ) && SECRET_PARTS
            .iter()
            .any(|part| begins_with(&name[at..], part))
    })
}

/// Whether what has this name is the app's secret, or tells something about it.
pub(crate) fn is_app_secret(name: &str) -> bool {
    let name = name.as_bytes();
    (0..name.len()).any(|at| {
        APP_SECRET_PARTS
            .iter()
            .any(|part| begins_with(&name[at..], part))
    })
}

fn begins_with(rest: &[u8], part: &str) -> bool {
    let part = part.as_bytes();
    rest.get(..part.len())
        .is_some_and(|rest| is_same(rest, part))
}

/// Whether `name` is `known`, in letters of any size, and with `-` for `_`. Compared as it is, because names are many.
fn is_same(name: &[u8], known: &[u8]) -> bool {
    let is_same = |(name, known): (&u8, &u8)| {
        name.to_ascii_lowercase() == *known || (*name == b'-' && *known == b'_')
    };
    // The first letter first: it tells most apart.
    name.len() == known.len()
        && name.first().zip(known.first()).is_none_or(is_same)
        && name.iter().zip(known).all(is_same)
}

#[cfg(test)]
mod tests {
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
        for part in SECRET_PARTS {
            assert!(part.len() >= SHORTEST_PART);
            assert!(is_secret(part) && is_secret(&format!("x_{part}")) && !is_secret(&part[1..]));
        }
        for (name, is_apps) in [
            ("hash", true),
            ("Client-Secret", true),
            ("code", false),
            ("access_token", false),
        ] {
            assert_eq!(is_app_secret(name), is_apps, "{name}");
        }
    }
}
