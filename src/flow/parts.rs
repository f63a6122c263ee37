//! The two sides of a message, as they may be shown.

use reqwest::header::{self, HeaderMap};
use serde::{Deserialize, Serialize};

use super::mask::{mask_json, mask_pairs, mask_url, secret_values};
use super::shown::{self, MAX_URL_BYTES, PLAIN_HEADERS, cut, headers};
use crate::masking::{Known, hide_known, hide_named};

/// What was asked, masked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Such as `GET`.
    pub method: String,
    /// Where to. Absolute for calls of this app; a path and query for those of the browser.
    pub url: String,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body, when there was one.
    pub body: Option<String>,
}

/// What was answered, masked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body, when it was kept. Pages are not: they are on the screen.
    pub body: Option<String>,
}

/// `path_and_query` without secrets, under whatever name: what is one elsewhere in the same request, as a parameter or a cookie,
/// is one here.
fn mask_visited(path_and_query: &str, sent: &HeaderMap) -> String {
    let masked = mask_url(path_and_query);
    let Some((_, query)) = path_and_query.split_once('?') else {
        return masked;
    };
    let cookies = sent.get_all(header::COOKIE).iter();
    let cookies = cookies.filter_map(|line| line.to_str().ok());
    let cookies = cookies.flat_map(|line| line.split(';'));
    let cookies = cookies.filter_map(|cookie| cookie.split_once('='));
    let cookies = cookies.map(|(_, value)| Known::named("cookie", value.trim()));
    let known: Vec<Known> = secret_values(query).chain(cookies).collect();
    hide_known(&masked, &known).into_owned()
}

impl Request {
    /// A request of a browser.
    #[must_use]
    pub fn of_browser(method: &str, path_and_query: &str, sent: &HeaderMap) -> Self {
        Self {
            method: method.to_owned(),
            url: cut(&mask_visited(path_and_query, sent), MAX_URL_BYTES),
            headers: headers(sent, &[], |name| PLAIN_HEADERS.contains(&name)),
            body: None,
        }
    }

    /// A call that was never made, for an example.
    #[must_use]
    pub fn sample(method: &str, url: &str, sent: &HeaderMap, form: Option<&str>) -> Self {
        Self {
            method: method.to_owned(),
            url: mask_url(url),
            headers: headers(sent, &[], |_| true),
            body: form.map(mask_pairs),
        }
    }

    pub(super) fn of_call(request: &reqwest::Request) -> Self {
        let mut all = Vec::new();
        if let Some(host) = request.url().host_str() {
            let port = request.url().port().map(|port| format!(":{port}"));
            all.push((
                "host".to_owned(),
                format!("{host}{}", port.unwrap_or_default()),
            ));
        }
        all.extend(headers(request.headers(), &[], |_| true));
        Self {
            method: request.method().to_string(),
            url: cut(&mask_url(request.url().as_str()), MAX_URL_BYTES),
            headers: all,
            body: shown::sent_body(request),
        }
    }
}

impl Answer {
    /// An answer to a call that was never made, for an example.
    #[must_use]
    pub fn sample(status: u16, sent: &HeaderMap, json: &str) -> Self {
        Self {
            status,
            headers: headers(sent, &[], |_| true),
            body: Some(hide_named(&mask_json(json)).into_owned()),
        }
    }

    /// An answer of this app to a browser.
    #[must_use]
    pub fn to_browser(status: u16, sent: &HeaderMap) -> Self {
        Self {
            status,
            headers: headers(sent, &[], |_| true),
            body: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn what_a_proxy_added_is_not_shown() {
        let mut sent = HeaderMap::new();
        sent.insert("x-secret-of-a-proxy", "abcdefgh".parse().unwrap());
        sent.insert("cookie", "session=4Zk2Lq8sXv0aVt1bQwErTy".parse().unwrap());
        let request = Request::of_browser("GET", "/redirect?code=sample6p9qisx6a", &sent);
        assert_eq!(request.url, "/redirect?code=sam…");
        assert_eq!(request.headers[0].1, "(not shown)");
        assert_eq!(request.headers[1].1, "session=4Zk2…");
    }

    #[test]
    fn a_secret_has_no_other_name_either() {
        let mut sent = HeaderMap::new();
        sent.insert("cookie", "session=4Zk2Lq8sXv0aVt1bQwErTy".parse().unwrap());
        let path =
            "/redirect?code=sample6p9qisx6a&foo=sample6p9qisx6a&sid=4Zk2Lq8sXv0aVt1bQwErTy&x=plain";
        let request = Request::of_browser("GET", path, &sent);
        assert_eq!(
            request.url,
            "/redirect?code=sam…&foo=sam…&sid=4Zk2…&x=plain"
        );
    }

    #[test]
    fn a_cookie_that_is_no_text_hides_no_other() {
        let mut sent = HeaderMap::new();
        let odd = b"name=Jos\xe9Jos\xe9; \xff; session=4Zk2Lq8sXv0aVt1bQwErTy; =; ;";
        sent.insert("cookie", HeaderValue::from_bytes(odd).unwrap());
        let odd = b"secret=\xff\xfe\xfd; Path=/\xff; code=4Zk2Lq8sXv0aVt1bQwErTy";
        sent.append("set-cookie", HeaderValue::from_bytes(odd).unwrap());
        sent.append("user-agent", HeaderValue::from_bytes(b"\xe9").unwrap());
        let request = Request::of_browser("GET", "/me", &sent);
        assert_eq!(request.headers[0].1, "name=Jo…; …; session=4Zk2…; =; …; …");
        let headers = Answer::to_browser(200, &sent).headers;
        assert_eq!(headers[1].1, "secret=…; Path=/\u{fffd}; code=4Zk2…");
        assert_eq!(headers[2].1, "(not shown)");
    }
}
