//! The table of refusals at `users/me`, one test a row: whose they are, and what the person is told.

use crate::refresh::{ME, TOKEN, signed_in};
use crate::support::{Reply, Seen};

const PERSON: (u16, &str) = (403, "not-allowed");
const APP: (u16, &str) = (502, "api-refused");
const OTHER: (u16, &str) = (502, "smartsheet-refused");

const PLAN: &str = "your plan includes API access";
const SETTING: &str = "smartsheet.api_url";

/// Asserts what `users/me` with this answer is made of, as a page with all of `texts` and none of `absent`, and as JSON; that
/// it is asked once for each and nothing refreshed; and that the person stays signed in.
async fn row(
    reply: impl Fn() -> Reply + Send + Sync + 'static,
    (status, kind): (u16, &str),
    texts: &[&str],
    absent: &[&str],
) {
    let script = move |request: &Seen, n| (request.line == ME && (1..3).contains(&n)).then(&reply);
    let (provider, _setup, _app, browser) = signed_in(script, |setup| setup).await;
    let page = browser.get("/me").await;
    page.is_error(status, &[texts, &["You are still signed in"]].concat());
    for text in absent {
        assert!(!page.body.contains(text), "{text} in {page:?}");
    }
    browser.json("/me").await.is_problem(status, kind);
    assert_eq!(provider.lines(), [TOKEN, ME, ME, ME]);
    browser.get("/me").await.shows(200, &["Ann"]);
}

/// The same for an error of Smartsheet's form.
async fn coded(status: u16, code: &str, of: (u16, &str), texts: &[&str], absent: &[&str]) {
    let body = format!(r#"{{"errorCode":{code},"message":"said Smartsheet","refId":"abc123"}}"#);
    let code = format!("errorCode {}", code.trim_matches('"'));
    let texts = [texts, &["said Smartsheet", "refId abc123", &code]].concat();
    row(move || Reply::json(status, &body), of, &texts, absent).await;
}

macro_rules! rows {
    ($($name:ident: $status:literal $code:literal => $of:ident, $texts:expr, $absent:expr;)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                coded($status, $code, $of, &$texts, &$absent).await;
            }
        )*
    };
}

rows! {
    not_authorized_401: 401 "1004" => PERSON, [PLAN], [SETTING];
    not_authorized_403: 403 "1004" => PERSON, [PLAN], [SETTING];
    not_authorized_as_a_string: 403 "\"1004\"" => PERSON, [PLAN], [SETTING];
    not_for_this_plan: 403 "1013" => PERSON, [PLAN], [SETTING];
    single_sign_on_required_401: 401 "1005" => PERSON, [], [PLAN, SETTING];
    single_sign_on_required_403: 403 "1005" => PERSON, [], [PLAN, SETTING];
    any_other_code_401: 401 "9999" => PERSON, [], [PLAN, SETTING];
    any_other_code_403: 403 "9999" => PERSON, [], [PLAN, SETTING];
    a_version_that_is_not_supported: 400 "1007" => APP, [SETTING, "Whoever runs this app must act"], [PLAN];
    not_found: 404 "1006" => APP, [SETTING, "Whoever runs this app must act"], [PLAN];
    a_method_that_is_not_supported: 405 "1030" => APP, [SETTING, "Whoever runs this app must act"], [PLAN];
    a_retired_api: 410 "4005" => APP, [SETTING, "Whoever runs this app must act"], [PLAN];
    no_token: 401 "1001" => OTHER, [], [PLAN, SETTING];
    unreadable_json: 400 "1008" => OTHER, [], [PLAN, SETTING];
    a_conflict: 409 "1020" => OTHER, [], [PLAN, SETTING];
    an_unsupported_media_type: 415 "1124" => OTHER, [], [PLAN, SETTING];
}

fn html(status: u16) -> Reply {
    let kind = "content-type: text/html\r\n";
    Reply::with_headers(status, kind, "<html><h1>Blocked by policy</h1></html>")
}

#[tokio::test]
async fn a_firewall_403() {
    row(
        || html(403),
        OTHER,
        &["HTTP 403", "firewall"],
        &[PLAN, SETTING],
    )
    .await;
}

/// Smartsheet's own have an errorCode.
#[tokio::test]
async fn a_gateway_403() {
    let reply = || Reply::json(403, r#"{"message":"Forbidden"}"#);
    row(reply, OTHER, &["Forbidden (HTTP 403)"], &[PLAN, SETTING]).await;
}

#[tokio::test]
async fn a_page_404() {
    row(|| html(404), APP, &["HTTP 404", SETTING], &[PLAN]).await;
}

#[tokio::test]
async fn a_proxy_407() {
    row(|| html(407), OTHER, &["HTTP 407"], &[PLAN, SETTING]).await;
}
