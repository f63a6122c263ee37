//! The page of `/flow`: it shows what the JSON says, as text and whole; and an example, to whoever has nothing to be shown.

use serde_json::{Value, json};

use crate::support::World;
use crate::support::said::{flow, overheard, said, says_nothing, text};

#[tokio::test]
async fn before_a_sign_in_an_example_explains_it() {
    // The example ends now, so for both to be the same, time stands still.
    let world = World::new().await;
    let browser = world.browser();
    let page = browser.get("/flow").await;
    page.shows(
        200,
        &[
            "Example",
            "Sign in with Smartsheet",
            "/login?return_to=/flow",
        ],
    );
    assert_eq!(page.header("vary").to_ascii_lowercase(), "accept");
    let flow = flow(&browser).await;
    assert_eq!(
        (&flow["example"], &flow["signed_in"]),
        (&json!(true), &json!(false))
    );
    let messages = flow["messages"].as_array().unwrap();
    let steps: Vec<&str> = messages
        .iter()
        .map(|message| text(message, "step"))
        .collect();
    let expected = [
        "sign_in",
        "consent",
        "callback",
        "code_exchange",
        "profile",
        "current_user",
        "refresh",
        "revocation",
    ];
    assert_eq!(steps, expected);
    shows_them_all(&page.body, messages);
    assert_eq!(page.set_cookies(), [""; 0]);
    assert!(browser.cookies().is_empty());
    assert_eq!(crate::sealed::rows(&world.setup), []);
    // A cookie that means nothing here is no session either.
    browser.set_cookie("session", "AAAAAAAAAAAAAAAAAAAAAA");
    says_nothing(&browser).await;
    assert_eq!(crate::sealed::rows(&world.setup), []);
}

/// Whatever the browser or the profile says, it is text.
#[tokio::test]
async fn nothing_of_it_is_markup() {
    let (world, _) = overheard(|setup| setup).await;
    let browser = world.signed_in("unicode").await;
    let evil = "%3Cscript%3Ealert(1)%3C/script%3E";
    let headers = [
        ("accept", "text/html"),
        (
            "user-agent",
            "\"><script>alert(2)</script><img src=x onerror=alert(3)>",
        ),
        ("referer", "http://x/'\"><script>alert(4)</script>"),
    ];
    let get = reqwest::Method::GET;
    for path in [
        format!("/redirect?code={evil}&state=\"'><script>alert(5)</script>"),
        format!(
            "/redirect?error={evil}&error_description=</pre><script>alert(6)</script>&state={evil}"
        ),
        format!("/redirect?{evil}=</code></pre></details>&\"onmouseover=alert(7)"),
        format!("/login?return_to={evil}\"'><script>alert(8)</script>"),
        "/me".to_owned(),
    ] {
        browser.send(get.clone(), &path, &headers).await;
    }
    let page = browser.get("/flow").await;
    page.shows(200, &["alert(2)", "alert(4)", "Zoë"]);
    for markup in [
        "<script>alert",
        "</script><img",
        "<img src=x",
        "<b>",
        "\"onmouseover",
        "</code></pre></details>&",
    ] {
        assert!(!page.body.contains(markup), "{markup} in {}", page.body);
    }
    // And the page is whole: what it says is what was said.
    shows_them_all(&page.body, &said(&browser).await);
}

/// Asserts that `page` shows each of `messages`, and no others.
#[track_caller]
pub(crate) fn shows_them_all(page: &str, messages: &[Value]) {
    let sections: Vec<&str> = page.split("<li id=\"m").skip(1).collect();
    assert_eq!(sections.len(), messages.len());
    for (section, message) in sections.iter().zip(messages) {
        let shown = unescaped(
            &section
                .replace("</mark>", "")
                .replace("<mark class=\"state\">", "")
                .replace("<mark class=\"code\">", "")
                .replace("<mark class=\"hash\">", ""),
        );
        let mut parts = vec![format!("{}\">", message["number"])];
        for name in ["title", "at", "purpose", "without", "curl"] {
            parts.push(text(message, name).to_owned());
        }
        for name in ["reaction", "failure"] {
            parts.extend(message[name].as_str().map(str::to_owned));
        }
        parts.push(text(&message["source"], "name").to_owned());
        parts.push(format!("href=\"{}\"", text(&message["source"], "url")));
        parts.extend(
            message["status"]
                .as_u64()
                .map(|status| format!("HTTP/1.1 {status}")),
        );
        for side in [&message["request"], &message["answer"]] {
            let mut is_form = false;
            for header in side["headers"].as_array().into_iter().flatten() {
                let (name, value) = (header[0].as_str().unwrap(), header[1].as_str().unwrap());
                is_form |= value.contains("form-urlencoded");
                if name == "location" {
                    parts.extend(address(value));
                } else {
                    parts.push(format!("{name}: {value}"));
                }
            }
            match side["body"].as_str() {
                Some(form) if is_form => parts.extend(form.split('&').map(decoded)),
                // It is indented.
                Some(body) if body.starts_with(['{', '[']) => {
                    let blank = |text: &str| text.replace(char::is_whitespace, "");
                    assert!(blank(&shown).contains(&blank(body)), "no {body} in {shown}");
                }
                body => parts.extend(body.map(str::to_owned)),
            }
        }
        let request = &message["request"];
        let target = text(request, "url");
        let path = target
            .split_once("://")
            .map_or(target, |(_, rest)| &rest[rest.find('/').unwrap()..]);
        parts.push(format!(
            "{} {}",
            text(request, "method"),
            path.split('?').next().unwrap()
        ));
        parts.extend(address(path));
        for part in parts {
            assert!(shown.contains(&part), "no {part:?} in {shown}");
        }
    }
}

/// The parts of an address, as they stand on lines of their own.
fn address(url: &str) -> Vec<String> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    std::iter::once(path.to_owned())
        .chain(pairs.map(decoded))
        .collect()
}

/// A parameter as it was meant, with what would break its line escaped.
fn decoded(pair: &str) -> String {
    let (name, value) = url::form_urlencoded::parse(pair.as_bytes()).next().unwrap();
    let equals = if pair.contains('=') { "=" } else { "" };
    let visible = |letter: char| {
        if letter.is_control() {
            letter.escape_default().to_string()
        } else {
            letter.to_string()
        }
    };
    format!("{name}{equals}{value}")
        .chars()
        .map(visible)
        .collect()
}

fn unescaped(html: &str) -> String {
    let entities = [
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#38;", "&"),
    ];
    let text = entities
        .iter()
        .fold(html.to_owned(), |text, (entity, character)| {
            text.replace(entity, character)
        });
    assert!(!text.contains("&#"), "{text}");
    text
}
