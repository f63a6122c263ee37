//! The one place where grants change: decide, write to disk, then change memory.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Mutex as AsyncMutex;

use super::{
    api_error::ApiError,
    grants::{Book, Change, Limits},
    grants_file::GrantsFile,
    options::OpenError,
};

/// The book of grants and the file that outlives the process, if there is one.
pub(super) struct Ledger {
    book: Arc<Mutex<Book>>,
    /// Held from the decision until memory has changed, so that no decision is made on a state that is about to change.
    file: Option<Arc<AsyncMutex<GrantsFile>>>,
}

impl Ledger {
    /// Reads the file, if one is given. The number says how often this file was opened before.
    pub(super) async fn open(path: Option<&Path>) -> Result<(Self, u64), OpenError> {
        let mut book = Book::new(Limits::STANDARD);
        let mut starts = 0;
        let mut file = None;
        if let Some(path) = path {
            let path = path.to_owned();
            let opening = path.clone();
            let opened = tokio::task::spawn_blocking(move || GrantsFile::open(&opening)).await;
            let opened = opened
                .unwrap_or_else(|panic| Err(panic.into()))
                .map_err(|source| OpenError::GrantsFile { path, source })?;
            for grant in opened.grants {
                book.apply(Change::put(grant));
            }
            starts = opened.starts;
            file = Some(Arc::new(AsyncMutex::new(opened.file)));
        }
        let book = Arc::new(Mutex::new(book));
        Ok((Self { book, file }, starts))
    }

    /// The file, if there is one.
    pub(super) fn file(&self) -> Option<Arc<AsyncMutex<GrantsFile>>> {
        self.file.clone()
    }

    /// Answers a question. Keep it short: everyone else waits.
    pub(super) fn read<T>(&self, question: impl FnOnce(&Book) -> T) -> T {
        question(&lock(&self.book))
    }

    /// Decides on the present state, and returns the decision once its changes are safe on disk and made in memory.
    ///
    /// # Errors
    ///
    /// Errorcode 4000 when the file can't be written; then nothing has changed.
    pub(super) async fn commit<T>(
        &self,
        decide: impl FnOnce(&Book) -> (Vec<Change>, T),
    ) -> Result<T, ApiError> {
        let Some(file) = &self.file else {
            let mut book = lock(&self.book);
            let (changes, decision) = decide(&book);
            for change in changes {
                book.apply(change);
            }
            return Ok(decision);
        };
        let mut file = Arc::clone(file).lock_owned().await;
        let (changes, decision) = decide(&lock(&self.book));
        if changes.is_empty() {
            return Ok(decision);
        }
        let book = Arc::clone(&self.book);
        // On a thread of its own, because it waits for the disk; and to its end, because a client that hangs up ends the
        // request's future, and must not leave the file changed and memory not.
        let written = tokio::task::spawn_blocking(move || {
            file.write(&changes)?;
            let mut book = lock(&book);
            for change in changes {
                book.apply(change);
            }
            Ok::<_, rusqlite::Error>(())
        });
        match written.await {
            Ok(Ok(())) => Ok(decision),
            Ok(Err(error)) => {
                tracing::error!(%error, "the sandbox can't write its grants file");
                Err(ApiError::unexpected())
            }
            Err(error) => {
                tracing::error!(%error, "writing the sandbox's grants file was interrupted");
                Err(ApiError::unexpected())
            }
        }
    }
}

/// Nothing panics while it holds the lock; if something did, the book would still be whole, as `apply` can't fail midway.
fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}
