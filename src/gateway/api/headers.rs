//! Which headers pass, and no others.

use axum::http::{HeaderMap, HeaderName, header};

/// Those of a request. Cookies, credentials, what proxies say, and what is for the next hop alone are not among them.
const REQUEST_HEADERS: [HeaderName; 3] = [
    header::CONTENT_TYPE,
    header::ACCEPT,
    HeaderName::from_static("smartsheet-change-agent"),
];

/// Those of an answer. `Set-Cookie` is not among them: it would be taken for one of this host.
const ANSWER_HEADERS: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::RETRY_AFTER,
    header::ETAG,
    header::LAST_MODIFIED,
    header::CONTENT_DISPOSITION,
];

/// What of `headers` of a request is passed on, each at most once.
#[must_use]
pub fn passed_on(headers: &HeaderMap) -> HeaderMap {
    only(&REQUEST_HEADERS, headers)
}

/// What of `headers` of an answer is passed on, each at most once.
pub(super) fn answered(headers: &HeaderMap) -> HeaderMap {
    only(&ANSWER_HEADERS, headers)
}

fn only(names: &[HeaderName], headers: &HeaderMap) -> HeaderMap {
    // What `Connection` names is for the next hop alone (RFC 9110 section 7.6.1).
    let hop_by_hop = headers.get_all(header::CONNECTION).iter();
    let hop_by_hop: Vec<String> = hop_by_hop
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let names = names
        .iter()
        .filter(|name| !hop_by_hop.iter().any(|known| known == name.as_str()));
    let found = names.filter_map(|name| Some((name.clone(), headers.get(name)?.clone())));
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_and_what_does_not() {
        let sent = [
            ("content-type", "application/json"),
            ("accept", "text/csv"),
            ("accept", "second"),
            ("smartsheet-change-agent", "wiki"),
            ("cookie", "session=x"),
            ("authorization", "Bearer x"),
            ("x-forwarded-for", "192.0.2.1"),
            ("range", "bytes=0-1"),
            ("te", "trailers"),
        ];
        let headers = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().unwrap());
            }
            headers
        };
        let mut sent = headers(&sent);
        let passed = headers(&[
            ("content-type", "application/json"),
            ("accept", "text/csv"),
            ("smartsheet-change-agent", "wiki"),
        ]);
        assert_eq!(passed_on(&sent), passed);
        sent.append(
            "connection",
            "close, Smartsheet-Change-Agent".parse().unwrap(),
        );
        sent.append("connection", "accept".parse().unwrap());
        assert_eq!(
            passed_on(&sent),
            headers(&[("content-type", "application/json")])
        );
        let answer = headers(&[
            ("etag", "\"a\""),
            ("set-cookie", "session=evil"),
            ("location", "/x"),
            ("content-encoding", "br"),
        ]);
        assert_eq!(answered(&answer), headers(&[("etag", "\"a\"")]));
    }
}
