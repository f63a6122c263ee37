//! Nobody writes into the log but the app: what others send neither fills it nor changes how it is shown.

use reqwest::Method;

use crate::support::program::Program;
use crate::support::{Provider, Reply, World, log};

#[tokio::test]
async fn a_long_method_is_cut() {
    let world = World::new().await;
    let browser = world.browser();
    let method = Method::from_bytes("M".repeat(31_000).as_bytes()).unwrap();
    let headers = [("x-request-id", "with-a-long-method")];
    let answer = browser.send(method, "/", &headers).await;
    assert_eq!(answer.status, 405);
    let lines = log::lines_with(&["with-a-long-method", " route="]);
    assert_eq!(lines.len(), 1, "{}", lines.len());
    assert!(lines[0].len() < 400, "{}", lines[0].len());
    assert!(
        lines[0].contains("method=MMMMMMMMMMMMMMMMMMMM… "),
        "{lines:?}"
    );
    let known = [("x-request-id", "with-a-known-method")];
    browser.send(Method::DELETE, "/", &known).await;
    assert_eq!(
        log::lines_with(&["with-a-known-method", "method=DELETE "]).len(),
        1
    );
}

/// What Smartsheet says, or who passes for it, is quoted in lines of the log.
#[tokio::test(flavor = "multi_thread")]
async fn characters_that_change_what_is_shown_are_escaped() {
    for (format, escaped) in [
        ("text", ["a\\u{202e}b", "\\u{2028}c"]),
        ("json", ["a\\u202eb", "\\u2028c"]),
    ] {
        let provider = Provider::start(|seen, _| {
            let refusal = "{\"errorCode\": 1070, \"message\": \
                \"odd a\u{202e}b\u{2028}c\u{85}d\\u001b[2J\\r\\nINFO forged\"}";
            seen.is_refresh().then(|| Reply::json(400, refusal))
        })
        .await;
        let base = provider.base();
        let (authorize, api) = (format!("{base}/b/authorize"), format!("{base}/2.0"));
        let settings = [
            ("RUST_LOG", "info"),
            ("SMARTSHEET_REGION", "us"),
            ("SMARTSHEET_AUTHORIZE_URL", authorize.as_str()),
            ("SMARTSHEET_API_URL", api.as_str()),
        ];
        let program = Program::start(format, &settings).await;
        let browser = program.browser();
        browser
            .sign_in_with_code("the-code")
            .await
            .redirects_to("/me");
        let headers = [("origin", "null"), ("sec-fetch-site", "same-origin")];
        let refused = browser.send(Method::POST, "/refresh", &headers).await;
        assert_eq!(refused.status, 502);
        let (lines, _folder) = program.stop();
        let about: Vec<&String> = lines.iter().filter(|line| line.contains("odd a")).collect();
        assert!(!about.is_empty(), "{lines:?}");
        for line in about {
            for part in escaped {
                assert!(line.contains(part), "no {part} in {line}");
            }
            assert!(line.contains("forged"), "one line: {line}");
            let raw = ['\u{202e}', '\u{2028}', '\u{85}', '\u{1b}', '\r'];
            assert!(!line.contains(raw), "{line:?}");
        }
    }
}
