//! What can go wrong with calls to the API.

use super::{Failure, Fault, HANG_MS, Order, Way};
use crate::web::frame::Lesson;

pub(super) const CALLS: &[Failure] = &[
    Failure {
        name: "rate-limit",
        title: "Hit the rate limit",
        teaser: "Two calls are refused with 429; the third goes through.",
        ends_with: "200, your profile, a moment later",
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
        ends_with: "503, an error page: come back in a minute",
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
        teaser: "Smartsheet is offline: 503 with error code 4001, again and again.",
        ends_with: "503, an error page: come back later",
        way: Way::Profile(&[Order::FailProfile(Fault::named("maintenance", 4))]),
        lesson: Lesson {
            title: "Smartsheet was down.",
            text: "The app asked four times within two seconds, then answered 503. The session was kept.",
        },
    },
    Failure {
        name: "server-error",
        title: "Fail inside Smartsheet",
        teaser: "An unexpected error, 500 with error code 4000.",
        ends_with: "502, an error page: try again",
        way: Way::Profile(&[Order::FailProfile(Fault::named("server_error", 1))]),
        lesson: Lesson {
            title: "Smartsheet failed.",
            text: "Error code 4000 is one that Smartsheet says not to repeat, so the app did not, and answered 502.",
        },
    },
    Failure {
        name: "malformed-answer",
        title: "Cut off the profile",
        teaser: "The profile is JSON that is cut off in the middle.",
        ends_with: "502, an error page: try again",
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
        ends_with: "502, an error page: try again",
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
        teaser: "Smartsheet does not answer, and the app gives up.",
        ends_with: "504, an error page: try again",
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
        ends_with: "403, an error page: ask your administrator",
        way: Way::SignIn(&[("sandbox_decision", "allow"), ("sandbox_user", "no-api")]),
        lesson: Lesson {
            title: "This person’s plan has no API access.",
            text: "Signing in worked; the call was refused with error code 1004. Asking again would not help, so the app said why \
                   and kept the session.",
        },
    },
];
