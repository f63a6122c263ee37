//! Whether a client wants JSON or a page.

use axum::http::{HeaderMap, header};

/// Whether `Accept` (RFC 9110 section 12.5.1) prefers JSON to HTML. A client that takes anything gets a page.
pub(super) fn wants_json(headers: &HeaderMap) -> bool {
    let (mut json, mut html) = (0.0, 0.0);
    for value in headers.get_all(header::ACCEPT) {
        for range in value.to_str().unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts
                .find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok())
                .unwrap_or(1.0);
            match kind.as_str() {
                "application/json" | "application/problem+json" | "application/*" => {
                    json = quality.max(json);
                }
                "text/html" | "application/xhtml+xml" | "text/*" => html = quality.max(html),
                _ => {}
            }
        }
    }
    json > html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_send() {
        for (accept, expected) in [
            ("", false),
            ("*/*", false),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                false,
            ),
            ("application/json", true),
            ("application/json, text/plain, */*", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/problem+json", true),
            ("text/html, application/json", false),
            ("text/html;q=0.5, application/json;q=0.6", true),
            ("application/json;q=0", false),
            ("application/json;q=x;;,,", true),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            assert_eq!(wants_json(&headers), expected, "{accept}");
        }
        assert!(!wants_json(&HeaderMap::new()));
    }
}
