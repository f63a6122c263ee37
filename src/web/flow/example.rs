//! A sign-in as Smartsheet's documentation tells it, for whoever has not signed in yet.
//!
//! Made of the same kind of messages as a real one and masked in the same way, so that the page looks as it will.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

use crate::clock::{after, before};
use crate::flow::{Answer, Ending, Message, Request, Step};
use crate::web::App;

/// The values of Smartsheet's documentation; what is masked can't be seen anyway.
const CODE: &str = "sample6p9qisx6a";
const HASH: &str = "1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9e0f1a2b";
const STATE: &str = "kZb3Yt0vQ1mWc8eL5xRfUo2HsDnJ4gTaP6iVwXyE7Bz";
const SESSION: &str = "4Zk2Lq8sXv0aVt1bQwErTy";
const SIGN_IN: &str = "Aa4xN7t0uYkQ2rGm9cWvLs";
const ACCESS_TOKEN: &str = "ll352u9jujauoqz4gstvsae05";
const REFRESH_TOKEN: &str = "e9x352a9mp4151le2505";

/// Sign-in, profile, renewal and sign-out, one after the other, so that they end at `now`.
pub(super) fn messages(app: &App, now: Timestamp) -> Vec<Message> {
    let example = Example {
        app,
        start: before(now, Duration::from_secs(604_901)),
    };
    let mut messages = example.sign_in();
    messages.extend(example.visit());
    messages.extend(example.end());
    messages
}

/// The example, with the time it began.
struct Example<'a> {
    app: &'a App,
    start: Timestamp,
}

impl Example<'_> {
    fn sign_in(&self) -> Vec<Message> {
        let state = crate::oauth::State::new(STATE);
        let authorize_url = self
            .app
            .smartsheet
            .client
            .authorization_url(&self.app.settings.scopes, &state);
        let query = format!("code={CODE}&expires_in=599135&state={STATE}");
        let set_cookie = format!("session={SESSION}; HttpOnly; SameSite=Lax; Path=/");
        let set_sign_in = format!("sign-in-Vb2xq0Rk={SIGN_IN}; HttpOnly; SameSite=Lax; Path=/");
        let to_smartsheet = [
            ("location", authorize_url.as_str()),
            ("set-cookie", &set_sign_in),
        ];
        let to_profile = [("location", "/me"), ("set-cookie", &set_cookie)];
        let way_back = format!("{}redirect?{query}", self.app.settings.base_url);
        let redirect_uri = format!("{}redirect", self.app.settings.base_url);
        let exchange = self.form(&[
            ("grant_type", "authorization_code"),
            ("code", CODE),
            ("redirect_uri", &redirect_uri),
        ]);
        let callback = format!("/redirect?{query}");
        vec![
            self.browser(Step::SignIn, (0, 2), "/login", 303, &to_smartsheet),
            Message::of_consent(&authorize_url, &way_back, self.at(3), self.at(6200)),
            self.browser(Step::Callback, (6201, 184), &callback, 303, &to_profile),
            self.token_request(Step::CodeExchange, (6205, 171), &exchange),
        ]
    }

    fn visit(&self) -> Vec<Message> {
        let html = [("content-type", "text/html; charset=utf-8")];
        let profile = r#"{"id":48569348493401200,"email":"john.doe@smartsheet.com","firstName":"John","lastName":"Doe","locale":"en_US","timeZone":"US/Pacific"}"#;
        // Of the service that this app uses, so that every command fits to the others.
        let users_me = format!(
            "{}/users/me",
            self.app
                .smartsheet
                .api
                .base()
                .as_str()
                .trim_end_matches('/')
        );
        let call = Request::sample("GET", &users_me, &bearer(), None);
        vec![
            self.browser(Step::Profile, (6400, 132), "/me", 200, &html),
            self.call(Step::CurrentUser, (6403, 124), call, profile),
        ]
    }

    fn end(&self) -> Vec<Message> {
        let refresh = self.form(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", REFRESH_TOKEN),
        ]);
        let revocation = Request::sample(
            "DELETE",
            self.app.smartsheet.client.token_url().as_str(),
            &bearer(),
            None,
        );
        let success = r#"{"resultCode":0,"message":"SUCCESS"}"#;
        vec![
            self.token_request(Step::Refresh, (604_500_000, 168), &refresh),
            self.call(Step::Revocation, (604_900_000, 97), revocation, success),
        ]
    }

    /// `span` is when it was sent and how long it took, in milliseconds.
    fn browser(
        &self,
        step: Step,
        span: (u64, u64),
        path: &str,
        status: u16,
        answer: &[(&'static str, &str)],
    ) -> Message {
        let cookie = match step {
            Step::SignIn | Step::Callback => format!("sign-in-Vb2xq0Rk={SIGN_IN}"),
            _ => format!("session={SESSION}"),
        };
        let sent = headers(&[("accept", "text/html"), ("cookie", &cookie)]);
        let request = Request::of_browser("GET", path, &sent);
        let answer = Answer::to_browser(status, &headers(answer));
        let end = self.at(span.0 + span.1);
        Message::of_visit(step, request, answer, end, Duration::from_millis(span.1))
    }

    fn token_request(&self, step: Step, span: (u64, u64), form: &str) -> Message {
        let sent = headers(&[("content-type", "application/x-www-form-urlencoded")]);
        let tokens = format!(
            r#"{{"access_token":"{ACCESS_TOKEN}","token_type":"bearer","refresh_token":"{REFRESH_TOKEN}","expires_in":604799}}"#
        );
        let request = Request::sample(
            "POST",
            self.app.smartsheet.client.token_url().as_str(),
            &sent,
            Some(form),
        );
        self.call(step, span, request, &tokens)
    }

    fn call(&self, step: Step, span: (u64, u64), request: Request, answer: &str) -> Message {
        let received = headers(&[("content-type", "application/json")]);
        Message {
            step,
            at: self.at(span.0),
            micros: span.1 * 1000,
            attempt: 1,
            request,
            ending: Ending::Answer(Answer::sample(200, &received, answer)),
        }
    }

    /// A form with the app's id and its proof.
    fn form(&self, pairs: &[(&str, &str)]) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .append_pair("client_id", self.app.smartsheet.client.client_id())
            .append_pair("hash", HASH)
            .finish()
    }

    fn at(&self, millis: u64) -> Timestamp {
        after(self.start, Duration::from_millis(millis))
    }
}

fn bearer() -> HeaderMap {
    headers(&[("authorization", &format!("Bearer {ACCESS_TOKEN}"))])
}

fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
    list.iter()
        .filter_map(|(name, value)| {
            let value = HeaderValue::from_str(value).ok()?;
            Some((HeaderName::from_static(name), value))
        })
        .collect()
}
