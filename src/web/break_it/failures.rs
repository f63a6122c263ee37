//! The failures that can be tried out: how each is arranged, and what there is to learn from it.

mod calls;
mod sheets;
mod sign_in;
mod tokens;

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use crate::web::frame::Lesson;

/// A failure that a person can try out.
pub(super) struct Failure {
    /// As it is in addresses.
    pub(super) name: &'static str,
    /// On its button.
    pub(super) title: &'static str,
    /// What is about to happen.
    pub(super) teaser: &'static str,
    /// Where it ends: a status, and what is on the page.
    pub(super) ends_with: &'static str,
    pub(super) way: Way,
    /// What happened, and what this app did about it. Shown where it ends.
    pub(super) lesson: Lesson,
}

/// How the person gets there.
pub(super) enum Way {
    /// By a sign-in whose request for consent has these parameters, too.
    SignIn(&'static [(&'static str, &'static str)]),
    /// By this address of the callback.
    Callback(&'static str),
    /// By opening the profile, signed in, after the sandbox was told so.
    Profile(&'static [Order]),
    /// By saving a row of the sheet that Grace Hopper shares, after the sandbox was told so. On the form it is said what to do.
    Row(&'static [Order]),
    /// By opening this page as Grace Hopper.
    Page(&'static str),
}

/// Whose the ways to sheets are: the sandbox's name for her, and her address.
pub(super) const GRACE: (&str, &str) = ("full", "grace.hopper@example.com");

/// The sheet that she shares with others, and a row of it that she may change.
const BOARD: &str = "/sheets/2331373580117892";
pub(super) const FORM: &str = "/sheets/2331373580117892/rows/2331373580117928";

/// On the form of a row whose saving will go wrong.
pub(super) const SAVE_IT: Lesson = Lesson {
    title: "Now change something and save.",
    text: "Everything is arranged: this form is a real one, and saving it will not go as usual.",
};

/// What the sandbox is told about this person's tokens.
pub(super) enum Order {
    /// The next `times` calls of `users/me` fail.
    FailProfile(Fault),
    /// The calls of the shared sheet fail, after the one that the form is made of.
    FailSheet(Fault),
    /// The next `times` writes of its rows fail.
    FailSaving(Fault),
    /// The next token request fails.
    FailRefresh(Fault),
    /// The access token has expired.
    Expire,
    /// The person has taken the access back.
    Revoke,
}

/// How calls fail.
pub(super) struct Fault {
    pub(super) name: &'static str,
    pub(super) times: u32,
    pub(super) delay_ms: u32,
    /// In seconds.
    pub(super) retry_after: Option<u32>,
}

impl Fault {
    pub(super) const fn named(name: &'static str, times: u32) -> Self {
        Self {
            name,
            times,
            delay_ms: 0,
            retry_after: None,
        }
    }
}

/// The longest that the app waits is 10 seconds; this is longer.
const HANG_MS: u32 = 20_000;

/// Failures of one kind.
pub(super) struct Group {
    pub(super) title: &'static str,
    pub(super) failures: &'static [Failure],
}

/// Those that teach the most, in the order in which to try them.
const START_HERE: [&str; 3] = ["forged-state", "expired-token", "malformed-token-answer"];

impl Failure {
    /// Whether it is one to begin with.
    pub(super) fn is_a_start(&self) -> bool {
        START_HERE.contains(&self.name)
    }

    /// Whether the person will wait for as long as the app does.
    pub(super) fn is_slow(&self) -> bool {
        self.ends_with.starts_with("504")
    }
}

/// Every failure, in the order of the page.
fn all() -> impl Iterator<Item = &'static Failure> {
    GROUPS.iter().flat_map(|group| group.failures)
}

/// The failures to begin with.
pub(super) fn start_here() -> impl Iterator<Item = &'static Failure> {
    START_HERE.iter().filter_map(|name| find(name))
}

/// The bit of a failure in [`Tried`].
fn bit(name: &str) -> u32 {
    let place = all().position(|failure| failure.name == name);
    let place = place.and_then(|place| u32::try_from(place).ok());
    place
        .and_then(|place| 1_u32.checked_shl(place))
        .unwrap_or_default()
}

/// The failures that were tried in a browser.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tried(u32);

impl Tried {
    /// Whether `name` is one of them.
    pub(super) fn has(self, name: &str) -> bool {
        self.0 & bit(name) != 0
    }

    /// These and `name`.
    pub(super) fn and(self, name: &str) -> Self {
        Self(self.0 | bit(name))
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:x}", self.0)
    }
}

impl FromStr for Tried {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u32::from_str_radix(text, 16).map(Self)
    }
}

/// Every failure, in the order of the page.
pub(super) const GROUPS: [Group; 4] = [
    Group {
        title: "The sign-in",
        failures: sign_in::SIGN_IN,
    },
    Group {
        title: "The tokens",
        failures: tokens::TOKENS,
    },
    Group {
        title: "Calls to the API",
        failures: calls::CALLS,
    },
    Group {
        title: "Sheets",
        failures: sheets::SHEETS,
    },
];

/// The failure called `name`.
pub(super) fn find(name: &str) -> Option<&'static Failure> {
    all().find(|failure| failure.name == name)
}

/// The path at which the shared sheet is read, at the API.
pub(super) fn api_of_board() -> String {
    format!("/2.0{BOARD}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_fit_into_an_address() {
        let names: Vec<&str> = all().map(|failure| failure.name).collect();
        // Each has a bit of its own.
        assert!(names.len() <= 32);
        assert_eq!(start_here().count(), START_HERE.len());
        for (index, name) in names.iter().enumerate() {
            assert!(!names[..index].contains(name), "{name} twice");
            assert!(
                name.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
            );
            assert_eq!(find(name).map(|failure| failure.name), Some(*name));
        }
    }
}
