//! Passwords in URLs, which are not shown.

use std::borrow::Cow;

/// Parameters of a URL that may hold a secret.
const SECRET_PARAMETERS: [&str; 6] = ["password", "passwd", "pwd", "secret", "token", "key"];

/// `text` with the passwords masked of all URLs in it, be they well-formed or not: rather too much than too little.
pub(super) fn without_password(text: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Cow::Borrowed(text);
    };
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (url, after) = rest.split_at(end);
    let (url, query) = url
        .split_once('?')
        .map_or((url, None), |(url, query)| (url, Some(query)));
    let mut shown = format!("{scheme}://");
    // A password that is not encoded may have anything in it, an `@` and a slash too.
    match url.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((user, _)) => shown.extend([user, ":***@", host]),
            None => shown.extend([user, "@", host]),
        },
        None => shown.push_str(url),
    }
    for (index, parameter) in query
        .into_iter()
        .flat_map(|query| query.split('&'))
        .enumerate()
    {
        shown.push(if index == 0 { '?' } else { '&' });
        let name = parameter.split('=').next().unwrap_or_default();
        let lower = name.to_ascii_lowercase();
        if parameter.len() > name.len() && SECRET_PARAMETERS.iter().any(|word| lower.contains(word))
        {
            shown.extend([name, "=***"]);
        } else {
            shown.push_str(parameter);
        }
    }
    shown.push_str(&without_password(after));
    Cow::Owned(shown)
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
                "see https://u:***@a and https://v:***@b",
            ),
        ] {
            assert_eq!(without_password(text), shown);
        }
    }
}
