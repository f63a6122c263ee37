//! A message: a request and what came of it, as they may be shown.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde::{Deserialize, Serialize};
use url::Url;

use super::mask::{mask_json, mask_pairs, mask_url};
use super::shown::{self, MAX_URL_BYTES, PLAIN_HEADERS, cut, headers, known_secrets};
use crate::masking::{hide_known, hide_named};
use crate::transport::{Call, Outcome, Purpose};

/// Which step of the flow a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The browser asks this app to sign in, and is sent to Smartsheet.
    SignIn,
    /// The browser at Smartsheet, where the person answers. Not seen by this app: told from the answer that it brings.
    Consent,
    /// Smartsheet sends the browser back, with a code or an error.
    Callback,
    /// This app exchanges the code for tokens.
    CodeExchange,
    /// This app exchanges its tokens for new ones.
    Refresh,
    /// This app gives tokens back.
    Revocation,
    /// This app asks who it is.
    CurrentUser,
    /// The browser asks for the profile.
    Profile,
    /// The person asks for new tokens.
    RefreshNow,
}

/// A request and what came of it, masked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Which step it is.
    pub step: Step,
    /// When the request was sent.
    #[serde(with = "jiff::fmt::serde::timestamp::nanosecond::required")]
    pub at: Timestamp,
    /// From the request to the end of the answer, in microseconds.
    pub micros: u64,
    /// 1 for the first try, 2 for the first repetition.
    pub attempt: u32,
    /// What was asked.
    pub request: Request,
    /// What came of it.
    pub ending: Ending,
}

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

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// With an answer.
    Answer(Answer),
    /// Without one, and why.
    Failure(String),
    /// With an answer that this app did not see, but where it sent the browser.
    Unseen {
        /// The address that the browser came back with.
        location: String,
    },
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

impl Message {
    /// The message of a call to Smartsheet that has ended just now, at `now`.
    #[must_use]
    pub fn of_call(call: &Call<'_>, now: Timestamp) -> Self {
        let known = known_secrets(call.request);
        let step = match call.purpose {
            Purpose::CodeExchange => Step::CodeExchange,
            Purpose::Refresh => Step::Refresh,
            Purpose::Revocation => Step::Revocation,
            Purpose::CurrentUser | Purpose::Probe | Purpose::Arrangement => Step::CurrentUser,
        };
        let ending = match call.outcome {
            Outcome::Answered(answer) => Ending::Answer(Answer {
                status: answer.status.as_u16(),
                headers: headers(&answer.headers, &known, |_| true),
                body: shown::body(answer, call.purpose, &known),
            }),
            Outcome::Failed(error) => {
                let why = error.to_string();
                Ending::Failure(hide_named(&hide_known(&why, &known)).into_owned())
            }
            Outcome::Abandoned => {
                Ending::Failure("no answer in time: this app stopped waiting".to_owned())
            }
        };
        Self {
            step,
            at: began(now, call.duration),
            micros: micros(call.duration),
            attempt: call.attempt,
            request: Request::of_call(call.request),
            ending,
        }
    }

    /// The message of a browser's request that was answered just now, at `now`, after `duration`.
    #[must_use]
    pub fn of_visit(
        step: Step,
        request: Request,
        answer: Answer,
        now: Timestamp,
        duration: Duration,
    ) -> Self {
        Self {
            step,
            at: began(now, duration),
            micros: micros(duration),
            attempt: 1,
            request,
            ending: Ending::Answer(answer),
        }
    }

    /// The browser at Smartsheet, from `began` until it came back at `now`: sent there by `way_there`, back by `way_back`.
    #[must_use]
    pub fn of_consent(way_there: &Url, way_back: &str, began: Timestamp, now: Timestamp) -> Self {
        let span = Duration::try_from(now.duration_since(began)).unwrap_or_default();
        Self {
            step: Step::Consent,
            at: began,
            micros: micros(span),
            attempt: 1,
            request: Request {
                method: "GET".to_owned(),
                url: cut(&mask_url(way_there.as_str()), MAX_URL_BYTES),
                headers: Vec::new(),
                body: None,
            },
            ending: Ending::Unseen {
                location: cut(&mask_url(way_back), MAX_URL_BYTES),
            },
        }
    }

    /// The HTTP status, when there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match &self.ending {
            Ending::Answer(answer) => Some(answer.status),
            Ending::Failure(_) | Ending::Unseen { .. } => None,
        }
    }

    /// When the answer, or the failure, was there.
    #[must_use]
    pub fn ended_at(&self) -> Timestamp {
        crate::clock::after(self.at, Duration::from_micros(self.micros))
    }
}

impl Request {
    /// A request of a browser.
    #[must_use]
    pub fn of_browser(method: &str, path_and_query: &str, sent: &HeaderMap) -> Self {
        Self {
            method: method.to_owned(),
            url: cut(&mask_url(path_and_query), MAX_URL_BYTES),
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

    fn of_call(request: &reqwest::Request) -> Self {
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
            body: shown::form_body(request),
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

fn began(now: Timestamp, duration: Duration) -> Timestamp {
    crate::clock::before(now, duration)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::shown::MAX_HEADER_BYTES;
    use crate::transport::{self, TransportError};
    use reqwest::header::HeaderValue;
    use reqwest::{Method, StatusCode};

    const TOKEN: &str = "ll352u9jujauoqz4gstvsae05";
    const CODE: &str = "sample6p9qisx6a";

    fn exchange() -> reqwest::Request {
        let url = "https://api.smartsheet.com/2.0/token".parse().unwrap();
        let mut request = reqwest::Request::new(Method::POST, url);
        let body = format!("grant_type=authorization_code&code={CODE}&hash=0123456789abcdef");
        *request.body_mut() = Some(body.into());
        request
    }

    fn message(purpose: Purpose, request: &reqwest::Request, answer: &str) -> String {
        let answer = transport::Answer {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            retry_after: None,
            body: answer.as_bytes().to_vec(),
        };
        let call = Call {
            purpose,
            attempt: 1,
            request,
            outcome: Outcome::Answered(&answer),
            duration: Duration::from_millis(12),
        };
        let message = Message::of_call(&call, "2026-11-21T12:00:00.012Z".parse().unwrap());
        assert_eq!(message.at.to_string(), "2026-11-21T12:00:00Z");
        assert_eq!(message.ended_at().to_string(), "2026-11-21T12:00:00.012Z");
        serde_json::to_string(&message).unwrap()
    }

    #[test]
    fn no_answer_gives_a_secret_away() {
        let long = format!(r#"{{"a":"{}","access_token":"{TOKEN}"}}"#, "x".repeat(4070));
        for answer in [
            &format!(r#"{{"access_token":"{TOKEN}","refresh_token":"{TOKEN}"}}"#),
            &format!(r#"{{"message":"the code {CODE} is void"}}"#),
            &format!("access_token={TOKEN}"),
            &format!(r#"{{"access_token":"{TOKEN}"#),
            &format!(r#"{{"access_token":"{TOKEN}","again":"{TOKEN}"}}"#),
            &long,
        ] {
            let shown = message(Purpose::CodeExchange, &exchange(), answer);
            for secret in [TOKEN, CODE, "0123456789abcdef"] {
                assert!(!shown.contains(&secret[..5]), "{shown}");
            }
        }
    }

    #[test]
    fn a_bearer_token_in_the_answer_is_masked() {
        let url = "https://api.smartsheet.com/2.0/users/me".parse().unwrap();
        let mut request = reqwest::Request::new(Method::GET, url);
        let bearer = format!("Bearer {TOKEN}").parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        let shown = message(
            Purpose::CurrentUser,
            &request,
            &format!(r#"{{"x":"{TOKEN}"}}"#),
        );
        assert!(
            !shown.contains(&TOKEN[..5]) && shown.contains("ll35…"),
            "{shown}"
        );
    }

    #[test]
    fn a_header_that_is_cut_gives_nothing_away() {
        let mut headers = HeaderMap::new();
        let echo = format!("{}{CODE}", "x".repeat(MAX_HEADER_BYTES - 8));
        headers.insert("x-echo", echo.parse().unwrap());
        let answer = transport::Answer {
            status: StatusCode::BAD_REQUEST,
            headers,
            retry_after: None,
            body: Vec::new(),
        };
        let request = exchange();
        let call = Call {
            purpose: Purpose::CodeExchange,
            attempt: 1,
            request: &request,
            outcome: Outcome::Answered(&answer),
            duration: Duration::ZERO,
        };
        let message = Message::of_call(&call, Timestamp::UNIX_EPOCH);
        assert!(!format!("{message:?}").contains(&CODE[..5]), "{message:?}");
    }

    #[test]
    fn failures_say_why() {
        let call = |outcome| {
            let request = exchange();
            let call = Call {
                purpose: Purpose::CodeExchange,
                attempt: 2,
                request: &request,
                outcome,
                duration: Duration::from_secs(10),
            };
            let message = Message::of_call(&call, Timestamp::UNIX_EPOCH);
            assert_eq!((message.attempt, message.status()), (2, None));
            match message.ending {
                Ending::Failure(why) => why,
                ending => panic!("{ending:?}"),
            }
        };
        assert_eq!(
            call(Outcome::Failed(&TransportError::Timeout)),
            "no answer in time"
        );
        assert!(call(Outcome::Abandoned).contains("stopped waiting"));
    }

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
