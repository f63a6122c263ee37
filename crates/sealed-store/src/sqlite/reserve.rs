//! Room on the disk that is kept for what ends a session.
//!
//! A full disk must refuse sign-ins and never a sign-out, though SQLite needs room to remove a row, too. So a file beside the
//! databases takes room for nothing. When a change that ends something finds no room, the file is made shorter by a piece.
//! Until it has its length again, nothing else is written, or that would take the room that was given up.

use std::fs::{self, File};
use std::io::{ErrorKind, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};

use super::open_private;

/// Its name, in the folder of the databases.
const NAME: &str = "room-for-sign-outs";

/// How long it is, in bytes. Removing a row takes some 40 KiB of the write-ahead log, for any number of rows at once. When the
/// log is full, its pages are copied into the database, which may grow by that much less.
pub(super) const BYTES: u64 = 4 * 1024 * 1024;

/// How much is given up at a time, in bytes: whatever else fills the disk gets no more than that.
const PIECE: u64 = 256 * 1024;

/// How often it is tried to get the room back.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// The file, as one writer sees it. Several may use it: its length is what they all go by.
#[derive(Debug)]
pub(super) struct Reserve {
    file: PathBuf,
    /// Whether it is this writer's business to make it.
    is_keeper: bool,
    /// When making it failed last, and whether others may write all the same.
    failed: Option<(Instant, bool)>,
}

impl Reserve {
    /// The one beside `database`.
    pub(super) fn beside(database: &Path, is_keeper: bool) -> Self {
        Self {
            file: database.with_file_name(NAME),
            is_keeper,
            failed: None,
        }
    }

    /// Whether others may write than those who end something. Tries to get back what was given up.
    pub(super) fn is_whole(&mut self) -> bool {
        match fs::metadata(&self.file) {
            Ok(found) if found.len() >= BYTES => return true,
            // Nobody keeps one here.
            Err(_) if !self.is_keeper => return true,
            Ok(_) if !self.is_keeper => return false,
            _ => {}
        }
        match self.failed {
            Some((at, may_write)) if at.elapsed() < TRY_EVERY => may_write,
            _ => self.make(),
        }
    }

    /// Gives up a piece. `false` when there is none.
    pub(super) fn give_up(&self) -> bool {
        let shorten = || {
            let file = File::options().write(true).open(&self.file)?;
            let left = file.metadata()?.len();
            file.set_len(left.saturating_sub(PIECE)).map(|()| left > 0)
        };
        let has_given = shorten().unwrap_or(false);
        if has_given {
            tracing::warn!(
                "the disk is full: room that was kept for that is given up, so that sessions can end"
            );
        }
        has_given
    }

    /// Makes the file as long as it is to be. `false` when there is no room. Where no file can be made for another reason,
    /// there is none, and nothing waits for it.
    fn make(&mut self) -> bool {
        match self.fill() {
            Ok(()) => {
                self.failed = None;
                true
            }
            Err(error) => {
                let is_full = matches!(
                    error.kind(),
                    ErrorKind::StorageFull | ErrorKind::QuotaExceeded
                );
                if !is_full {
                    tracing::debug!(%error, "no room can be kept for sign-outs");
                }
                self.failed = Some((Instant::now(), !is_full));
                !is_full
            }
        }
    }

    fn fill(&self) -> std::io::Result<()> {
        let mut file = open_private(&self.file)?;
        let mut length = file.seek(SeekFrom::End(0))?;
        // Some file systems keep no room for zeros. The noise is no secret: a generator that asks the system for each piece
        // would take longer than writing it.
        let mut source = SmallRng::from_rng(&mut rand::rng());
        let mut noise = vec![0; 64 * 1024];
        while length < BYTES {
            source.fill_bytes(&mut noise);
            let missing = usize::try_from(BYTES - length).unwrap_or(noise.len());
            let written = file.write(&noise[..missing.min(noise.len())])?;
            if written == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
            length += written as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use tempfile::TempDir;

    use super::*;
    use crate::sqlite::{Database, Durability};

    #[test]
    fn it_is_made_given_up_and_made_again() {
        let folder = TempDir::new().unwrap();
        let database = folder.path().join("some.db");
        let mut other = Reserve::beside(&database, false);
        assert!(other.is_whole() && !other.give_up(), "nobody keeps one");
        let mut keeper = Reserve::beside(&database, true);
        assert!(keeper.is_whole());
        let length = || fs::metadata(folder.path().join(NAME)).unwrap().len();
        assert_eq!(length(), BYTES);
        assert!(keeper.give_up());
        assert_eq!(length(), BYTES - PIECE);
        assert!(!other.is_whole(), "others wait for it");
        assert!(keeper.is_whole() && other.is_whole());
        let pieces = std::iter::repeat_with(|| other.give_up()).take_while(|given| *given);
        assert_eq!(pieces.count() as u64, BYTES / PIECE);
        assert_eq!(length(), 0);
    }

    /// A change that finds no room is made again for each piece, and those beside it are not.
    #[tokio::test]
    async fn what_ends_something_gets_the_room() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("some.db");
        let length = || fs::metadata(folder.path().join(NAME)).map_or(0, |found| found.len());
        let opened = Database::open(&file, Durability::PowerFailure, &[]).await;
        let database = opened.unwrap();
        database.write(|_| Ok(0)).await.unwrap();
        assert_eq!(length(), BYTES);
        let full = || {
            let error = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
            rusqlite::Error::SqliteFailure(error, None)
        };
        let plain = database.write(move |_| Err(full())).await;
        assert!(plain.unwrap_err().text().contains("full"));
        assert_eq!(length(), BYTES, "nothing is given up for it");
        let tries = AtomicU64::new(0);
        let ending = database.write_ending(move |_| match tries.fetch_add(1, Ordering::SeqCst) {
            0..3 => Err(full()),
            _ => Ok(7),
        });
        assert_eq!(ending.await.unwrap(), 7);
        assert_eq!(length(), BYTES - 3 * PIECE);
        assert_eq!(database.write(|_| Ok(1)).await.unwrap(), 1);
        assert_eq!(length(), BYTES, "there was room after all");
        let never = database.write_ending(move |_| Err(full()));
        assert!(never.await.is_err());
        assert_eq!(length(), 0, "it was all that there is");
    }

    #[test]
    fn where_no_file_can_be_made_nothing_waits_for_it() {
        let folder = TempDir::new().unwrap();
        let database = folder.path().join("missing").join("some.db");
        assert!(Reserve::beside(&database, true).is_whole());
    }
}
