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
const ACCESS_TOKEN: &str = "ll352u9jujauoqz4gstvsae05";
const REFRESH_TOKEN: &str = "e9x352a9mp4151le2505";

/// Sign-in, profile, renewal and sign-out, one after the other.
pub(super) fn messages(app: &App, now: Timestamp) -> Vec<Message> {
    let state = crate::oauth::State::new(STATE);
    let authorize_url = app.client.authorization_url(&app.scopes, &state);
    let way_back = format!("/redirect?code={CODE}&expires_in=599135&state={STATE}");
    let token_url = "https://api.smartsheet.com/2.0/token";
    let cookie = format!("session={SESSION}");
    let set_cookie = format!("session={SESSION}; HttpOnly; SameSite=Lax; Path=/");
    let bearer = format!("Bearer {ACCESS_TOKEN}");
    let tokens = format!(
        r#"{{"access_token":"{ACCESS_TOKEN}","token_type":"bearer","refresh_token":"{REFRESH_TOKEN}","expires_in":604799}}"#
    );
    let profile = r#"{"id":48569348493401200,"email":"john.doe@smartsheet.com","firstName":"John","lastName":"Doe","locale":"en_US","timeZone":"US/Pacific"}"#;
    // It ends now.
    let start = before(now, Duration::from_secs(604_901));
    let at = |millis: u64| after(start, Duration::from_millis(millis));
    let browser = |step, start, took, path: &str, status, answer: &[(&'static str, &str)]| {
        let request = Request::of_browser(
            if step == Step::RefreshNow {
                "POST"
            } else {
                "GET"
            },
            path,
            &headers(&[("accept", "text/html"), ("cookie", &cookie)]),
        );
        let answer = Answer::to_browser(status, &headers(answer));
        let took = Duration::from_millis(took);
        Message::of_visit(step, request, answer, after(at(start), took), took)
    };
    let call = |step, start, took, method: &str, url: &str, form: Option<&str>, answer: &str| {
        let sent: &[(&'static str, &str)] = match form {
            Some(_) => &[("content-type", "application/x-www-form-urlencoded")],
            None => &[("authorization", &bearer)],
        };
        Message {
            step,
            at: at(start),
            micros: took * 1_000_u64,
            attempt: 1,
            request: Request::sample(method, url, &headers(sent), form),
            ending: Ending::Answer(Answer::sample(
                200,
                &headers(&[("content-type", "application/json")]),
                answer,
            )),
        }
    };
    let client_id = app.client.client_id();
    let exchange = form(&[
        ("grant_type", "authorization_code"),
        ("code", CODE),
        ("redirect_uri", &format!("{}redirect", app.base_url)),
        ("client_id", client_id),
        ("hash", HASH),
    ]);
    let refresh = form(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", REFRESH_TOKEN),
        ("client_id", client_id),
        ("hash", HASH),
    ]);
    vec![
        browser(
            Step::SignIn,
            0,
            2,
            "/login",
            303,
            &[
                ("location", authorize_url.as_str()),
                ("set-cookie", &set_cookie),
            ],
        ),
        Message::of_consent(
            &authorize_url,
            &format!(
                "{}{}",
                app.base_url.as_str().trim_end_matches('/'),
                way_back
            ),
            at(3),
            at(6200),
        ),
        browser(
            Step::Callback,
            6201,
            184,
            &way_back,
            303,
            &[("location", "/me"), ("set-cookie", &set_cookie)],
        ),
        call(
            Step::CodeExchange,
            6205,
            171,
            "POST",
            token_url,
            Some(&exchange),
            &tokens,
        ),
        browser(
            Step::Profile,
            6400,
            132,
            "/me",
            200,
            &[("content-type", "text/html")],
        ),
        call(
            Step::CurrentUser,
            6403,
            124,
            "GET",
            "https://api.smartsheet.com/2.0/users/me",
            None,
            profile,
        ),
        call(
            Step::Refresh,
            604_500_000,
            168,
            "POST",
            token_url,
            Some(&refresh),
            &tokens,
        ),
        call(
            Step::Revocation,
            604_900_000,
            97,
            "DELETE",
            token_url,
            None,
            r#"{"resultCode":0,"message":"SUCCESS"}"#,
        ),
    ]
}

fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
    list.iter()
        .filter_map(|(name, value)| {
            let value = HeaderValue::from_str(value).ok()?;
            Some((HeaderName::from_static(name), value))
        })
        .collect()
}

fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}
