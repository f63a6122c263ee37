//! `GET /me`: calls `users/me` and shows the whole profile.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::accept::wants_json;
use super::failure::{Action, Failure};
use super::person::{Known, PersonError, known};
use super::{App, Frame, Here, break_it, page};
use crate::session::{Browser, Login};
use crate::smartsheet::Profile;

#[derive(Template)]
#[template(path = "me.html")]
struct MePage {
    frame: Frame,
    name: String,
    email: String,
    sections: Vec<Section>,
    session: Vec<Fact>,
}

struct Section {
    title: &'static str,
    facts: Vec<Fact>,
}

struct Fact {
    label: String,
    values: Vec<Shown>,
}

/// A value in words.
enum Shown {
    Text(String),
    /// An instant: in words, and exactly.
    Time {
        words: String,
        exact: String,
    },
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    browser: Browser,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let json = wants_json(&headers);
    let Known { profile, login } = match known(&app, &browser).await {
        Ok(known) => known,
        Err(PersonError::Failed(failure)) => return Err(failure),
        Err(PersonError::SignedOut) if json => return Err(signed_out()),
        Err(PersonError::SignedOut) => {
            return Ok(Redirect::to("/login?return_to=/me").into_response());
        }
    };
    let vary = [(header::VARY, "Accept")];
    if json {
        let content_type = [(header::CONTENT_TYPE, "application/json")];
        return Ok((vary, content_type, profile.raw().to_vec()).into_response());
    }
    let zone = time_zone(&profile);
    let page = page(&MePage {
        frame: Frame::of(&app, Here::Profile).teaching(break_it::lesson(browser.visit())),
        name: profile.name(),
        email: profile.email().to_owned(),
        sections: sections(&profile, &zone),
        session: about_session(&login, &zone),
    });
    Ok((vary, page).into_response())
}

fn signed_out() -> Failure {
    Failure {
        status: StatusCode::UNAUTHORIZED,
        kind: "signed-out",
        title: "Please sign in",
        explanation: "Nobody is signed in with this browser.".to_owned(),
        advice: "Sign in at /login with a browser.",
        action: Action::SignIn,
        reason: "signed out".to_owned(),
        retry_after: None,
    }
}

/// Which fields make a section, each with what it is called. In the order of the page.
const SECTIONS: [(&str, &[(&str, &str)]); 6] = [
    (
        "Person",
        &[
            ("firstName", "First name"),
            ("lastName", "Last name"),
            ("email", "Email"),
            ("alternateEmails", "Other email addresses"),
            ("workPhone", "Work phone"),
            ("mobilePhone", "Mobile phone"),
            ("profileImage", "Picture"),
        ],
    ),
    (
        "Work",
        &[
            ("title", "Title"),
            ("department", "Department"),
            ("company", "Company"),
            ("role", "Role"),
        ],
    ),
    (
        "Account",
        &[
            ("account", "Organization"),
            ("id", "User id"),
            ("sheetCount", "Sheets owned"),
        ],
    ),
    (
        "Permissions",
        &[
            ("admin", "System administrator"),
            ("licensedSheetCreator", "Licensed to create sheets"),
            ("groupAdmin", "Group administrator"),
            ("resourceViewer", "Sees resource views"),
            ("jiraAdmin", "Administers the Jira connector"),
            ("salesforceAdmin", "Administers the Salesforce connector"),
            ("salesforceUser", "Uses the Salesforce connector"),
        ],
    ),
    (
        "Language and time",
        &[("locale", "Locale"), ("timeZone", "Time zone")],
    ),
    (
        "Activity",
        &[
            ("lastLogin", "Last login to Smartsheet"),
            ("customWelcomeScreenViewed", "Welcome screen seen"),
        ],
    ),
];

/// Every field that is there, under the section it belongs to; those of unknown names come last.
fn sections(profile: &Profile, zone: &TimeZone) -> Vec<Section> {
    let fields = profile.fields();
    let fact = |name: &str, label: &str| {
        let values = show(fields.get(name)?, zone);
        (!values.is_empty()).then(|| Fact {
            label: label.to_owned(),
            values,
        })
    };
    let known = SECTIONS.iter().map(|(title, names)| Section {
        title,
        facts: names
            .iter()
            .filter_map(|(name, label)| fact(name, label))
            .collect(),
    });
    let is_known = |name: &str| {
        SECTIONS
            .iter()
            .flat_map(|(_, names)| *names)
            .any(|(known, _)| *known == name)
    };
    let unknown = Section {
        title: "More from Smartsheet",
        facts: fields
            .keys()
            .filter(|name| !is_known(name))
            .filter_map(|name| fact(name, &words(name)))
            .collect(),
    };
    known
        .chain([unknown])
        .filter(|section| !section.facts.is_empty())
        .collect()
}

fn about_session(login: &Login, zone: &TimeZone) -> Vec<Fact> {
    let fact = |label: &str, instant: Timestamp| Fact {
        label: label.to_owned(),
        values: vec![show_time(instant, zone)],
    };
    let mut facts = vec![
        fact("Signed in", login.signed_in_at),
        fact("Access token expires", login.token.expires_at),
    ];
    facts.extend(login.refreshed_at.map(|at| fact("Last refreshed", at)));
    facts
}

/// A value in words, on as many lines as it has parts. Nothing for what is empty.
fn show(value: &Value, zone: &TimeZone) -> Vec<Shown> {
    match value {
        Value::Null => Vec::new(),
        Value::Bool(yes) => vec![Shown::Text(if *yes { "Yes" } else { "No" }.to_owned())],
        Value::Number(number) => vec![Shown::Text(number.to_string())],
        Value::String(text) if text.trim().is_empty() => Vec::new(),
        Value::String(text) => vec![match text.parse::<Timestamp>() {
            Ok(instant) => show_time(instant, zone),
            Err(_) => Shown::Text(text.clone()),
        }],
        Value::Array(items) => items.iter().flat_map(|item| show(item, zone)).collect(),
        Value::Object(fields) => composed(fields).map(Shown::Text).into_iter().collect(),
    }
}

/// A composed value, such as an alternate address: what names it, then the rest in brackets.
fn composed(fields: &Map<String, Value>) -> Option<String> {
    let name = ["name", "email"]
        .iter()
        .find_map(|name| fields.get(*name)?.as_str())
        .filter(|name| !name.trim().is_empty());
    let rest: Vec<String> = fields
        .iter()
        .filter_map(|(label, value)| match (label.as_str(), value) {
            (_, Value::Null) => None,
            (_, Value::String(text)) if Some(text.as_str()) == name => None,
            (_, Value::Bool(true)) => Some(words(label).to_lowercase()),
            (_, Value::Bool(false)) => Some(format!("not {}", words(label).to_lowercase())),
            (_, Value::String(text)) => Some(format!("{} {text}", words(label).to_lowercase())),
            (_, value) => Some(format!("{} {value}", words(label).to_lowercase())),
        })
        .collect();
    match (name, rest.is_empty()) {
        (Some(name), true) => Some(name.to_owned()),
        (Some(name), false) => Some(format!("{name} ({})", rest.join(", "))),
        (None, false) => Some(rest.join(", ")),
        (None, true) => None,
    }
}

/// An instant as people read it, in their own time zone.
fn show_time(instant: Timestamp, zone: &TimeZone) -> Shown {
    let local = instant.to_zoned(zone.clone());
    Shown::Time {
        words: local.strftime("%-d %B %Y, %H:%M %Z").to_string(),
        exact: instant.to_string(),
    }
}

/// The person's time zone, or UTC when it is missing or unknown.
fn time_zone(profile: &Profile) -> TimeZone {
    profile
        .text("timeZone")
        .and_then(|name| TimeZone::get(name).ok())
        .unwrap_or(TimeZone::UTC)
}

/// `customWelcomeScreenViewed` as "Custom welcome screen viewed".
fn words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 8);
    for (index, character) in name.chars().enumerate() {
        if index == 0 {
            words.extend(character.to_uppercase());
        } else if character.is_uppercase() {
            words.push(' ');
            words.extend(character.to_lowercase());
        } else {
            words.push(if character == '_' { ' ' } else { character });
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(raw: &str) -> Vec<(String, String)> {
        let profile = Profile::parse(raw.as_bytes().to_vec()).unwrap();
        let zone = time_zone(&profile);
        sections(&profile, &zone)
            .into_iter()
            .flat_map(|section| section.facts)
            .map(|fact| {
                let texts = fact.values.iter().map(|value| match value {
                    Shown::Text(text) => text.clone(),
                    Shown::Time { words, exact } => format!("{words} = {exact}"),
                });
                (fact.label, texts.collect::<Vec<_>>().join(" | "))
            })
            .collect()
    }

    #[test]
    fn values_in_words() {
        let facts = shown(
            r#"{"id": 48569348493401200, "email": "ann@example.com", "timeZone": "US/Pacific", "admin": true,
                "jiraAdmin": false, "workPhone": "", "company": null, "lastLogin": "2016-08-15T18:32:47Z",
                "account": {"name": "Team", "id": 942513719853956},
                "alternateEmails": [{"id": 1, "email": "a@example.com", "confirmed": true},
                                    {"id": 2, "email": "b@example.com", "confirmed": false}],
                "favouriteColour": "<b>blue</b>", "new_list": []}"#,
        );
        let expected = [
            ("Email", "ann@example.com"),
            (
                "Other email addresses",
                "a@example.com (confirmed, id 1) | b@example.com (not confirmed, id 2)",
            ),
            ("Organization", "Team (id 942513719853956)"),
            ("User id", "48569348493401200"),
            ("System administrator", "Yes"),
            ("Administers the Jira connector", "No"),
            ("Time zone", "US/Pacific"),
            (
                "Last login to Smartsheet",
                "15 August 2016, 11:32 PDT = 2016-08-15T18:32:47Z",
            ),
            ("Favourite colour", "<b>blue</b>"),
        ];
        let expected: Vec<(String, String)> = expected
            .map(|(label, text)| (label.to_owned(), text.to_owned()))
            .to_vec();
        assert_eq!(facts, expected);
    }

    #[test]
    fn odd_values_are_shown_as_they_are() {
        let facts = shown(
            r#"{"id":"x","email":["a","b"],"timeZone":"Mars/Base","lastLogin":"soon","account":7}"#,
        );
        assert!(facts.contains(&("Time zone".to_owned(), "Mars/Base".to_owned())));
        assert!(facts.contains(&("Last login to Smartsheet".to_owned(), "soon".to_owned())));
        assert!(facts.contains(&("Email".to_owned(), "a | b".to_owned())));
    }
}
