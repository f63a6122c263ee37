//! Whether other processes use the same file.
//!
//! SQLite does not say, so two empty files beside it do, by locks that end with their process, however it ends. Whoever
//! opens the file first holds the one exclusively; all others share the other.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::open_private;

/// This process among those that use a file.
#[derive(Debug)]
pub(crate) enum Neighbours {
    /// It was the first. Others hold the second of these files; the first is locked for as long as it is open.
    First { _first: File, others: File },
    /// There was another before, or nobody knows.
    Later { _others: Option<File> },
}

impl Neighbours {
    /// Joins the processes that use `file`. Where locks don't work, there are always others.
    pub(crate) fn of(file: &Path) -> Self {
        Self::join(file).unwrap_or(Self::Later { _others: None })
    }

    fn join(file: &Path) -> std::io::Result<Self> {
        let beside = |what: &str| {
            let mut name = file.as_os_str().to_owned();
            name.push(what);
            open_private(Path::new(&name))
        };
        let (first, others) = (beside("-first")?, beside("-others")?);
        match first.try_lock() {
            Ok(()) => Ok(Self::First {
                _first: first,
                others,
            }),
            Err(TryLockError::WouldBlock) => {
                // The first may look at this very moment, which takes a microsecond.
                others.lock_shared()?;
                Ok(Self::Later {
                    _others: Some(others),
                })
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Whether other processes use the file right now. One that came later says so even after the others have gone.
    pub(crate) fn are_there(&self) -> bool {
        match self {
            Self::First { others, .. } => {
                let is_free = others.try_lock().is_ok();
                !(is_free && others.unlock().is_ok())
            }
            Self::Later { .. } => true,
        }
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
        let first = Neighbours::of(&file);
        assert!(!first.are_there());
        let (second, third) = (Neighbours::of(&file), Neighbours::of(&file));
        assert!(first.are_there() && second.are_there() && third.are_there());
        drop(second);
        assert!(first.are_there());
        drop(third);
        assert!(!first.are_there());
        // Whoever comes first next is the first, but for those that are still there.
        let second = Neighbours::of(&file);
        drop(first);
        let next = Neighbours::of(&file);
        assert!(next.are_there());
        drop(second);
        assert!(!next.are_there());
    }

    #[test]
    fn where_nothing_can_be_locked_there_may_be_others() {
        let folder = TempDir::new().unwrap();
        let nowhere = folder.path().join("missing").join("some.db");
        assert!(Neighbours::of(&nowhere).are_there());
    }
}
