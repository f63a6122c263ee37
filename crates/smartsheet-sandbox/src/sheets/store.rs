//! Where the sheets are: in memory, and what was changed in the grants file, if there is one. A sheet is made when it is first
//! asked for.

use std::{
    collections::HashMap,
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Mutex as AsyncMutex;

use super::{
    data::{AccessLevel, Sheet},
    kept::{KeptSheet, differences},
    samples::{self, Sample},
    saving::Saving,
};
use crate::{api_error::ApiError, grants::Digest, grants_file::GrantsFile, users::User};

/// All sheets.
pub(crate) struct Sheets {
    made: Arc<Mutex<Made>>,
    saving: Saving,
    file: Option<Arc<AsyncMutex<GrantsFile>>>,
}

/// The sheets that were asked for, and what is kept of those that were not.
struct Made {
    sheets: HashMap<i64, Arc<Sheet>>,
    kept: HashMap<i64, KeptSheet>,
}

/// An order to change a sheet.
pub(super) struct Save {
    /// The access token that it comes with.
    pub(super) token: Digest,
    pub(super) sheet: i64,
    /// How long that is to take.
    pub(super) takes: Duration,
}

impl Sheets {
    /// The sheets as they start, with the changes that the file has.
    ///
    /// # Errors
    ///
    /// When the file can't be read.
    pub(crate) async fn open(
        file: Option<Arc<AsyncMutex<GrantsFile>>>,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let kept = match &file {
            None => Vec::new(),
            Some(file) => {
                let mut file = Arc::clone(file).lock_owned().await;
                tokio::task::spawn_blocking(move || file.read_sheets()).await??
            }
        };
        let kept = kept.into_iter().map(|sheet| (sheet.id, sheet)).collect();
        let sheets = HashMap::new();
        Ok(Self {
            made: Arc::new(Mutex::new(Made { sheets, kept })),
            saving: Saving::default(),
            file,
        })
    }

    /// The sheets that the user can see, with what they may do there.
    pub(super) fn of(&self, user: &'static User) -> Vec<(Arc<Sheet>, AccessLevel)> {
        let mut made = lock(&self.made);
        samples::seen_by(user)
            .filter_map(|sample| {
                let sheet = made.sheet(sample);
                let level = sheet.access_of(user)?;
                Some((sheet, level))
            })
            .collect()
    }

    /// The sheet with this id and what the user may do there. 404 (errorCode 1006) when they can't see it.
    pub(super) fn find(
        &self,
        user: &'static User,
        id: i64,
    ) -> Result<(Arc<Sheet>, AccessLevel), ApiError> {
        let sample = samples::seen_by(user).find(|sample| sample.id == id);
        let sheet = lock(&self.made).sheet(sample.ok_or_else(ApiError::not_found)?);
        let level = sheet.access_of(user).ok_or_else(ApiError::not_found)?;
        Ok((sheet, level))
    }

    /// Changes a sheet that was found before, and returns it as it is then, with what `change` gave. When that fails, or
    /// the file can't be written, nothing has changed.
    ///
    /// # Errors
    ///
    /// Those of `change`; 4004 while another change is being saved; 5636 when the sheet is full; 4000 when the file can't
    /// be written.
    pub(super) async fn save<T>(
        &self,
        order: Save,
        change: impl FnOnce(&mut Sheet) -> Result<T, ApiError>,
    ) -> Result<(Arc<Sheet>, T), ApiError> {
        let turn = self.saving.begin(order.token, order.sheet)?;
        if !order.takes.is_zero() {
            tokio::time::sleep(order.takes).await;
        }
        let found = lock(&self.made).sheets.get(&order.sheet).cloned();
        let old = found.ok_or_else(ApiError::not_found)?;
        let mut new = Sheet::clone(&old);
        let result = change(&mut new)?;
        if new.version == old.version {
            return Ok((old, result));
        }
        new.keep_within_limits()?;
        let new = Arc::new(new);
        let made = Arc::clone(&self.made);
        let put = {
            let new = Arc::clone(&new);
            move || {
                lock(&made).sheets.insert(new.id, new);
                drop(turn);
            }
        };
        let Some(file) = &self.file else {
            put();
            return Ok((new, result));
        };
        let mut file = Arc::clone(file).lock_owned().await;
        let changed = differences(&old, &new);
        // On a thread of its own, and to its end, as in `ledger.rs`.
        let written = tokio::task::spawn_blocking(move || {
            file.write_sheet(&changed)?;
            put();
            Ok::<_, rusqlite::Error>(())
        });
        match written.await {
            Ok(Ok(())) => Ok((new, result)),
            Ok(Err(error)) => {
                tracing::error!(%error, "the sandbox can't write a sheet to its file");
                Err(ApiError::unexpected())
            }
            Err(error) => {
                tracing::error!(%error, "writing a sheet of the sandbox was interrupted");
                Err(ApiError::unexpected())
            }
        }
    }
}

impl Made {
    fn sheet(&mut self, sample: &Sample) -> Arc<Sheet> {
        let kept = &mut self.kept;
        let sheet = self.sheets.entry(sample.id).or_insert_with(|| {
            let mut sheet = sample.make();
            if let Some(kept) = kept.remove(&sample.id) {
                kept.restore(&mut sheet);
            }
            Arc::new(sheet)
        });
        Arc::clone(sheet)
    }
}

impl Sheet {
    /// Refuses too many rows. When there is too much text, former values are forgotten before it is refused.
    fn keep_within_limits(&mut self) -> Result<(), ApiError> {
        if self.rows.len() > self.limits.rows {
            return Err(ApiError::sheet_full());
        }
        if self.text() > self.limits.text {
            for row in self.rows.iter_mut().filter(|row| !row.past.is_empty()) {
                Arc::make_mut(row).forget_former();
            }
        }
        if self.text() > self.limits.text {
            return Err(ApiError::sheet_full());
        }
        Ok(())
    }
}

/// Each holder makes a single change, so a panic leaves nothing half-done.
fn lock(made: &Mutex<Made>) -> MutexGuard<'_, Made> {
    made.lock().unwrap_or_else(PoisonError::into_inner)
}
