//! Who is saving right now. Smartsheet saves one change of a sheet, and one of an access token, at a time, and refuses a
//! second one meanwhile: nothing of it was saved.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{api_error::ApiError, grants::Digest};

/// The changes that are being saved.
#[derive(Clone, Default)]
pub(super) struct Saving(Arc<Mutex<Vec<Turn>>>);

#[derive(Clone, Copy, PartialEq, Eq)]
struct Turn {
    token: Digest,
    sheet: i64,
}

/// Whoever has it is saving. It ends when it is dropped.
pub(super) struct SavingTurn {
    saving: Saving,
    turn: Turn,
}

impl Saving {
    /// # Errors
    ///
    /// 503, errorCode 4004, while another change of this sheet or of this token is being saved.
    pub(super) fn begin(&self, token: Digest, sheet: i64) -> Result<SavingTurn, ApiError> {
        let turn = Turn { token, sheet };
        let mut turns = self.lock();
        let is_taken = |other: &Turn| other.token == token || other.sheet == sheet;
        if turns.iter().any(is_taken) {
            return Err(ApiError::save_collision());
        }
        turns.push(turn);
        Ok(SavingTurn {
            saving: self.clone(),
            turn,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Turn>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SavingTurn {
    fn drop(&mut self) {
        self.saving.lock().retain(|turn| *turn != self.turn);
    }
}
