//! The failures that can be tried out: how each is arranged, and what there is to learn from it.

use crate::web::frame::Lesson;

/// A failure that a person can try out.
pub(super) struct Failure {
    /// As it is in addresses.
    pub(super) name: &'static str,
    /// On its button.
    pub(super) title: &'static str,
    /// What is about to happen.
    pub(super) teaser: &'static str,
    /// Where it ends, as a status.
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

/// Every failure, in the order of the page.
pub(super) const GROUPS: [Group; 4] = [
    Group {
        title: "The sign-in",
        failures: SIGN_IN,
    },
    Group {
        title: "The tokens",
        failures: TOKENS,
    },
    Group {
        title: "Calls to the API",
        failures: CALLS,
    },
    Group {
        title: "Sheets",
        failures: SHEETS,
    },
];

/// The failure called `name`.
pub(super) fn find(name: &str) -> Option<&'static Failure> {
    GROUPS
        .iter()
        .flat_map(|group| group.failures)
        .find(|failure| failure.name == name)
}

const SIGN_IN: &[Failure] = &[
    Failure {
        name: "deny",
        title: "Deny access",
        teaser: "The person says no at Smartsheet.",
        ends_with: "403",
        way: Way::SignIn(&[("sandbox_decision", "deny")]),
        lesson: Lesson {
            title: "You denied access.",
            text: "Smartsheet sent the browser back with access_denied. The app checked the state, asked for no token and \
                   answered 403.",
        },
    },
    Failure {
        name: "forged-state",
        title: "Forge the state",
        teaser: "A link that somebody else made: a callback with a state that this browser never got.",
        ends_with: "400",
        way: Way::Callback("/redirect?code=codeOfAnAttacker&state=stateOfAnAttacker"),
        lesson: Lesson {
            title: "The state was forged.",
            text: "It is not among the sign-ins that this browser started, so the app answered 400. It did not even ask \
                   Smartsheet about the code.",
        },
    },
    Failure {
        name: "refused-request",
        title: "Ask for what is not allowed",
        teaser: "Smartsheet finds fault with the request itself, and sends the browser back with invalid_scope.",
        ends_with: "502",
        way: Way::SignIn(&[("sandbox_decision", "invalid_scope")]),
        lesson: Lesson {
            title: "Smartsheet refused the request.",
            text: "That is nothing a person can mend, so the app answered 502 and said what whoever runs it has to check.",
        },
    },
    Failure {
        name: "expired-code",
        title: "Let the code expire",
        teaser: "The person takes more than ten minutes between Smartsheet and this app.",
        ends_with: "400",
        way: Way::SignIn(&[
            ("sandbox_decision", "allow"),
            ("sandbox_user", "full"),
            ("sandbox_fault", "expired_code"),
        ]),
        lesson: Lesson {
            title: "The code had expired.",
            text: "Smartsheet refused the exchange with errorCode 1069. The app did not repeat it, because a code works once, and \
                   offered to start again.",
        },
    },
    Failure {
        name: "wrong-secret",
        title: "Use a wrong secret",
        teaser: "The app’s secret is not the one that Smartsheet knows.",
        ends_with: "502",
        way: Way::SignIn(&[
            ("sandbox_decision", "allow"),
            ("sandbox_user", "full"),
            ("sandbox_fault", "wrong_secret"),
        ]),
        lesson: Lesson {
            title: "The secret was wrong.",
            text: "Smartsheet refused the app’s proof and called it invalid_grant, as if the person were at fault. The app went by \
                   the errorCode, and answered 502 for whoever runs it.",
        },
    },
    Failure {
        name: "malformed-token-answer",
        title: "Cut off the token answer",
        teaser: "The answer to the exchange is JSON that ends in the middle.",
        ends_with: "502",
        way: Way::SignIn(&[
            ("sandbox_decision", "allow"),
            ("sandbox_user", "full"),
            ("sandbox_fault", "malformed"),
        ]),
        lesson: Lesson {
            title: "The token answer was cut off.",
            text: "Half a token is no token: the app took nothing from it, stored nothing and answered 502.",
        },
    },
    Failure {
        name: "hanging-exchange",
        title: "Let the exchange hang",
        teaser: "Smartsheet takes the code and does not answer. The app gives up after 10 seconds.",
        ends_with: "504",
        way: Way::SignIn(&[
            ("sandbox_decision", "allow"),
            ("sandbox_user", "full"),
            ("sandbox_fault", "slow"),
            ("sandbox_delay_ms", "20000"),
        ]),
        lesson: Lesson {
            title: "Smartsheet did not answer.",
            text: "The app waited for 10 seconds and answered 504. It did not send the code again: nobody knows whether it was \
                   taken.",
        },
    },
];

const TOKENS: &[Failure] = &[
    Failure {
        name: "expired-token",
        title: "Let the access token expire",
        teaser: "Smartsheet refuses the token before its time is up.",
        ends_with: "200",
        way: Way::Profile(&[Order::Expire]),
        lesson: Lesson {
            title: "The access token had expired.",
            text: "Smartsheet refused it with errorCode 1003. The app renewed it, stored the new pair, and repeated the call; you \
                   noticed nothing.",
        },
    },
    Failure {
        name: "revoked-grant",
        title: "Take the access back",
        teaser: "The person removes this app in Smartsheet’s settings.",
        ends_with: "401",
        way: Way::Profile(&[Order::Revoke]),
        lesson: Lesson {
            title: "The grant was revoked.",
            text: "Smartsheet refused the access token and then the refresh token. The app dropped both and asked you to sign in \
                   again.",
        },
    },
    Failure {
        name: "failing-refresh",
        title: "Let the renewal fail",
        teaser: "The token has expired, and just now Smartsheet can’t issue a new one.",
        ends_with: "502",
        way: Way::Profile(&[
            Order::Expire,
            Order::FailRefresh(Fault::named("server_error", 1)),
        ]),
        lesson: Lesson {
            title: "The renewal failed.",
            text: "That may pass, so the app kept the session with its tokens. Try again: you are still signed in.",
        },
    },
];

const CALLS: &[Failure] = &[
    Failure {
        name: "rate-limit",
        title: "Hit the rate limit",
        teaser: "Two calls are refused with 429; the third goes through.",
        ends_with: "200",
        way: Way::Profile(&[Order::FailProfile(Fault::named("rate_limit", 2))]),
        lesson: Lesson {
            title: "Smartsheet limited the rate, twice.",
            text: "The app paused and asked again, each time a little longer, with some chance in it so that many don’t come back \
                   at once.",
        },
    },
    Failure {
        name: "long-rate-limit",
        title: "Hit the rate limit for long",
        teaser: "Smartsheet refuses with 429 and asks for a pause of a minute.",
        ends_with: "503",
        way: Way::Profile(&[Order::FailProfile(Fault {
            retry_after: Some(60),
            ..Fault::named("rate_limit", 1)
        })]),
        lesson: Lesson {
            title: "Smartsheet asked for a minute.",
            text: "Nobody waits that long for a page, so the app passed the wait on: 503 with Retry-After. You are still signed in.",
        },
    },
    Failure {
        name: "maintenance",
        title: "Close for maintenance",
        teaser: "Smartsheet is offline: 503 with errorCode 4001, again and again.",
        ends_with: "503",
        way: Way::Profile(&[Order::FailProfile(Fault::named("maintenance", 4))]),
        lesson: Lesson {
            title: "Smartsheet was down.",
            text: "The app asked four times within two seconds, then answered 503. The session was kept.",
        },
    },
    Failure {
        name: "server-error",
        title: "Fail inside Smartsheet",
        teaser: "An unexpected error, 500 with errorCode 4000.",
        ends_with: "502",
        way: Way::Profile(&[Order::FailProfile(Fault::named("server_error", 1))]),
        lesson: Lesson {
            title: "Smartsheet failed.",
            text: "errorCode 4000 is one that Smartsheet says not to repeat, so the app did not, and answered 502.",
        },
    },
    Failure {
        name: "malformed-answer",
        title: "Cut off the profile",
        teaser: "The profile is JSON that ends in the middle.",
        ends_with: "502",
        way: Way::Profile(&[Order::FailProfile(Fault::named("malformed", 1))]),
        lesson: Lesson {
            title: "The profile was cut off.",
            text: "The app does not guess what half an answer means: 502, and the session was kept.",
        },
    },
    Failure {
        name: "broken-connection",
        title: "Break the connection",
        teaser: "The connection closes before the answer.",
        ends_with: "502",
        // Twice, because the first connection is one that is kept.
        way: Way::Profile(&[Order::FailProfile(Fault::named("reset", 2))]),
        lesson: Lesson {
            title: "The connection broke.",
            text: "It was kept from an earlier call, and such a one may end at any time, so the app asked once more over a new \
                   one. That broke, too. No answer is no reason to sign anybody out: 502, and the session was kept.",
        },
    },
    Failure {
        name: "hanging-call",
        title: "Let the call hang",
        teaser: "Smartsheet does not answer. The app gives up after 10 seconds.",
        ends_with: "504",
        way: Way::Profile(&[Order::FailProfile(Fault {
            delay_ms: HANG_MS,
            ..Fault::named("slow", 1)
        })]),
        lesson: Lesson {
            title: "Smartsheet did not answer.",
            text: "The app waited for 10 seconds in all and answered 504. The session was kept.",
        },
    },
    Failure {
        name: "no-api-access",
        title: "Have no API access",
        teaser: "Somebody signs in whose plan does not include the API.",
        ends_with: "403",
        way: Way::SignIn(&[("sandbox_decision", "allow"), ("sandbox_user", "no-api")]),
        lesson: Lesson {
            title: "This person’s plan has no API access.",
            text: "Signing in worked; the call was refused with errorCode 1004. Asking again would not help, so the app said why \
                   and kept the session.",
        },
    },
];

const SHEETS: &[Failure] = &[
    Failure {
        name: "row-changed-meanwhile",
        title: "Change a row that somebody else changes",
        teaser: "While you fill in the form, somebody else saves the same row.",
        ends_with: "409",
        way: Way::Row(&[Order::FailSheet(Fault::named("changed_meanwhile", 1))]),
        lesson: Lesson {
            title: "Somebody else was faster.",
            text: "Smartsheet would have taken your change, and theirs would be gone. The app read the row again before it wrote, \
                   found that it was not the one that your form showed, and wrote nothing: 409, with both values.",
        },
    },
    Failure {
        name: "sheet-deleted-meanwhile",
        title: "Save into a sheet that is gone",
        teaser: "While you fill in the form, the sheet is deleted, or is no longer shared with you.",
        ends_with: "404",
        way: Way::Row(&[Order::FailSheet(Fault::named("not_found", 1))]),
        lesson: Lesson {
            title: "The sheet was gone.",
            text: "Smartsheet answered 404 with errorCode 1006, which says no more than that. The app kept what you typed.",
        },
    },
    Failure {
        name: "value-refused",
        title: "Save a value that is refused",
        teaser: "Smartsheet finds that what you typed does not fit the column.",
        ends_with: "422",
        way: Way::Row(&[Order::FailSaving(Fault::named("value_refused", 1))]),
        lesson: Lesson {
            title: "Smartsheet did not take the value.",
            text: "It said so with errorCode 1042. What fits is Smartsheet’s to decide, so the app asks, passes the reason on, and \
                   keeps what you typed.",
        },
    },
    Failure {
        name: "saving-twice-at-once",
        title: "Save while another request saves",
        teaser: "Another request of the same token is saving: errorCode 4004, twice; the third goes through.",
        ends_with: "200",
        way: Way::Row(&[Order::FailSaving(Fault::named("please_retry", 2))]),
        lesson: Lesson {
            title: "Smartsheet was saving something else.",
            text: "errorCode 4004 says that nothing was saved, so the app could send the change again, each time a little later. \
                   Where an answer does not prove that, it never does.",
        },
    },
    Failure {
        name: "large-sheet",
        title: "Open a sheet of 5,000 rows",
        teaser: "More than anybody wants to wait for.",
        ends_with: "200",
        way: Way::Page("/sheets/8046124903589764?page=25"),
        lesson: Lesson {
            title: "That was one page of 50.",
            text: "The app asked Smartsheet for 100 rows and no more. All 5,000 would have taken both of them many times as long.",
        },
    },
];

/// The path at which the shared sheet is read, at the API.
pub(super) fn api_of_board() -> String {
    format!("/2.0{BOARD}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_fit_into_an_address() {
        let names: Vec<&str> = GROUPS
            .iter()
            .flat_map(|group| group.failures)
            .map(|failure| failure.name)
            .collect();
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
