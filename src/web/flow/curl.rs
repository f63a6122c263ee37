//! A message as a curl command that anybody can try, with placeholders where the secrets were.

use std::fmt::Write as _;

use url::form_urlencoded;

use super::sides::whole_url;
use crate::flow::{Message, Request, Step};

/// A part of a word of the shell.
enum Part {
    /// What the request had; it must reach curl as it is.
    Text(String),
    /// Ours, for the shell to fill in.
    Placeholder(&'static str),
}

/// The command that sends what `message` sent. `base` is how browsers reach this app.
pub(super) fn command(message: &Message, base: &str) -> String {
    let request = &message.request;
    let url = word(&address(&whole_url(request, base)));
    if message.step == Step::Consent {
        return format!("# In a browser, where a person can answer:\n{url}");
    }
    let mut command = String::from("curl --include");
    let json = json(request);
    let usual = if request.body.is_some() {
        "POST"
    } else {
        "GET"
    };
    if request.method != usual {
        let _ = write!(command, " --request {}", request.method);
    }
    // Brackets and braces mean something to curl.
    if request.url.contains(['[', ']', '{', '}']) {
        command.push_str(" --globoff");
    }
    let _ = write!(command, " {url}");
    for header in headers(request) {
        let _ = write!(command, " \\\n  --header {header}");
    }
    if let Some(json) = json {
        let json = [Part::Text(json.to_owned())];
        let _ = write!(command, " \\\n  --header 'Content-Type: application/json'");
        let _ = write!(command, " \\\n  --data-raw {}", word(&json));
        return command;
    }
    for parameter in parameters(request) {
        let _ = write!(command, " \\\n  --data-urlencode {}", word(&parameter));
    }
    command
}

/// What stands in a command for something that is not shown.
pub(super) struct Variable {
    /// With its `$`.
    pub(super) name: &'static str,
    /// Where to get it, and for how long it is good.
    pub(super) meaning: &'static str,
}

/// Every variable that a command can have.
const VARIABLES: [Variable; 7] = [
    Variable {
        name: "$SESSION",
        meaning: "the value of this browser’s session cookie. The browser’s developer tools show it, under Application, Cookies.",
    },
    Variable {
        name: "$SIGN_IN",
        meaning: "the value of the cookie that the browser got at the start of this sign-in. It is good for 10 minutes and one callback.",
    },
    Variable {
        name: "$STATE",
        meaning: "the state of a sign-in under way, from the address of the page that asks for consent. It is good for 10 minutes and one callback.",
    },
    Variable {
        name: "$CODE",
        meaning: "the code from the callback’s address. This one is spent: a code works once, and for 10 minutes. For a fresh one, \
                  begin another sign-in with curl and open the address that it answers with.",
    },
    Variable {
        name: "$APP_SECRET",
        meaning: "the App secret from Smartsheet’s Developer Tools. The sandbox’s is made up, and shown nowhere.",
    },
    Variable {
        name: "$ACCESS_TOKEN",
        meaning: "the access token from the answer to the exchange. This app keeps it on the server and shows it nowhere.",
    },
    Variable {
        name: "$REFRESH_TOKEN",
        meaning: "the refresh token from the answer to the exchange or the last refresh. It works once.",
    },
];

/// The variables of `command`, in the order in which they are listed here.
pub(super) fn variables(command: &str) -> Vec<&'static Variable> {
    let used = VARIABLES.iter().filter(|variable| {
        // Within single quotes a `$` is what somebody sent.
        command
            .replace("\\'", "")
            .split('\'')
            .step_by(2)
            .any(|text| text.contains(variable.name))
    });
    used.collect()
}

/// The body, if it is JSON.
fn json(request: &Request) -> Option<&str> {
    let mut headers = request.headers.iter();
    let is_json =
        headers.any(|(name, value)| name == "content-type" && value == "application/json");
    request.body.as_deref().filter(|_| is_json)
}

/// The headers that matter to whoever tries it.
fn headers(request: &Request) -> impl Iterator<Item = String> {
    let headers = request.headers.iter();
    headers.filter_map(|(name, value)| match name.as_str() {
        "authorization" => Some("\"Authorization: Bearer $ACCESS_TOKEN\"".to_owned()),
        "cookie" => cookie(value),
        "accept" if value == "application/json" => Some("'Accept: application/json'".to_owned()),
        _ => None,
    })
}

/// The cookies of this app's that were sent, by the names that they had.
fn cookie(sent: &str) -> Option<String> {
    let names = sent.split("; ").filter_map(|cookie| cookie.split_once('='));
    let ours = names.filter_map(|(name, _)| {
        match name.strip_prefix("__Host-").unwrap_or(name) {
            "session" => Some(format!("{name}=$SESSION")),
            // What follows tells it from others, and is no text of a stranger's.
            sign_in if sign_in.starts_with("sign-in-") && is_plain(sign_in) => {
                Some(format!("{name}=$SIGN_IN"))
            }
            _ => None,
        }
    });
    let ours: Vec<String> = ours.collect();
    (!ours.is_empty()).then(|| format!("\"Cookie: {}\"", ours.join("; ")))
}

fn is_plain(name: &str) -> bool {
    name.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// The parameters of a form.
fn parameters(request: &Request) -> Vec<[Part; 2]> {
    const HASH_OF_CODE: &str = "$(printf %s \"$APP_SECRET|$CODE\" | sha256sum | cut -d ' ' -f 1)";
    const HASH_OF_REFRESH_TOKEN: &str =
        "$(printf %s \"$APP_SECRET|$REFRESH_TOKEN\" | sha256sum | cut -d ' ' -f 1)";
    let body = request.body.as_deref().unwrap_or_default();
    let hash = if body.contains("grant_type=refresh_token") {
        HASH_OF_REFRESH_TOKEN
    } else {
        HASH_OF_CODE
    };
    form_urlencoded::parse(body.as_bytes())
        .map(|(name, value)| {
            let value = match placeholder(&name) {
                _ if name == "hash" => Part::Placeholder(hash),
                Some(placeholder) => Part::Placeholder(placeholder),
                None => Part::Text(value.into_owned()),
            };
            [Part::Text(format!("{name}=")), value]
        })
        .collect()
}

/// What stands for a parameter that is masked.
fn placeholder(parameter: &str) -> Option<&'static str> {
    match parameter {
        "code" => Some("$CODE"),
        "state" => Some("$STATE"),
        "refresh_token" => Some("$REFRESH_TOKEN"),
        "client_secret" => Some("$APP_SECRET"),
        _ => None,
    }
}

/// A URL with placeholders for its masked parameters.
fn address(url: &str) -> Vec<Part> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let mut parts = vec![Part::Text(path.to_owned())];
    for (index, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
        let separator = if index == 0 { '?' } else { '&' };
        let name = pair.split('=').next().unwrap_or_default();
        if let Some(placeholder) = placeholder(name) {
            parts.push(Part::Text(format!("{separator}{name}=")));
            parts.push(Part::Placeholder(placeholder));
        } else {
            parts.push(Part::Text(format!("{separator}{pair}")));
        }
    }
    parts
}

/// One word of the shell. What a request had may hold anything, so it is quoted such that nothing in it is expanded.
fn word(parts: &[Part]) -> String {
    let is_plain = |part: &Part| match part {
        Part::Text(text) => !text.contains(['"', '$', '`', '\\', '!']),
        Part::Placeholder(_) => true,
    };
    let has_placeholder = parts
        .iter()
        .any(|part| matches!(part, Part::Placeholder(_)));
    if has_placeholder && parts.iter().all(is_plain) {
        let inside = parts.iter().map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Placeholder(placeholder) => placeholder,
        });
        return format!("\"{}\"", inside.collect::<String>());
    }
    let mut word = String::new();
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Text(more) => text.push_str(more),
            Part::Placeholder(placeholder) => {
                let _ = write!(word, "{}\"{placeholder}\"", single_quoted(&text));
                text.clear();
            }
        }
    }
    if !text.is_empty() || word.is_empty() {
        word.push_str(&single_quoted(&text));
    }
    word
}

fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Answer, Ending};

    fn message(step: Step, method: &str, url: &str, body: Option<&str>) -> Message {
        Message {
            step,
            at: jiff::Timestamp::UNIX_EPOCH,
            micros: 0,
            attempt: 1,
            request: Request {
                method: method.to_owned(),
                url: url.to_owned(),
                headers: vec![("authorization".to_owned(), "Bearer ll35…".to_owned())],
                body: body.map(str::to_owned),
            },
            ending: Ending::Answer(Answer {
                status: 200,
                headers: Vec::new(),
                body: None,
            }),
        }
    }

    #[test]
    fn an_exchange_makes_its_hash() {
        let body = "grant_type=authorization_code&code=sam…&redirect_uri=http%3A%2F%2Flocalhost%2Fredirect&client_id=it%27s&hash=0123…";
        let mut message = message(
            Step::CodeExchange,
            "POST",
            "https://api.smartsheet.com/2.0/token",
            Some(body),
        );
        message.request.headers.clear();
        assert_eq!(
            command(&message, ""),
            r#"curl --include 'https://api.smartsheet.com/2.0/token' \
  --data-urlencode 'grant_type=authorization_code' \
  --data-urlencode "code=$CODE" \
  --data-urlencode 'redirect_uri=http://localhost/redirect' \
  --data-urlencode 'client_id=it'\''s' \
  --data-urlencode "hash=$(printf %s "$APP_SECRET|$CODE" | sha256sum | cut -d ' ' -f 1)""#
        );
    }

    #[test]
    fn what_curl_would_take_for_a_range_is_sent_as_it_is() {
        let mut message = message(Step::SignIn, "GET", "/login?x=[1-9]&y={a,b}", None);
        message.request.headers.clear();
        let base = "http://localhost:8080/";
        assert_eq!(
            command(&message, base),
            "curl --include --globoff 'http://localhost:8080/login?x=[1-9]&y={a,b}'"
        );
    }

    #[test]
    fn a_call_names_its_token() {
        let message = message(
            Step::Revocation,
            "DELETE",
            "https://api.smartsheet.com/2.0/token",
            None,
        );
        assert_eq!(
            command(&message, ""),
            "curl --include --request DELETE 'https://api.smartsheet.com/2.0/token' \\\n  \
             --header \"Authorization: Bearer $ACCESS_TOKEN\""
        );
    }

    #[test]
    fn what_a_browser_asked_for_can_run_nothing() {
        for evil in [
            "/login?return_to=$(id)`id`",
            "/redirect?state=a&x=$(id)",
            "/login?x=\"; id; \"'; id; '",
            "/redirect?code=a&state=b&x=\"$(id)'`id`\\",
        ] {
            let mut message = message(Step::SignIn, "GET", evil, None);
            message.request.headers.clear();
            let command = command(&message, "http://localhost:8080/");
            let output = std::process::Command::new("sh")
                .arg("-c")
                .arg(command.replacen("curl --include", "printf %s", 1))
                .output()
                .unwrap();
            let printed = String::from_utf8_lossy(&output.stdout);
            assert!(!printed.contains("uid="), "{command} printed {printed}");
        }
    }
}
