//! Passwords in URLs, which are not shown.

use std::borrow::Cow;

/// Parameters of a URL that may hold a secret.
const SECRET_PARAMETERS: [&str; 6] = ["password", "passwd", "pwd", "secret", "token", "key"];

/// `text` with the passwords masked of all URLs in it, be they well-formed or not: rather too much than too little.
pub(super) fn without_password(text: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Cow::Borrowed(text);
    };
    let mut shown = format!("{scheme}://");
    // A name and a password that are not encoded may have anything in them: an `@`, a slash, a question mark, and a space too.
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            let (user, password) = user
                .split_once(':')
                .map_or((user, ""), |(user, _)| (user, ":***"));
            push_without_parameters(&mut shown, &format!("{user}{password}@{host}"));
        }
        None => push_without_parameters(&mut shown, rest),
    }
    Cow::Owned(shown)
}

/// `rest` of a URL, and what follows it, with the parameters masked that may hold a secret.
fn push_without_parameters(shown: &mut String, rest: &str) {
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (url, after) = rest.split_at(end);
    let mut parts = url.split('?');
    shown.extend(parts.next());
    for part in parts {
        for (index, parameter) in part.split('&').enumerate() {
            shown.push(if index == 0 { '?' } else { '&' });
            let name = parameter.split('=').next().unwrap_or_default();
            let lower = name.to_ascii_lowercase();
            let is_secret = SECRET_PARAMETERS.iter().any(|word| lower.contains(word));
            if is_secret && parameter.len() > name.len() {
                shown.extend([name, "=***"]);
            } else {
                shown.push_str(parameter);
            }
        }
    }
    shown.push_str(&without_password(after));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_urls_are_masked() {
        for (text, shown) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("https://a.example/2.0", "https://a.example/2.0"),
            ("https://a.example:1/b?c=d", "https://a.example:1/b?c=d"),
            ("https://u@a.example/", "https://u@a.example/"),
            ("https://u:hunter2@a.example/", "https://u:***@a.example/"),
            ("https://u:hunt/er@2@a.example/", "https://u:***@a.example/"),
            ("postgres://:hunter2@a/b", "postgres://:***@a/b"),
            (
                "https://a/b?x=1&Client_Secret=hunter2&y",
                "https://a/b?x=1&Client_Secret=***&y",
            ),
            (
                "see https://u:hunter2@a and https://v:hunter2@b",
                "see https://u:***@b",
            ),
            (
                "see https://a?key=hunter2 and https://b?token=hunter2 there",
                "see https://a?key=*** and https://b?token=*** there",
            ),
            ("postgres://a b:hunter2@c/d", "postgres://a b:***@c/d"),
            ("postgres://a:hunt er2@c/d", "postgres://a:***@c/d"),
            ("postgres://a:hunt?er2@c/d", "postgres://a:***@c/d"),
            (
                "postgres://a/b?password=hunter2&x=@y",
                "postgres://a/b?password=***&x=@y",
            ),
        ] {
            assert_eq!(without_password(text), shown);
        }
    }
}
