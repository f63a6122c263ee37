//! Whether other processes use the same file.
//!
//! SQLite cannot tell us, so we lock two empty files beside the database. The operating system releases the locks when the
//! process ends. The first process that opens the database holds one of the two exclusively; all others share the other.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::open_private;

/// The other processes that use a file.
#[derive(Debug)]
pub struct OtherProcesses(Locks);

#[derive(Debug)]
enum Locks {
    /// This process was the first. The others lock the second of these files; this one's lock is the first.
    First { _first: File, others: File },
    /// Another process was there before, or nobody knows.
    Later { _others: Option<File> },
}

impl OtherProcesses {
    /// Joins the processes that use `file`. Where locks don't work, others are assumed.
    #[must_use]
    pub fn of(file: &Path) -> Self {
        Self(join(file).unwrap_or(Locks::Later { _others: None }))
    }

    /// Whether other processes use the file right now. A process that came later says so even after the others have gone.
    #[must_use]
    pub fn are_there(&self) -> bool {
        match &self.0 {
            Locks::First { others, .. } => {
                let is_free = others.try_lock().is_ok();
                !(is_free && others.unlock().is_ok())
            }
            Locks::Later { .. } => true,
        }
    }
}

fn join(file: &Path) -> std::io::Result<Locks> {
    let beside = |what: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(what);
        open_private(Path::new(&name))
    };
    let (first, others) = (beside("-first")?, beside("-others")?);
    match first.try_lock() {
        Ok(()) => Ok(Locks::First {
            _first: first,
            others,
        }),
        Err(TryLockError::WouldBlock) => {
            // The first process may be testing this lock right now, which takes a microsecond.
            others.lock_shared()?;
            Ok(Locks::Later {
                _others: Some(others),
            })
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn the_first_is_alone_until_another_comes_and_when_it_has_gone() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("some.db");
        let first = OtherProcesses::of(&file);
        assert!(!first.are_there());
        let (second, third) = (OtherProcesses::of(&file), OtherProcesses::of(&file));
        assert!(first.are_there() && second.are_there() && third.are_there());
        drop(second);
        assert!(first.are_there());
        drop(third);
        assert!(!first.are_there());
        // Whoever comes first next is the first, but for those that are still there.
        let second = OtherProcesses::of(&file);
        drop(first);
        let next = OtherProcesses::of(&file);
        assert!(next.are_there());
        drop(second);
        assert!(!next.are_there());
    }

    #[test]
    fn where_nothing_can_be_locked_there_may_be_others() {
        let folder = TempDir::new().unwrap();
        let nowhere = folder.path().join("missing").join("some.db");
        assert!(OtherProcesses::of(&nowhere).are_there());
    }
}
