//! What can go wrong with sheets.

use super::{Failure, Fault, Order, Way};
use crate::web::frame::Lesson;

pub(super) const SHEETS: &[Failure] = &[
    Failure {
        name: "row-changed-meanwhile",
        title: "Change a row that somebody else changes",
        teaser: "While you fill in the form, somebody else saves the same row.",
        ends_with: "409, the form again, with both values to choose from",
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
        ends_with: "404, an error page that keeps what you typed",
        way: Way::Row(&[Order::FailSheet(Fault::named("not_found", 1))]),
        lesson: Lesson {
            title: "The sheet was gone.",
            text: "Smartsheet answered 404 with error code 1006, which says no more than that. The app kept what you typed.",
        },
    },
    Failure {
        name: "value-refused",
        title: "Save a value that is refused",
        teaser: "Smartsheet finds that what you typed does not fit the column.",
        ends_with: "422, the form again, with what is wrong",
        way: Way::Row(&[Order::FailSaving(Fault::named("value_refused", 1))]),
        lesson: Lesson {
            title: "Smartsheet did not take the value.",
            text: "It said so with error code 1042. What fits is Smartsheet’s to decide, so the app asks, passes the reason on, and \
                   keeps what you typed.",
        },
    },
    Failure {
        name: "saving-twice-at-once",
        title: "Save while another request saves",
        teaser: "Another request of the same token is saving: error code 4004, twice; the third goes through.",
        ends_with: "200, the sheet with your change, a moment later",
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
        ends_with: "200, one page of the sheet",
        way: Way::Page("/sheets/8046124903589764?page=25"),
        lesson: Lesson {
            title: "That was one page of 50.",
            text: "The app asked Smartsheet for 100 rows and no more. All 5,000 would have taken both of them many times as long.",
        },
    },
];
