//! A request and an answer as lines: first what carries the protocol, then the other headers, then the body in a form that people
//! can read.

use url::form_urlencoded;

use super::outcome::status_line;
use crate::flow::{Ending, Message, Request};
use crate::web::raw_json::indent;

/// The headers that carry the protocol, of both sides.
const OF_THE_PROTOCOL: [&str; 11] = [
    "host",
    "authorization",
    "cookie",
    "set-cookie",
    "location",
    "content-type",
    "retry-after",
    "www-authenticate",
    "allow",
    "origin",
    "smartsheet-change-agent",
];

/// Where the lines of a query and of a form are indented to.
pub(super) const INDENT: &str = "    ";

/// One side of a message.
#[derive(Default)]
pub(super) struct Side {
    /// The first line, and the headers that carry the protocol.
    pub(super) head: Vec<Line>,
    /// The other headers.
    pub(super) more: Vec<Line>,
    pub(super) body: Vec<Line>,
}

/// A line, and which parameter it is of if that is one to follow through the flow.
pub(super) struct Line {
    pub(super) text: String,
    /// `state`, `code`, `hash`, or nothing.
    pub(super) of: &'static str,
}

impl Line {
    pub(super) fn plain(text: String) -> Self {
        Self { text, of: "" }
    }
}

/// The request as it went over the wire.
pub(super) fn request(message: &Message) -> Side {
    let request = &message.request;
    let has_host = request.headers.iter().any(|(name, _)| name == "host");
    // The host is in its header.
    let target = if has_host {
        without_host(&request.url)
    } else {
        &request.url
    };
    let mut side = Side::default();
    let method = format!("{} ", request.method);
    side.head = address(&method, target, " HTTP/1.1");
    side.add_headers(&request.headers);
    if let Some(body) = &request.body {
        side.body = body_lines(body, is_form(&request.headers));
    }
    side
}

/// The answer as it came over the wire.
pub(super) fn answer(message: &Message) -> Side {
    let mut side = Side::default();
    match &message.ending {
        Ending::Answer(answer) | Ending::Unusable { answer, .. } => {
            let status = format!("HTTP/1.1 {}", status_line(answer.status));
            side.head.push(Line::plain(status));
            side.add_headers(&answer.headers);
            if let Some(body) = &answer.body {
                side.body = body_lines(body, false);
            }
        }
        Ending::Failure(why) => side.head.push(Line::plain(format!("(no answer: {why})"))),
        Ending::Unseen { location } => {
            side.head
                .push(Line::plain("(seen by the browser alone)".to_owned()));
            side.head.extend(address("location: ", location, ""));
        }
    }
    side
}

impl Side {
    fn add_headers(&mut self, headers: &[(String, String)]) {
        for (name, value) in headers {
            if name == "location" {
                self.head.extend(address("location: ", value, ""));
            } else if OF_THE_PROTOCOL.contains(&name.as_str()) {
                self.head.push(Line::plain(format!("{name}: {value}")));
            } else {
                self.more.push(Line::plain(format!("{name}: {value}")));
            }
        }
    }
}

/// The path and query of a URL that is masked, and so is no URL for a parser.
pub(super) fn without_host(url: &str) -> &str {
    let Some((_, rest)) = url.split_once("://") else {
        return url;
    };
    rest.find('/').map_or("/", |start| &rest[start..])
}

/// The whole URL of a request: what a browser asks of this app is a path. `base` is how browsers reach this app.
pub(super) fn whole_url(request: &Request, base: &str) -> String {
    if request.url.starts_with('/') {
        format!("{}{}", base.trim_end_matches('/'), request.url)
    } else {
        request.url.clone()
    }
}

/// An address between two texts, its parameters decoded and on lines of their own.
fn address(before: &str, url: &str, after: &str) -> Vec<Line> {
    let Some((path, query)) = url.split_once('?') else {
        return vec![Line::plain(format!("{before}{url}{after}"))];
    };
    let mut lines = vec![Line::plain(format!("{before}{path}"))];
    for (index, pair) in query.split('&').enumerate() {
        let separator = if index == 0 { '?' } else { '&' };
        lines.push(Line {
            text: format!("{INDENT}{separator}{}", decoded(pair)),
            of: followed(pair),
        });
    }
    if let Some(last) = lines.last_mut() {
        last.text.push_str(after);
    }
    lines
}

fn is_form(headers: &[(String, String)]) -> bool {
    let mut kinds = headers.iter().filter(|(name, _)| name == "content-type");
    kinds.any(|(_, kind)| kind.starts_with("application/x-www-form-urlencoded"))
}

fn body_lines(body: &str, is_form: bool) -> Vec<Line> {
    if is_form {
        let pairs = body.split('&').map(|pair| Line {
            text: decoded(pair),
            of: followed(pair),
        });
        return pairs.collect();
    }
    let is_json = body.trim_start().starts_with(['{', '[']);
    let text = if is_json {
        indent(body)
    } else {
        body.to_owned()
    };
    text.lines()
        .map(|line| Line::plain(line.to_owned()))
        .collect()
}

/// One parameter as it was meant. What would break the line stays visible.
fn decoded(pair: &str) -> String {
    let Some((name, value)) = form_urlencoded::parse(pair.as_bytes()).next() else {
        return pair.to_owned();
    };
    let mut text = String::with_capacity(pair.len());
    for character in name.chars() {
        visible(&mut text, character);
    }
    if pair.contains('=') {
        text.push('=');
    }
    for character in value.chars() {
        visible(&mut text, character);
    }
    text
}

fn visible(text: &mut String, character: char) {
    if character.is_control() {
        text.extend(character.escape_default());
    } else {
        text.push(character);
    }
}

fn followed(pair: &str) -> &'static str {
    match pair.split('=').next() {
        Some("state") => "state",
        Some("code") => "code",
        Some("hash") => "hash",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &[Line]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn an_address_has_a_parameter_a_line() {
        let lines = address(
            "GET ",
            "/redirect?code=sam…&x=a%20b%0Ac&state=kZb3…",
            " HTTP/1.1",
        );
        assert_eq!(
            texts(&lines),
            [
                "GET /redirect",
                "    ?code=sam…",
                "    &x=a b\\nc",
                "    &state=kZb3… HTTP/1.1"
            ]
        );
        assert_eq!(lines[3].of, "state");
        assert_eq!(texts(&address("", "/me", "")), ["/me"]);
    }

    #[test]
    fn bodies_can_be_read() {
        let form = body_lines(
            "grant_type=refresh_token&redirect_uri=http%3A%2F%2Fx%2F",
            true,
        );
        assert_eq!(
            texts(&form),
            ["grant_type=refresh_token", "redirect_uri=http://x/"]
        );
        let cut = body_lines("{\"id\":1,\"na", false);
        assert_eq!(texts(&cut), ["{", "  \"id\": 1,", "  \"na"]);
        assert_eq!(texts(&body_lines("<html>\na", false)), ["<html>", "a"]);
    }
}
