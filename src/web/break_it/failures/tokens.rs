//! What can go wrong with the tokens.

use super::{Failure, Fault, Order, Way};
use crate::web::frame::Lesson;

pub(super) const TOKENS: &[Failure] = &[
    Failure {
        name: "expired-token",
        title: "Let the access token expire",
        teaser: "Smartsheet refuses the token before its time is up.",
        ends_with: "200, your profile, as if nothing had happened",
        way: Way::Profile(&[Order::Expire]),
        lesson: Lesson {
            title: "The access token had expired.",
            text: "Smartsheet refused it with errorCode 1003. The app refreshed it, stored the new pair, and repeated the call; you \
                   noticed nothing.",
        },
    },
    Failure {
        name: "revoked-grant",
        title: "Revoke the access",
        teaser: "The person removes this app in Smartsheet’s settings.",
        ends_with: "401, an error page: sign in again",
        way: Way::Profile(&[Order::Revoke]),
        lesson: Lesson {
            title: "The grant was revoked.",
            text: "Smartsheet refused the access token and then the refresh token. The app dropped both and asked you to sign in \
                   again.",
        },
    },
    Failure {
        name: "failing-refresh",
        title: "Let the refresh fail",
        teaser: "The token has expired, and just now Smartsheet can’t issue a new one.",
        ends_with: "502, an error page: try again",
        way: Way::Profile(&[
            Order::Expire,
            Order::FailRefresh(Fault::named("server_error", 1)),
        ]),
        lesson: Lesson {
            title: "The refresh failed.",
            text: "That may pass, so the app kept the session with its tokens. Try again: you are still signed in.",
        },
    },
];
