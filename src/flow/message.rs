//! A message: a request and what came of it, as they may be shown.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use super::mask::mask_url;
use super::parts::{Answer, Request};
use super::shown::{self, MAX_URL_BYTES, cut, headers, known_secrets};
use super::step::Step;
use crate::masking::{hide_known, hide_named};
use crate::transport::{self, Call, Outcome, Purpose};

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
    /// With an answer that has the status of a success and was of no use.
    Unusable {
        /// What was answered.
        answer: Answer,
        /// Why this app took nothing from it, such as "its JSON is cut off in the middle".
        why: String,
    },
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
            Purpose::Sheets => Step::ListSheets,
            Purpose::Sheet => Step::ReadSheet,
            Purpose::CellHistory => Step::CellHistory,
            Purpose::AddRow | Purpose::ChangeRow => Step::SaveRow,
            Purpose::Passed => Step::PassOn,
            _ => Step::CurrentUser,
        };
        let shown = |answer: &transport::Answer| Answer {
            status: answer.status.as_u16(),
            headers: headers(&answer.headers, &known, |_| true),
            body: shown::body(call, answer, &known),
        };
        let masked = |why: &str| hide_named(&hide_known(why, &known)).into_owned();
        let ending = match call.outcome {
            Outcome::Answered(answer) => Ending::Answer(shown(answer)),
            Outcome::Unusable(answer, why) => Ending::Unusable {
                answer: shown(answer),
                why: masked(shown::broken_json(&answer.body).unwrap_or(why)),
            },
            Outcome::Failed(error) => Ending::Failure(masked(&error.to_string())),
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
        self.answer().map(|answer| answer.status)
    }

    /// The answer, when there was one that this app saw.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        match &self.ending {
            Ending::Answer(answer) | Ending::Unusable { answer, .. } => Some(answer),
            Ending::Failure(_) | Ending::Unseen { .. } => None,
        }
    }

    /// When the answer, or the failure, was there.
    #[must_use]
    pub fn ended_at(&self) -> Timestamp {
        crate::clock::after(self.at, Duration::from_micros(self.micros))
    }
}

/// When what took `duration` until `now` began.
pub(super) fn began(now: Timestamp, duration: Duration) -> Timestamp {
    crate::clock::before(now, duration)
}

/// As messages say it.
pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::shown::MAX_HEADER_BYTES;
    use crate::transport::TransportError;
    use reqwest::header::HeaderMap;
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
            whole_length: None,
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
            whole_length: None,
            duration: Duration::ZERO,
        };
        let message = Message::of_call(&call, Timestamp::UNIX_EPOCH);
        assert!(!format!("{message:?}").contains(&CODE[..5]), "{message:?}");
    }

    #[test]
    fn an_answer_of_no_use_says_why() {
        let why = |body: &str, why: &str| {
            let answer = transport::Answer {
                status: StatusCode::OK,
                headers: HeaderMap::new(),
                retry_after: None,
                body: body.as_bytes().to_vec(),
            };
            let request = exchange();
            let call = Call {
                purpose: Purpose::CodeExchange,
                attempt: 1,
                request: &request,
                outcome: Outcome::Unusable(&answer, why),
                whole_length: None,
                duration: Duration::ZERO,
            };
            let message = Message::of_call(&call, Timestamp::UNIX_EPOCH);
            assert_eq!(message.status(), Some(200));
            match message.ending {
                Ending::Unusable { why, .. } => why,
                ending => panic!("{ending:?}"),
            }
        };
        let cut = format!("{{\"access_token\":\"{TOKEN}\",");
        assert_eq!(why(&cut, "malformed"), "its JSON is cut off in the middle");
        assert_eq!(why("", "malformed"), "its body is empty");
        assert_eq!(why("<html>", "malformed"), "its body is not JSON");
        assert_eq!(why("{}", "it has no token"), "it has no token");
        assert!(!why("{}", &format!("refused {CODE}")).contains(CODE));
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
                whole_length: None,
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
}
