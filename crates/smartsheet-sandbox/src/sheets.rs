//! The sheets of the API: reading them, adding and changing rows, and who may do that.
//!
//! | file | subject |
//! | --- | --- |
//! | `data` | what a sheet is made of |
//! | `samples` | the sheets as they start, and whose they are |
//! | `read`, `narrow`, `index`, `view` | the endpoints that read; which part was asked for; lists; the form of the answers |
//! | `write`, `request`, `place`, `values` | the endpoints that write; what is sent; where rows go; which values fit |
//! | `meanwhile` | a change by somebody else, when that was ordered |
//! | `store`, `saving` | where the sheets are; who is saving |
//! | `kept`, `file` | what of them outlives the process |

mod data;
mod file;
mod index;
mod kept;
mod meanwhile;
mod narrow;
mod place;
mod read;
mod request;
mod samples;
mod saving;
pub(super) mod store;
mod values;
mod view;
mod write;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};

pub(super) use self::meanwhile::ChangedMeanwhile;
pub(super) use self::write::SavingTakes;
use super::shared::Shared;

/// The endpoints.
pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/2.0/sheets", get(read::list))
        .route("/2.0/sheets/{id}", get(read::get))
        .route("/2.0/sheets/{id}/version", get(read::version))
        .route("/2.0/sheets/{id}/rows", post(write::add).put(write::update))
        .route("/2.0/sheets/{id}/rows/{row}", get(read::get_row))
        .route(
            "/2.0/sheets/{id}/rows/{row}/columns/{column}/history",
            get(read::history),
        )
}
