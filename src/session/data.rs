//! What is kept for a browser.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::rows::RowKey;
use crate::clock::{after, before};
use crate::flow::FlowId;
use crate::oauth::{State, Token};

/// How long a person may take between `/login` and the callback. Smartsheet's codes live as long.
pub const SIGN_IN_TIME: Duration = Duration::from_mins(10);

/// How many sign-ins one browser may have under way. The oldest makes room, so that a tab reloading `/login` for ever
/// does not grow the session.
pub const MAX_PENDING: usize = 8;

/// Everything that is kept for one browser. Sealed before it is stored; serialising it writes tokens in clear.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionData {
    /// When the session was made; a sign-in makes a new one. Its lifetime counts from here.
    pub created_at: Timestamp,
    /// The sign-ins that this browser has started and not finished, oldest first. A list, so that two tabs can sign in at
    /// the same time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<PendingSignIn>,
    /// The sign-in that succeeded last, while its grant lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
    /// Where the messages of this browser's flow are. Sessions that an earlier version made have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowId>,
    /// The failure that the person is trying out, in sandbox mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<Trial>,
    /// The row of the session that somebody who signed in again had before. It is there until the browser shows that it knows
    /// this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<RowKey>,
}

/// A failure that a person chose to try out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// Which one.
    pub name: String,
    /// Whether everything is arranged for it. If not, the person has to sign in first.
    pub arranged: bool,
}

/// A sign-in between `/login` and the callback.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PendingSignIn {
    /// What the callback must bring.
    pub state: State,
    /// When it was started.
    pub started_at: Timestamp,
    /// The path within the app where the person goes afterwards.
    pub return_to: String,
}

/// A signed-in person's tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Login {
    /// When the person signed in.
    pub signed_in_at: Timestamp,
    /// The tokens in force.
    pub token: Token,
    /// When the tokens were last refreshed, if ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refreshed_at: Option<Timestamp>,
    /// Who is refreshing the tokens right now, if anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// Who it is, once `users/me` has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Person>,
}

/// The right to use the refresh token, for a while. It is taken by a conditional write, so one instance has it, and it
/// lapses by itself, so that a crash of its holder holds up nobody for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// A random number that the holder knows itself by.
    pub holder: u64,
    /// When it lapses.
    pub until: Timestamp,
}

/// As much of a profile as every page shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// First and last name, or the email address when there is neither.
    pub name: String,
    /// The email address.
    pub email: String,
}

impl SessionData {
    /// A session with nothing in it.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            created_at: now,
            pending: Vec::new(),
            login: None,
            flow: Some(FlowId::random()),
            trial: None,
            replaces: None,
        }
    }

    /// What goes on in another session when somebody who is signed in with this one signs in again. Sign-ins under way stay
    /// here until the other takes this one's place ([`SessionData::take_place`]): each can be finished in one of the two.
    #[must_use]
    pub(super) fn successor(&self, row: RowKey) -> Self {
        Self {
            pending: Vec::new(),
            replaces: Some(row),
            ..self.clone()
        }
    }

    /// Takes the place of the session that it replaces, with the sign-ins that are under way there.
    pub(super) fn take_place(&mut self, mut pending: Vec<PendingSignIn>) {
        self.replaces = None;
        pending.append(&mut self.pending);
        let surplus = pending.len().saturating_sub(MAX_PENDING);
        self.pending = pending.split_off(surplus);
    }

    /// Adds a sign-in, dropping those that are too old and, when there are [`MAX_PENDING`], the oldest.
    pub fn add_pending(&mut self, sign_in: PendingSignIn) {
        let now = sign_in.started_at;
        self.pending.retain(|pending| !pending.is_too_old(now));
        if self.pending.len() >= MAX_PENDING {
            self.pending.remove(0);
        }
        self.pending.push(sign_in);
    }

    /// Takes out the sign-in that `state` belongs to, if this browser started it and it is not too old. Each can be taken
    /// once.
    pub fn take_pending(&mut self, state: &State, now: Timestamp) -> Option<PendingSignIn> {
        let index = self
            .pending
            .iter()
            .position(|pending| pending.state == *state)?;
        let pending = self.pending.remove(index);
        (!pending.is_too_old(now)).then_some(pending)
    }

    /// Whether there is nothing worth keeping.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.login.is_none()
    }
}

impl PendingSignIn {
    fn is_too_old(&self, now: Timestamp) -> bool {
        self.started_at < before(now, SIGN_IN_TIME)
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
    /// When `data` stops counting if nobody visits after `now`. A session without a login lasts as long as its newest
    /// sign-in may take, so that visitors who never finish leave nothing behind.
    #[must_use]
    pub fn expiry(&self, data: &SessionData, now: Timestamp) -> Timestamp {
        let end = after(data.created_at, self.total);
        let rest = match (&data.login, data.pending.last()) {
            (Some(_), _) => after(now, self.idle),
            (None, Some(pending)) => after(pending.started_at, SIGN_IN_TIME),
            (None, None) => after(now, SIGN_IN_TIME),
        };
        end.min(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::AccessToken;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
    }

    fn sign_in(state: &str, minutes: i64) -> PendingSignIn {
        PendingSignIn {
            state: State::new(state),
            started_at: at(minutes),
            return_to: "/me".to_owned(),
        }
    }

    #[test]
    fn a_state_is_taken_once_within_ten_minutes() {
        let mut data = SessionData::new(at(0));
        data.add_pending(sign_in("one", 0));
        data.add_pending(sign_in("two", 5));
        assert!(data.take_pending(&State::new("other"), at(5)).is_none());
        assert!(data.take_pending(&State::new("one"), at(10)).is_some());
        assert!(data.take_pending(&State::new("one"), at(10)).is_none());
        assert!(data.take_pending(&State::new("two"), at(16)).is_none());
        assert!(data.is_empty());
    }

    #[test]
    fn the_list_is_short() {
        let mut data = SessionData::new(at(0));
        for number in 0..100 {
            data.add_pending(sign_in(&number.to_string(), 0));
        }
        assert_eq!(data.pending.len(), MAX_PENDING);
        assert!(data.take_pending(&State::new("91"), at(0)).is_none());
        assert!(data.take_pending(&State::new("92"), at(0)).is_some());
        data.add_pending(sign_in("late", 11));
        assert_eq!(data.pending.len(), 1);
    }

    #[test]
    fn expiry_follows_visits_until_the_lifetime_ends() {
        let lifetimes = Lifetimes {
            idle: Duration::from_hours(1),
            total: Duration::from_mins(90),
        };
        let mut data = SessionData::new(at(0));
        data.add_pending(sign_in("one", 5));
        assert_eq!(lifetimes.expiry(&data, at(6)), at(15));
        data.login = Some(Login {
            signed_in_at: at(6),
            token: Token {
                access_token: AccessToken::new("a"),
                refresh_token: None,
                expires_at: at(100),
            },
            refreshed_at: None,
            lease: None,
            person: None,
        });
        assert_eq!(lifetimes.expiry(&data, at(6)), at(66));
        assert_eq!(lifetimes.expiry(&data, at(60)), at(90));
    }
}
