//! No secret is shown or logged that an answer repeats in another encoding, and nothing at all of the app's own.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use crate::support::provider::Seen;
use crate::support::{Browser, Provider, Reply, log};

const APP_SECRET: &str = "Xq9+SECRET/of=the app, ä";
const CODE: &str = "Zj4/CodeOfTheTests/98765+=";
const TOKEN: &str = "Kw7TokenOfTheTests/12345+==";

fn percent(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Every character as an escape of JSON.
fn escaped(text: &str) -> String {
    let each = |character| format!("\\u{:04X}", u32::from(character));
    text.chars().map(each).collect::<Vec<_>>().concat()
}

fn entities(text: &str) -> String {
    let each = |character| format!("&#{};", u32::from(character));
    text.chars().map(each).collect::<Vec<_>>().concat()
}

/// Ways to write the same once and twice. Those of JSON are for within a string of it.
fn ways(text: &str) -> Vec<String> {
    let percent = |text: &str| percent(text);
    vec![
        text.to_owned(),
        text.to_lowercase(),
        percent(text),
        percent(text).to_lowercase(),
        percent(text).replace("%20", "+"),
        percent(&percent(text)),
        entities(text),
        percent(&entities(text)),
    ]
}

/// Beginnings of `secret`, however they are written, of which none may be in what is shown.
fn beginnings(secret: &str, shown: usize) -> Vec<String> {
    let beginning: String = secret.chars().take(shown + 1).collect();
    let mut all = ways(&beginning);
    all.extend([escaped(&beginning), escaped(&beginning).to_lowercase()]);
    all
}

async fn shows_nothing_of(browser: &Browser, secret: &str, shown: usize) {
    let pages = [
        browser.get("/flow").await.body,
        browser.json("/flow").await.body,
    ];
    assert!(pages[0].contains("/2.0/token"));
    for page in pages {
        for beginning in beginnings(secret, shown) {
            assert!(!page.contains(&beginning), "{beginning} in {page}");
        }
    }
}

/// An answer to each sign-in, made of what was asked.
async fn app(replies: impl Fn(&Seen, usize) -> Option<Reply> + Send + Sync + 'static) -> Browser {
    let provider = Provider::start(replies).await;
    let app = provider
        .setup()
        .set("smartsheet.client_secret", APP_SECRET)
        .set("smartsheet.client_authentication", "secret")
        .start()
        .await;
    Browser::new(&app)
}

#[tokio::test]
async fn a_refusal_that_repeats_the_form_in_any_encoding() {
    let forms = |form: &str| -> Vec<String> {
        let mut bodies: Vec<String> = ways(form).into_iter().map(|form| json!({"error": "invalid_request", "errorCode": 1070, "message": form, "refId": form}).to_string()).collect();
        bodies.push(format!(
            r#"{{"error":"invalid_request","errorCode":1070,"message":"{}"}}"#,
            escaped(form)
        ));
        bodies.push(
            json!({"error": "invalid_request", "message": json!({"request": form}).to_string()})
                .to_string(),
        );
        bodies.push(json!({"error": form, "error_description": escaped(form)}).to_string());
        bodies.push(format!("<p>{}</p>", entities(form)));
        bodies.push(format!("<p>{form}</p>"));
        bodies
    };
    let count = forms("x").len();
    let browser = app(move |seen, before| {
        (seen.line == "POST /2.0/token").then(|| {
            let body = &seen.body;
            Reply::with_headers(
                400,
                &format!("x-debug: {}\r\n", percent(body)),
                &forms(body)[before % count],
            )
        })
    })
    .await;
    for _ in 0..count {
        let page = browser.sign_in_with_code(&percent(CODE)).await;
        assert!(page.status >= 500, "{page:?}");
        for (secret, shown) in [(APP_SECRET, 2), (CODE, 4)] {
            for beginning in beginnings(secret, shown) {
                assert!(
                    !page.body.contains(&beginning),
                    "{beginning} in {}",
                    page.body
                );
                assert!(
                    log::lines_with(&[&beginning]).is_empty(),
                    "{beginning} in the log"
                );
            }
        }
    }
    shows_nothing_of(&browser, CODE, 4).await;
    shows_nothing_of(&browser, APP_SECRET, 2).await;
}

/// Tokens that are issued in escapes, and repeated beside that under another name.
#[tokio::test]
async fn a_pair_that_is_issued_in_escapes() {
    let token = TOKEN.replace('/', r"\/");
    let bodies = [
        format!(
            r#"{{"access_token":"{token}","refresh_token":"{}"}}"#,
            escaped(TOKEN)
        ),
        format!(r#"{{"access\u005ftoken":"{token}","expires_in":60}}"#),
        format!(
            r#"{{"access_token":"{token}","again":"{}","and":"{}"}}"#,
            escaped(TOKEN),
            percent(TOKEN)
        ),
        format!(r#"{{"access_token":"{token}","m":"{{\"refresh_token\":\"{TOKEN}\"}}"}}"#),
        format!(
            r#"{{"access_token":"{token}","m":"{}"}}"#,
            percent(&percent(&format!("id_token={TOKEN}")))
        ),
        format!(r#"{{"x":"{token}""#),
        format!(r#"{{"x":"{}""#, escaped(TOKEN)),
        percent(&format!(r#"{{"access_token":"{TOKEN}"}}"#)),
    ];
    let count = bodies.len();
    let browser = app(move |seen, before| {
        (seen.line == "POST /2.0/token").then(|| Reply::json(200, &bodies[before % count]))
    })
    .await;
    for _ in 0..count {
        browser.sign_in_with_code("c").await;
        shows_nothing_of(&browser, TOKEN, 4).await;
    }
}

/// Nothing at all of the app's secret and of what is made of it.
#[tokio::test]
async fn of_the_app_s_secret_nothing_is_shown() {
    for (authentication, parameter) in [("hash", "hash="), ("secret", "client_secret=")] {
        let provider = Provider::well_behaved().await;
        let app = provider
            .setup()
            .set("smartsheet.client_authentication", authentication)
            .start()
            .await;
        let browser = Browser::new(&app);
        browser.sign_in_with_code("c").await.redirects_to("/me");
        let flow = browser.json("/flow").await.body;
        let (_, rest) = flow.split_once(&format!("&{parameter}")).unwrap();
        assert!(rest.starts_with('…'), "{rest}");
        assert!(
            browser
                .get("/flow")
                .await
                .body
                .contains(&format!("{parameter}…"))
        );
    }
}
