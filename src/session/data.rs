//! What is kept for a browser that somebody is signed in with.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::identity::Identity;
use super::issuer::Issuer;
use super::rows::RowKey;
use crate::clock::after;
use crate::flow::FlowId;
use crate::oauth::{Scope, Token};
use crate::smartsheet::Profile;

/// How long a person may take between `/login` and the callback. Smartsheet's codes live as long. And for how long afterwards
/// it is remembered what came of it.
pub const SIGN_IN_TIME: Duration = Duration::from_mins(10);

/// How long a session lasts that no browser has shown to know. The browser asks with it right after the sign-in, unless the
/// answer with the cookie was lost.
const UNSEEN_TIME: Duration = Duration::from_hours(1);

/// How many sign-ins of one browser are remembered, and how many sessions that may replace one.
pub(super) const MAX_REMEMBERED: usize = 20;

/// Everything that is kept for one browser. Sealed before it is stored; serialising it writes tokens in clear.
///
/// How it is written is for `content.rs` to say. A new field comes at the end of its struct and needs a new form there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionData {
    /// When the person signed in. The session's lifetime counts from here.
    pub created_at: Timestamp,
    /// The sign-in.
    pub login: Login,
    /// Where the messages of this login are. Sessions that an earlier version made may have none.
    #[serde(default)]
    pub flow: Option<FlowId>,
    /// The row of the session that somebody who signed in again had before. It is there until the browser shows that it knows
    /// this one.
    #[serde(default)]
    pub replaces: Option<RowKey>,
    /// The rows of other sessions of this browser: those that replace this one when the browser shows that it knows them, and
    /// those of tabs that signed in at the same time. All end with this one.
    #[serde(default)]
    pub(super) successors: Vec<RowKey>,
    /// The states that this browser signed in with, by their rows: the one of this session first.
    #[serde(default)]
    pub(super) sign_ins: Vec<RowKey>,
    /// The rows of the sessions that other sites have by this one.
    #[serde(default)]
    pub(super) sites: Vec<RowKey>,
    /// Whether the browser has shown that it knows this session. Those of an earlier version count as known.
    #[serde(default = "yes")]
    pub(super) seen: bool,
    /// When the browser was found to have another session instead. This one is not extended any more.
    #[serde(default)]
    pub(super) superseded_at: Option<Timestamp>,
    /// When it stops counting, as far as is known at the time of writing. Here, under the seal, so that whoever can write the
    /// database can't extend a session. Sessions of an earlier version have none.
    #[serde(default)]
    pub(super) until: Option<Timestamp>,
}

fn yes() -> bool {
    true
}

/// A signed-in person's tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Login {
    /// When the person signed in.
    pub signed_in_at: Timestamp,
    /// The tokens in force.
    pub token: Token,
    /// When the tokens were last refreshed, if ever.
    #[serde(default)]
    pub refreshed_at: Option<Timestamp>,
    /// Who is refreshing the tokens right now, if anybody.
    #[serde(default)]
    pub lease: Option<Lease>,
    /// Who it is, once `users/me` has said so.
    #[serde(default)]
    pub person: Option<Person>,
    /// Who it is for other sites, once `users/me?include=groups` has said so.
    #[serde(default)]
    pub identity: Option<Identity>,
    /// When that was said.
    #[serde(default)]
    pub identified_at: Option<Timestamp>,
    /// When somebody began to ask for it again, while there is no answer.
    #[serde(default)]
    pub asked_at: Option<Timestamp>,
    /// Who issued the tokens. With another issuer in force the session does not count. Sessions of an earlier version have
    /// none, and count with any.
    #[serde(default)]
    pub issuer: Option<Issuer>,
    /// The names of the scopes that the person was asked for, with blanks between. Sessions of an earlier version have none:
    /// they were asked for all that the settings name.
    #[serde(default)]
    pub scopes: Option<String>,
}

/// The right to use the refresh token, for a while. It is taken by a conditional write, so one instance has it, and it
/// lapses by itself, so that a crash of its holder holds up nobody for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// A random number that the holder knows itself by.
    pub holder: u64,
    /// When it lapses.
    pub until: Timestamp,
    /// The instance that the holder belongs to, if others can see whether it is there. Those of an earlier version have none.
    #[serde(default)]
    pub instance: Option<i64>,
}

/// As much of a profile as every page shows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Person {
    /// First and last name, or the email address when there is neither.
    pub name: String,
    /// The email address.
    pub email: String,
    /// Their locale, as Smartsheet writes it (`en_US`). Sessions of an earlier version have none.
    #[serde(default)]
    pub locale: Option<String>,
    /// Their time zone, by its name in the time zone database.
    #[serde(default)]
    pub time_zone: Option<String>,
}

impl Person {
    /// What `profile` says of them.
    #[must_use]
    pub fn of(profile: &Profile) -> Self {
        Self {
            name: profile.name(),
            email: profile.email().to_owned(),
            locale: profile.text("locale").map(str::to_owned),
            time_zone: profile.text("timeZone").map(str::to_owned),
        }
    }
}

impl Login {
    /// A sign-in that has just brought `token`.
    #[must_use]
    pub fn new(token: Token, now: Timestamp) -> Self {
        Self {
            signed_in_at: now,
            token,
            refreshed_at: None,
            lease: None,
            person: None,
            identity: None,
            identified_at: None,
            asked_at: None,
            issuer: None,
            scopes: None,
        }
    }

    /// What the person was asked for, where `usual` is what the settings name.
    #[must_use]
    pub fn asked_for(&self, usual: &[Scope]) -> Vec<Scope> {
        match &self.scopes {
            None => usual.to_vec(),
            Some(names) => named_scopes(names),
        }
    }
}

/// The names of `scopes`, with blanks between.
pub(super) fn scope_names(scopes: &[Scope]) -> String {
    let names: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
    names.join(" ")
}

/// The scopes of these names.
pub(super) fn named_scopes(names: &str) -> Vec<Scope> {
    let names = names.split_ascii_whitespace();
    names.filter_map(|name| name.parse().ok()).collect()
}

impl SessionData {
    /// A session that begins with `login`, whose messages are in `flow`.
    #[must_use]
    pub fn new(login: Login, flow: FlowId) -> Self {
        Self {
            created_at: login.signed_in_at,
            login,
            flow: Some(flow),
            replaces: None,
            successors: Vec::new(),
            sign_ins: Vec::new(),
            sites: Vec::new(),
            seen: false,
            superseded_at: None,
            until: None,
        }
    }

    /// Notes the row of another session of this browser.
    pub(super) fn remember_other(&mut self, session: RowKey) {
        if !self.successors.contains(&session) {
            self.successors.push(session);
            let surplus = self.successors.len().saturating_sub(MAX_REMEMBERED);
            self.successors.drain(..surplus);
        }
    }

    /// Whether a sign-in with the state of this row led here.
    pub(super) fn came_by(&self, state: &RowKey) -> bool {
        self.sign_ins.contains(state)
    }
}

/// How long sessions count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// Without a visit.
    pub idle: Duration,
    /// In all.
    pub total: Duration,
}

impl Lifetimes {
    /// When `data` stops counting if nobody visits after `now`. A session that no browser has shown to know ends soon, and so
    /// does one in whose place the browser has another.
    #[must_use]
    pub fn expiry(&self, data: &SessionData, now: Timestamp) -> Timestamp {
        let end = after(data.created_at, self.total);
        let rest = if data.seen {
            after(now, self.idle)
        } else {
            after(data.created_at, self.idle.min(UNSEEN_TIME))
        };
        let superseded = data.superseded_at.map(|at| after(at, SIGN_IN_TIME));
        end.min(rest).min(superseded.unwrap_or(Timestamp::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::AccessToken;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
    }

    #[test]
    fn expiry_follows_visits_until_the_lifetime_ends() {
        let lifetimes = Lifetimes {
            idle: Duration::from_hours(2),
            total: Duration::from_hours(5),
        };
        let token = Token {
            access_token: AccessToken::new("a"),
            refresh_token: None,
            expires_at: at(0),
        };
        let mut data = SessionData::new(Login::new(token, at(0)), FlowId::random());
        // Nobody has come with it yet.
        assert_eq!(lifetimes.expiry(&data, at(0)), at(60));
        assert_eq!(lifetimes.expiry(&data, at(30)), at(60));
        data.seen = true;
        assert_eq!(lifetimes.expiry(&data, at(0)), at(120));
        assert_eq!(lifetimes.expiry(&data, at(90)), at(210));
        assert_eq!(lifetimes.expiry(&data, at(250)), at(300));
        data.superseded_at = Some(at(30));
        assert_eq!(lifetimes.expiry(&data, at(35)), at(40));
        assert_eq!(lifetimes.expiry(&data, at(250)), at(40));
    }
}
