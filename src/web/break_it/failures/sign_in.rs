//! What can go wrong at a sign-in.

use super::{Failure, Way};
use crate::web::frame::Lesson;

pub(super) const SIGN_IN: &[Failure] = &[
    Failure {
        name: "deny",
        title: "Deny access",
        teaser: "The person says no at Smartsheet.",
        ends_with: "403, an error page: you chose not to sign in",
        way: Way::SignIn(&[("sandbox_decision", "deny")]),
        lesson: Lesson {
            title: "You denied access.",
            text: "Smartsheet sent the browser back with “access_denied”. The app checked the state, asked for no token and \
                   answered 403.",
        },
    },
    Failure {
        name: "forged-state",
        title: "Forge the state",
        teaser: "A link that somebody else made: a callback with a state that this browser never got.",
        ends_with: "400, an error page: start again",
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
        teaser: "Smartsheet finds fault with the scope that is asked for, and sends the browser back with that error.",
        ends_with: "502, an error page for whoever runs the app",
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
        ends_with: "400, an error page: start again",
        way: Way::SignIn(&[
            ("sandbox_decision", "allow"),
            ("sandbox_user", "full"),
            ("sandbox_fault", "expired_code"),
        ]),
        lesson: Lesson {
            title: "The code had expired.",
            text: "Smartsheet refused the exchange with error code 1069. The app did not repeat it, because a code works once, and \
                   offered to start again.",
        },
    },
    Failure {
        name: "wrong-secret",
        title: "Use a wrong secret",
        teaser: "The app’s secret is not the one that Smartsheet knows.",
        ends_with: "502, an error page for whoever runs the app",
        way: Way::SignIn(&[
            ("sandbox_decision", "allow"),
            ("sandbox_user", "full"),
            ("sandbox_fault", "wrong_secret"),
        ]),
        lesson: Lesson {
            title: "The secret was wrong.",
            text: "Smartsheet refused the app’s proof and called it “invalid_grant”, as if the person were at fault. The app went by \
                   the error code, and answered 502 for whoever runs it.",
        },
    },
    Failure {
        name: "malformed-token-answer",
        title: "Cut off the token answer",
        teaser: "The answer to the exchange is JSON that is cut off in the middle.",
        ends_with: "502, an error page: the sign-in failed",
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
        teaser: "Smartsheet takes the code and does not answer.",
        ends_with: "504, an error page: the sign-in failed",
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
